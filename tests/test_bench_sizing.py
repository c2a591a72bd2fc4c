"""The sizing benchmarks: their services can be run, and truth is kept and read rightly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import render
from bench.sizing.case import Case
from bench.sizing.catalogue import NAMES, SERVICES, inputs_of, spec_of
from bench.sizing.memory_kept import TooSlow, is_enough, with_room
from bench.sizing.predictions import errors, fix_of
from bench.sizing.run_facts import RULES, judged_cpu, judged_memory, memory_allowance_bytes
from bench.sizing.truth_file import FOLDER, MOST_TRIES, Truth
from profiler.dataset import read_dataset
from profiler.sizing.latency_model import LatencyModel, Point
from profiler.sizing.search import grid

SCRIPTS = sorted((Path(__file__).parent.parent / "bench" / "sizing").glob("[a-z]*.py"))
GRID = (100, 200, 300)


@pytest.mark.parametrize("name", NAMES)
def test_each_service_has_a_spec_that_may_be_run(name) -> None:
    spec = spec_of(name)
    assert len(read_dataset(spec.dataset)) >= 20
    assert spec.objective.latency_ms and spec.load.stages[0].rate_rps
    assert grid(spec.limits.cpu_millicores) == tuple(range(100, 1001, 100))


def test_no_service_is_left_out() -> None:
    assert {path.parent.name for path in SERVICES.glob("*/spec.json")} == set(NAMES)


def test_the_rows_are_those_that_their_script_makes(tmp_path) -> None:
    made = tmp_path / "make_rows.py"
    made.write_text((SERVICES / "make_rows.py").read_text())
    for name in NAMES:
        (tmp_path / name).mkdir()
    subprocess.run([sys.executable, made], check=True)
    for name in NAMES:
        rows = f"{name}/requests.jsonl"
        assert (tmp_path / rows).read_text() == (SERVICES / rows).read_text()


def test_what_truth_holds_for_changes_with_the_code(tmp_path, monkeypatch) -> None:
    import shutil

    from bench.sizing import catalogue

    shutil.copytree(SERVICES, tmp_path / "services")
    monkeypatch.setattr(catalogue, "SERVICES", tmp_path / "services")
    assert inputs_of("fixed") == catalogue.inputs_of("fixed")
    with (tmp_path / "services" / "as_asked" / "score.py").open("a") as script:
        script.write("# slower\n")
    changed = catalogue.inputs_of("fixed")
    assert changed["code"] != catalogue.inputs_of("threads")["code"]
    monkeypatch.setattr(catalogue, "SERVICES", SERVICES)
    assert changed != inputs_of("fixed")


# What follows from the points


def taken(outcome: str, *, valid: bool = True, counted: int = 2000) -> dict:
    return {"outcome": outcome, "valid": valid, "counted": counted}


def truth_of(points: dict[int, list[dict]]) -> Truth:
    return Truth("fixed", {}, points=points)


def test_a_size_passes_once_or_always() -> None:
    truth = truth_of({
        100: [taken("failed")] * 3,
        200: [taken("failed"), taken("passed"), taken("failed")],
        300: [taken("passed")] * 3,
    })  # fmt: skip
    assert truth.passes_once_millicores == 200
    assert truth.passes_always_millicores == 300
    assert truth_of({100: [taken("failed")] * 3}).passes_always_millicores is None


def test_what_may_not_be_believed_is_taken_again_and_does_not_count() -> None:
    truth = truth_of({
        100: [taken("passed", valid=False)] + [taken("failed")] * 3,
        200: [taken("passed")] * 3,
        300: [taken("failed", valid=False)] + [taken("passed")] * 2,
    })  # fmt: skip
    assert list(truth.missing(GRID)) == [300]
    assert truth.passes_once_millicores == 200
    truth.points[300].append(taken("passed"))
    assert truth.is_whole(GRID)


def test_a_point_that_is_never_believed_ends_somewhere() -> None:
    truth = truth_of({cpu: [taken("passed", valid=False)] * MOST_TRIES for cpu in GRID})
    assert truth.is_whole(GRID)
    assert truth.passes_once_millicores is None


def test_every_repetition_of_the_grid_comes_after_the_one_before() -> None:
    truth = truth_of({300: [taken("passed")], 200: [taken("passed")]})
    assert next(truth.missing(GRID)) == 100
    truth.points[100] = [taken("failed")]
    assert next(truth.missing(GRID)) == 300
    assert list(truth.missing(GRID, tries=1)) == []


def test_truth_is_read_as_it_was_kept(tmp_path) -> None:
    truth = truth_of({200: [taken("passed")], 100: [taken("failed")]})
    truth.write(tmp_path)
    assert Truth.read(tmp_path / "fixed.json") == truth
    assert list(json.loads((tmp_path / "fixed.json").read_text())["points"]) == ["100", "200"]


def test_the_kept_truths_are_of_the_services_as_they_are() -> None:
    for path in FOLDER.glob("*.json"):
        assert Truth.read(path).inputs == inputs_of(path.stem), f"truth.py {path.stem} --afresh"


def test_the_documentation_shows_the_figures_that_are_kept() -> None:
    page = render.SIZING_PAGE.read_text()
    assert [place["name"] for place in render.PLACE.finditer(page)] == ["sizing"]
    assert render.rendered(page, render.read_results()) == page, "run bench/render.py"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_says_what_it_is_for(path) -> None:
    if "__main__" in path.read_text():
        done = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "usage" in done.stdout


# Judging

EDGE = {
    100: [taken("failed")] * 3,
    200: [taken("failed"), taken("passed"), taken("failed")],
    300: [taken("passed")] * 3,
    400: [taken("passed")] * 3,
    500: [taken("passed")] * 3,
}


@pytest.mark.parametrize(
    ("advised", "within"),
    [(100, False), (200, True), (300, True), (400, True), (500, False), (None, False)],
)
def test_an_advice_is_within_from_what_passes_once_to_a_step_above_always(advised, within) -> None:
    case = Case("fixed", truth_of(EDGE), [], tuple(EDGE), margin=0.15, rps=50.0)
    assert case.is_within({"cpu_millicores": advised}) is within


def test_brute_force_is_every_point_three_times_though_the_truth_ends_what_piles_up() -> None:
    failed, passed = taken("failed", counted=7), taken("passed", counted=10)
    truth = truth_of({100: [failed] * 3, 200: [passed] * 3})
    truth.requests = 10
    case = Case("fixed", truth, [], tuple(truth.points), margin=0.15, rps=50.0)
    assert (case.brute_requests, case.brute_s) == (60, 1.2)
    assert case.counted_requests == 3 * 7 + 3 * 10


def test_a_memory_is_enough_for_three_services_and_not_blamed_for_a_slow_machine() -> None:
    def kept_by(*answers: bool):
        left = iter(answers)
        return lambda memory_bytes: next(left)

    assert is_enough(kept_by(True, True, True), 1, 2)
    assert not is_enough(kept_by(True, False, True), 1, 2)  # the largest keeps it right after
    assert is_enough(kept_by(True, False, False, True, True), 1, 2)  # nor does the largest
    with pytest.raises(TooSlow):
        is_enough(lambda memory_bytes: False, 1, 2)


def test_the_memory_is_judged_a_step_above_the_cpu_that_passes_always() -> None:
    failed, passed = taken("failed"), taken("passed")
    assert with_room(truth_of({100: [failed] * 3, 200: [passed] * 3, 300: [passed] * 3})) == 300
    assert with_room(truth_of({100: [failed] * 3, 200: [passed] * 3})) == 200


def test_the_rules_of_others_by_hand() -> None:
    use = {
        "cpu_windows_millicores": [100, 200, 300, 400],
        "cpu_used_max_millicores": 420,
        "memory_peak_bytes": 300_000_000,
    }
    vpa, krr, most = RULES
    assert (vpa.cpu(use), vpa.memory(use)) == pytest.approx((460, 345_000_000))
    assert (krr.cpu(use), krr.memory(use)) == pytest.approx((400, 345_000_000))
    assert (most.cpu(use), most.memory(use)) == (420, 300_000_000)
    least = {"cpu_windows_millicores": [1], "memory_peak_bytes": 1}
    assert (vpa.cpu(least), vpa.memory(least)) == (25, 250_000_000)
    assert (krr.cpu(least), krr.memory(least)) == (10, 100_000_000)


def test_a_size_of_a_rule_counts_as_the_next_of_the_grid() -> None:
    assert judged_cpu(150, 200, 300, GRID).breaks is False
    assert judged_cpu(100, 200, 300, GRID).breaks is True
    assert judged_cpu(360, 200, 300, (*GRID, 400)).slack == pytest.approx(0.2)
    assert judged_cpu(250, 200, 300, GRID).slack == 0
    assert judged_memory(99, 100).breaks and judged_memory(150, 100).slack == 0.5


def test_memory_may_be_the_margin_and_a_step_above_what_survives() -> None:
    assert memory_allowance_bytes(100 << 20, 0.15) == (15 + 16) << 20


# Predictions and fixes

#: p95 at the rate of `fixed` is 10 ms from 500m to 1000m, whatever is asked.
FLAT = LatencyModel(
    mode="open",
    cpu_millicores=(500, 1000),
    levels=(0.1, 0.9),
    highest_rps=(1000.0, 2000.0),
    rate_spread=(0.0, 0.0),
    latency_ms={name: [[10.0, 10.0], [10.0, 10.0]] for name in ("50", "95", "99")},
    spread={name: [[0.0, 0.0], [0.0, 0.0]] for name in ("50", "95", "99")},
    points=(Point(1, 800, 190.0, "passed", False, {"95": 10.0}, {"95": (9.0, 11.0)}),),
    error={},
    error_points=0,
)


def repetition(p95_ms: float, *, achieved_rps: float = 190, piled_up: bool = False) -> dict:
    return {
        **taken("passed"),
        "piled_up": piled_up,
        "offered_rps": 190,
        "achieved_rps": achieved_rps,
        "latency_ms": {"p95": p95_ms},
    }


def test_the_error_of_a_prediction_by_hand() -> None:
    truth = truth_of({
        400: [repetition(900, piled_up=True)] * 3,
        500: [repetition(9, achieved_rps=180)] * 3,
        600: [repetition(p95) for p95 in (8, 12.5, 50)],
        700: [repetition(8)] * 3,
        800: [repetition(10)] * 3,
    })  # fmt: skip
    case = Case("fixed", truth, [], tuple(truth.points), margin=0.15, rps=50.0)
    run = {
        "latency_model": json.loads(json.dumps(FLAT.to_json())),
        "measurements": [{"cpu_millicores": 800}],
    }
    # 400m and 500m do not keep up, 800m was measured; 10 against 12.5 and against 8.
    assert list(errors(case, run, "95")) == pytest.approx([0.2, 0.25])
    assert list(errors(case, {**run, "latency_model": {"why_not": "too little"}}, "95")) == []


def test_a_fix_counts_only_once_it_was_measured_again() -> None:
    named = {"code": "threads-over-quota", "fix": {"env": {}}, "remeasured": {"ordinal": 7}}
    assert fix_of({"diagnoses": [{**named, "code": "swapping"}, named]}) == named
    assert fix_of({"diagnoses": [{**named, "remeasured": None}]}) is None
    assert fix_of({}) is None
