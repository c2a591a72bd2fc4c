"""A team's policy: how it is read and refused, and everything it decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.memory import gpu_memory_needed, memory_needed
from profiler.sizing.search import Answer, grid, next_probe
from profiler.spec import STANDARD, Floors, Grid, Limits, Objective, Policy
from profiler.spec_reader import spec_to_json
from profiler.spec_reader.policy import policy_to_json
from profiler.units import MIB
from tests.measurements import GIB, INVALID, SEARCH, advised, measured
from tests.spec_files import SpecFiles
from tests.test_gpu_numbers import with_peak

FRUGAL = {
    "name": "frugal",
    "cpu_margin": 0.1,
    "memory_margin": 0.05,
    "memory_step_bytes": 4 * MIB,
    "steps_up": 1,
    "grid": {"steps_millicores": [[50, 500], [100, 2000]], "step_above_millicores": 1000},
    "floors": {"cpu_millicores": 150, "memory_bytes": 64 * MIB},
    "objective": {
        "percentile": 99.0,
        "max_error_rate": 0.01,
        "confidence": 0.9,
        "latency_ratio": 2.0,
        "throughput_share": 0.5,
    },
}


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    return SpecFiles(tmp_path)


# --- Reading --------------------------------------------------------------------------------------
def test_without_one_the_standard_policy_holds(files) -> None:
    assert files.read().policy == STANDARD
    assert files.set("policy", {"name": "ours"}).read().policy == replace(STANDARD, name="ours")


def test_every_key_of_a_policy_is_taken_and_written_back(files) -> None:
    spec = files.set("policy", FRUGAL).read()
    assert spec.policy == Policy(
        "frugal",
        cpu_margin=0.1,
        memory_margin=0.05,
        memory_step_bytes=4 * MIB,
        steps_up=1,
        grid=Grid(((50, 500), (100, 2000)), 1000),
        floors=Floors(150, 64 * MIB),
        objective=Objective(99.0, None, 0.01, 0.9, 2.0, 0.5),
    )
    assert policy_to_json(spec.policy) == FRUGAL
    assert spec_to_json(spec, files.folder)["policy"] == FRUGAL


def test_an_objective_takes_what_it_leaves_open_from_the_policy(files) -> None:
    files.set("policy", FRUGAL)
    assert files.read().objective == Objective(99.0, None, 0.01, 0.9, 2.0, 0.5)
    files.set("objective", {"latency_ms": 20, "confidence": 0.99})
    assert files.read().objective == Objective(99.0, 20.0, 0.01, 0.99, 2.0, 0.5)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("name", "our policy", "is not valid; begin with a letter or digit"),
        ("cpu_margin", -0.1, "must be from 0 to 10, not -0.1; a share such as 0.15"),
        ("memory_margin", 15, "must be from 0 to 10, not 15; a share such as 0.15"),
        ("memory_step_bytes", 1000, "must be from 1048576 to"),
        ("steps_up", 1.5, "must be a whole number from 0 to 100"),
        ("grid", [100], "must be an object in braces"),
        ("grid.steps_millicores", 100, "must be a list in square brackets"),
        ("grid.steps_millicores", [100], "must be two whole numbers, [step, up to], not 100"),
        ("grid.steps_millicores", [[100, True]], "must be two whole numbers"),
        ("grid.steps_millicores", [[0, 1000]], "the step must be from 10 to 1000000, not 0"),
        ("grid.steps_millicores", [[100, 0]], "must go up to a size above 0"),
        (
            "grid.steps_millicores",
            [[100, 1000], [50, 1000]],
            "must go up to a size above 1000, where the one before ends, and at most 1000000, "
            "not 1000",
        ),
        ("grid.step_above_millicores", 0, "must be from 10 to 1000000"),
        ("floors.cpu_millicores", 5, "must be from 10 to 1000000"),
        ("floors.memory_bytes", 1, "must be from 16777216 to"),
        ("objective.latency_ms", 50, "unknown key"),
        ("objective.confidence", 95, "must be from 0.5 to 0.9999"),
        ("marign", 1, "unknown key"),
        ("floors.cpu_millicores", 3500, "is above limits.cpu_millicores, 3000; lower the floor"),
        ("floors.memory_bytes", 16 * GIB, "is above limits.memory_bytes"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(files, place, value, said) -> None:
    ((found, message),) = files.set(f"policy.{place}", value).problems()
    assert found.startswith(f"policy.{place}")
    assert said in message


# --- The grid -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("steps", "above", "floor", "limit", "points"),
    [
        (((50, 100), (200, 500)), 300, None, 1000, (50, 100, 300, 500, 800, 1000)),
        (((300, 1000),), 500, None, 2000, (300, 600, 900, 1000, 1500, 2000)),  # ends are points
        ((), 250, None, 600, (250, 500, 600)),
        (((100, 1000),), 500, 250, 500, (250, 300, 400, 500)),
        (((100, 1000),), 500, 300, 500, (300, 400, 500)),
        (((100, 1000),), 500, 50, 300, (100, 200, 300)),  # below the first step it decides nothing
        (((100, 1000),), 500, 500, 500, (500,)),
    ],
)
def test_the_grid_is_the_policys(steps, above, floor, limit, points) -> None:
    policy = Policy(grid=Grid(steps, above), floors=Floors(cpu_millicores=floor))
    assert grid(limit, policy) == points


@given(
    limit=st.integers(100, 16_000),
    floor=st.integers(10, 16_000),
    step=st.integers(10, 900),
    above=st.integers(10, 900),
)
def test_nothing_below_the_floor_is_ever_tried(limit, floor, step, above) -> None:
    floor = min(floor, limit)
    policy = Policy(grid=Grid(((step, 1000),), above), floors=Floors(cpu_millicores=floor))
    points = grid(limit, policy)
    assert list(points) == sorted(set(points))
    assert (points[0] >= floor, points[-1]) == (True, limit)
    tried, results = [], {}
    while not isinstance(point := next_probe(points, results), Answer):
        tried.append(point)
        results[point] = "passed"
    assert point.cpu_millicores == points[0]
    assert min(tried) >= floor


# --- Memory and words -----------------------------------------------------------------------------
def test_memory_is_never_below_the_floor() -> None:
    limits, floor = Limits(1000, 2 * GIB), Policy(floors=Floors(memory_bytes=GIB))
    assert memory_needed(SEARCH, limits, floor) == GIB
    lower = Policy(floors=Floors(memory_bytes=64 * MIB))
    assert memory_needed(SEARCH, limits, lower) == 192 * MIB


def test_the_floor_of_memory_is_not_for_gpus() -> None:
    policy = Policy(floors=Floors(memory_bytes=64 * GIB))
    assert gpu_memory_needed([with_peak(100 * MIB)], policy) == 128 * MIB


def test_the_explanation_names_the_policy_where_it_decided() -> None:
    policy = Policy("careful", memory_margin=0.5, floors=Floors(300, GIB))
    points = grid(1000, policy)
    found = advised(
        [measured("measuring", 1000), measured("sizing", 300), measured("verifying", 300,
                                                                        memory_bytes=GIB)],
        points=points,
        policy=policy,
    )  # fmt: skip
    assert (found.standing, found.cpu_millicores, found.memory_bytes) == ("verified", 300, GIB)
    assert "the smallest size that is tried, the floor of policy careful." in found.explanation
    assert (
        "plus 50%, rounded up to 16 MiB (policy careful, at least 1 GiB), is 1 GiB."
        in found.explanation
    )


def test_a_policy_without_steps_up_declines_at_once_and_says_so() -> None:
    failed = [*SEARCH, measured("verifying", 300, "failed")]
    found = advised(failed, policy=Policy("strict", steps_up=0))
    assert found.standing == "declined"
    assert found.reasons[-1] == "Policy strict takes no more than 0 steps up."
    undecided = [*SEARCH, measured("verifying", 300, **INVALID)]
    assert "steps up" not in advised(undecided).explanation


def test_margins_and_steps_of_memory_are_the_policys() -> None:
    limits = Limits(1000, 2 * GIB)
    # The peak is 163 MiB: 163, 179.3 and 326 before rounding.
    for margin, step_mib, expected_mib in ((0, 1, 163), (0.1, 4, 180), (1.0, 16, 336)):
        policy = Policy(memory_margin=margin, memory_step_bytes=step_mib * MIB)
        assert memory_needed(SEARCH, limits, policy) == expected_mib * MIB
