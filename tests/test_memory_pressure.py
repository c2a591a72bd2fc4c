"""Needed or touched: which limit is tried next, when one hurts, and what the advice makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.memory_facts import memory_facts
from profiler.sizing.pressure import (
    STEP_BYTES,
    Pressure,
    Step,
    Under,
    hurts,
    next_limit,
    whole_steps,
    without_files,
)
from tests.measurements import POLICY, SEARCH, advised, measured
from tests.raw_samples import MIB, bound
from tests.spec_files import SpecFiles

BOUND = bound(95, 50)
BEFORE = Under(512 * MIB, 2.0, 100, 0, 20.0, 0.0, 0.0, 0)


def kept(mib: int) -> Step:
    return Step(mib * MIB)


def hurt(mib: int) -> Step:
    return Step(mib * MIB, "p95 was 80 ms")


@pytest.mark.parametrize(
    ("steps", "expected_mib"),
    [
        ([], 256),  # what was touched comes first
        ([hurt(256)], None),  # not even that is enough
        ([kept(256)], 144),  # the middle of 256 and 40, in whole steps
        ([kept(256), kept(144)], 80),
        ([kept(256), hurt(144)], 192),
        ([kept(256), hurt(144), kept(192), hurt(160)], 176),
        ([kept(256), hurt(144), kept(192), hurt(160), kept(176)], None),
    ],
)
def test_the_limit_is_bisected_between_what_is_held_and_what_was_touched(
    steps, expected_mib
) -> None:
    found = next_limit(256 * MIB, 40 * MIB, steps)
    assert found == (None if expected_mib is None else expected_mib * MIB)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 6000))
def test_the_smallest_limit_that_is_kept_is_found(touched, held, needed_mib) -> None:
    """Whatever is needed: the probe ends, and one step less was not kept or could not be."""
    touched_bytes, steps = touched * STEP_BYTES, []
    while (limit := next_limit(touched_bytes, held * MIB, steps)) is not None:
        assert len(steps) < 12
        steps.append(Step(limit, "" if limit >= needed_mib * MIB else "hurts"))
    found = Pressure(touched_bytes, tuple(steps)).needed_bytes
    if touched_bytes < needed_mib * MIB:
        assert found is None
    else:
        least = max(needed_mib, held // 16 * 16 + 16) * MIB
        assert found == min(whole_steps(least), touched_bytes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"limit_hits": 5000}, ""),  # a file's cache fills any limit
        ({"latency_ms": 80.0}, "p95 was 80 ms"),
        ({"errors": 1}, "1 of 100 requests failed"),
        ({"major_faults_per_s": 40.0}, "40 more page faults a second had to read from a disk"),
        ({"pressure_share": 0.009}, ""),  # 0.18 ms a request, of a bound of 50
        ({"pressure_share": 0.2}, "something waited for memory in 20.0% more of the time"),
        (
            {"pressure_share": 0.008, "requests": 2},
            "a request waited 8 ms more for memory on average",
        ),
        ({"requests": 0, "latency_ms": None}, "no request was answered"),
        ({"major_faults_per_s": None, "pressure_share": None}, ""),
    ],
)
def test_a_limit_hurts_by_latency_errors_faults_or_waiting(change, said) -> None:
    assert hurts(replace(BEFORE, **change), BEFORE, BOUND) == said


def test_what_hurt_before_the_limit_was_lowered_is_not_its_doing() -> None:
    slow = replace(BEFORE, major_faults_per_s=40.0, pressure_share=0.2)
    assert hurts(slow, slow, BOUND) == ""


def test_without_a_bound_on_latency_waiting_is_a_share_of_the_time() -> None:
    unbounded = replace(BOUND, latency_ms=None)
    said = "something waited for memory in 2.0% more of the time"
    assert hurts(replace(BEFORE, pressure_share=0.02), BEFORE, unbounded) == said


def test_files_that_are_read_again_are_told_with_what_keeps_them() -> None:
    proven = measured(
        "verifying", 300, memory_bytes=128 * MIB, block_read_bytes=60 * MIB, duration_s=4.0
    )
    said = "Within 128 MiB it read 15 MiB/s of files from the disk again"
    assert said in advised([*SEARCH, proven]).explanation
    quiet = replace(proven, block_read_bytes=3 * MIB)
    assert "from the disk" not in advised([*SEARCH, quiet]).explanation


def test_the_result_tells_needed_from_touched() -> None:
    pressure = Pressure(176 * MIB, (kept(176), hurt(96), kept(112)), "It was stopped.")
    facts = memory_facts(SEARCH, None, POLICY, pressure)
    assert (facts["touched_bytes"], facts["needed_bytes"]) == (176 * MIB, 112 * MIB)
    assert [step["kept"] for step in facts["pressure"]["steps"]] == [True, False, True]
    assert memory_facts(SEARCH, None, POLICY)["needed_bytes"] is None


@pytest.mark.parametrize(
    ("held_mib", "advised_mib", "expected_mib"),
    [
        (104, 192, 128),  # 104 + 15 % is 119.6
        (104, 144, 128),
        (104, 128, None),  # what is advised has no room for files anyway
        (150, 160, None),  # never more than what is advised
    ],
)
def test_a_look_is_worth_a_step(held_mib, advised_mib, expected_mib) -> None:
    found = without_files(held_mib * MIB, advised_mib * MIB, POLICY)
    assert found == (None if expected_mib is None else expected_mib * MIB)


def test_the_margin_is_put_on_once() -> None:
    """A look's limit has it; what a bisection found to be needed gets it, and the floor."""
    steps = (kept(128),)
    look = Pressure(192 * MIB, steps, held_bytes=104 * MIB)
    assert look.to_verify_bytes(POLICY) == (128 * MIB,)
    assert replace(look, next_bytes=160 * MIB).to_verify_bytes(POLICY) == (128 * MIB, 160 * MIB)
    assert replace(look, steps=(hurt(128),)).to_verify_bytes(POLICY) == ()
    assert Pressure(192 * MIB, steps).to_verify_bytes(POLICY) == (160 * MIB,)
    floored = replace(POLICY, floors=replace(POLICY.floors, memory_bytes=256 * MIB))
    assert Pressure(192 * MIB, steps).to_verify_bytes(floored) == (256 * MIB,)


def test_less_memory_is_advised_only_where_it_was_verified() -> None:
    proven = measured("verifying", 300, memory_bytes=128 * MIB)
    failed = measured("verifying", 300, "failed", memory_bytes=128 * MIB)
    found = advised([*SEARCH, proven])
    assert (found.standing, found.memory_bytes) == ("verified", 128 * MIB)
    assert "less was found to be needed" in found.explanation
    assert found.uncertainty.memory_bytes == (128 * MIB, 128 * MIB)
    again = advised([*SEARCH, failed, measured("verifying", 300)])
    assert (again.standing, again.memory_bytes) == ("verified", 192 * MIB)


def test_a_process_has_no_limit_to_lower(tmp_path) -> None:
    files = SpecFiles(tmp_path).set("memory_probe", True)
    assert files.read().memory_probe is True
    ((place, message),) = files.set("target", {"kind": "process"}).problems()
    assert place == "memory_probe"
    assert "docker" in message
    rate = SpecFiles(tmp_path).set("memory_probe", True).set("question", "rate")
    assert any(place == "memory_probe" and "rate" in said for place, said in rate.problems())
    ((place, message),) = SpecFiles(tmp_path).set("memory_probe", "yes").problems()
    assert (place, "true or false" in message) == ("memory_probe", True)
