"""Any measured size as the one to use: its memory, its standing, what is gained and lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.chosen import CannotChoose, choose
from profiler.sizing.tradeoff import Option, differences
from profiler.spec import Floors, Policy
from profiler.units import MIB

POLICY = Policy()
ADVICE = {
    "standing": "verified", "reasons": [], "cpu_millicores": 400, "memory_bytes": 128 * MIB,
    "gpu_memory_bytes": None,
}  # fmt: skip


def measured(ordinal: int, cpu_millicores: int, outcome: str = "passed", **others: object) -> dict:
    """What RESULT says of a measurement, by default a probe that kept p95 at most 50 ms."""
    return {
        "ordinal": ordinal, "phase": "sizing", "cpu_millicores": cpu_millicores,
        "memory_bytes": 1024 * MIB, "limits_enforced": True,
        "validity": {"valid": True, "reasons": []}, "outcome": outcome, "outcome_reasons": [],
        "requests": 2100, "bound": {"percentile": 95, "latency_ms": 50},
        "latency_at_percentile_ms": 12.0, "latency_at_percentile_interval_ms": [11.0, 13.0],
        "achieved_rps": 100.0, "throughput_interval_rps": {"value": 100, "low": 99, "high": 101},
        "throttled_fraction": 0.0, "memory_startup_peak_bytes": None,
        "memory_steady_peak_bytes": 90 * MIB, "memory_leaks": False, **others,
    }  # fmt: skip


REFERENCE = measured(1, 1000, phase="measuring", memory_startup_peak_bytes=100 * MIB)
SLOW = measured(
    2, 200, latency_at_percentile_ms=31.0, latency_at_percentile_interval_ms=[28.0, 35.0],
    throttled_fraction=0.41, memory_steady_peak_bytes=120 * MIB,
)  # fmt: skip
PROBE = measured(3, 400)
VERIFIED = measured(4, 400, phase="verifying", memory_bytes=128 * MIB)
RUN = [REFERENCE, SLOW, PROBE, VERIFIED]


# --- What a choice is ---------------------------------------------------------------------------
def test_memory_comes_of_the_peaks_at_that_cpu_and_of_starting() -> None:
    """At 200m 120 MiB x 1.15 = 138, up to 144; at 1 core starting: 100 x 1.15, up to 128."""
    assert choose(RUN, 2, ADVICE, POLICY).memory_bytes == 144 * MIB
    assert choose(RUN, 1, ADVICE, POLICY).memory_bytes == 128 * MIB
    assert (
        "120 MiB under load at this cpu, plus 15%" in choose(RUN, 2, ADVICE, POLICY).memory_reason
    )


def test_the_floor_of_a_policy_is_for_the_hosts_memory_not_the_gpus() -> None:
    gpu = {"memory_peak_bytes": 100 * MIB, "memory_total_bytes": 1024 * MIB}
    rows = [REFERENCE, {**SLOW, "gpu": gpu}]
    choice = choose(rows, 2, ADVICE, Policy(floors=Floors(memory_bytes=512 * MIB)))
    assert choice.memory_bytes == 512 * MIB
    assert choice.gpu_memory_bytes == 128 * MIB  # 100 x 1.15, up to the next 16 MiB


def test_a_point_that_kept_the_objective_is_measured_and_says_that_it_is_not_verified() -> None:
    choice = choose(RUN, 2, ADVICE, POLICY)
    assert choice.standing == "measured"
    assert choice.doubts == (
        "Not verified: measured for 2,100 requests in a running service with 1 GiB of memory, not "
        "in a fresh one of exactly this size.",
    )
    json.dumps(choice.to_json())


@pytest.mark.parametrize("ordinal", [3, 4])
def test_the_advised_cpu_is_the_advice_itself(ordinal) -> None:
    choice = choose(RUN, ordinal, ADVICE, POLICY)
    assert (choice.standing, choice.memory_bytes, choice.doubts) == ("verified", 128 * MIB, ())


def test_nothing_but_the_advice_is_verified_even_where_a_verification_passed() -> None:
    """The advice went a step up since: what is not the advice is not proven to be enough."""
    above = {**ADVICE, "cpu_millicores": 500}
    assert choose(RUN, 4, above, POLICY).standing == "measured"


def test_a_size_that_failed_says_so_first() -> None:
    failed = measured(5, 300, "failed", outcome_reasons=["p95 was 80 ms"])
    doubts = choose([*RUN, failed], 5, ADVICE, POLICY).doubts
    assert doubts[0] == "At 300m the objective was not kept (p95 was 80 ms)."
    undecided = measured(5, 300, "undecided")
    doubts = choose([*RUN, undecided], 5, ADVICE, POLICY).doubts
    assert doubts[0] == "At 300m it was not shown that the objective is kept."


def test_another_measurement_of_the_size_that_came_out_otherwise_is_a_doubt() -> None:
    failed = measured(5, 200, "failed", phase="verifying", memory_bytes=144 * MIB)
    doubts = choose([*RUN, failed], 2, ADVICE, POLICY).doubts
    assert doubts[0] == "The verification at 200m and 144 MiB did not keep it."


def test_where_no_limit_was_held_that_is_the_doubt() -> None:
    run = [{**row, "limits_enforced": False} for row in RUN]
    (doubt,) = choose(run, 2, ADVICE, POLICY).doubts
    assert "never held to a size" in doubt


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"validity": {"valid": False, "reasons": ["The host was noisy."]}}, "The host was noisy."),
        ({"latency_at_percentile_ms": None, "outcome": "failed"}, "Nothing was answered at 200m"),
        ({"memory_leaks": True}, "Memory leaks"),
    ],
)
def test_what_cannot_be_chosen_says_why(changes, why) -> None:
    with pytest.raises(CannotChoose, match=why):
        choose([REFERENCE, {**SLOW, **changes}], 2, ADVICE, POLICY)


def test_memory_that_nobody_measured_cannot_be_chosen() -> None:
    unknown = {"memory_steady_peak_bytes": None, "memory_startup_peak_bytes": None}
    with pytest.raises(CannotChoose, match="could not be measured"):
        choose([{**SLOW, **unknown}], 2, None, POLICY)
    with pytest.raises(CannotChoose, match="no measurement 9"):
        choose(RUN, 9, ADVICE, POLICY)


def test_measurements_of_another_variant_say_nothing_of_a_size() -> None:
    other = measured(5, 200, "failed", variant={"workers": 4}, memory_steady_peak_bytes=900 * MIB)
    choice = choose([*RUN, other], 2, ADVICE, POLICY)
    assert choice.memory_bytes == 144 * MIB
    assert len(choice.doubts) == 1
    assert "another number of workers" in choose([*RUN, other], 5, ADVICE, POLICY).doubts[-1]


peaks = st.integers(1 * MIB, 1024 * MIB)


@given(start=peaks, here=st.lists(peaks, min_size=1, max_size=4), elsewhere=peaks)
def test_memory_is_never_less_than_what_the_size_was_seen_to_use(start, here, elsewhere) -> None:
    run = [
        measured(1, 1000, phase="measuring", memory_startup_peak_bytes=start,
                 memory_steady_peak_bytes=elsewhere)
    ]  # fmt: skip
    run += [
        measured(2 + number, 200, memory_steady_peak_bytes=peak) for number, peak in enumerate(here)
    ]
    memory_bytes = choose(run, 2, None, POLICY).memory_bytes
    assert max(start, *here) <= memory_bytes <= 1024 * MIB


# --- What is gained and lost --------------------------------------------------------------------
def told(new: Option, old: Option) -> dict[str, tuple[str, str]]:
    return {one.what: (one.direction, one.text) for one in differences(new, old)}


def test_gains_and_losses_are_said_with_their_numbers() -> None:
    said = told(Option(200, 144 * MIB, SLOW), Option(400, 128 * MIB, PROBE))
    assert said == {
        "cpu": ("gained", "saves 0.2 cores of cpu (50 %)"),
        "memory": ("lost", "takes 16 MiB more memory (12 %)"),
        "latency": (
            "lost", "p95 31 ms (28 to 35) instead of 12 ms (11 to 13) (objective 50 ms)",
        ),
        "throttling": ("lost", "41 % of periods are throttled instead of 0 %"),
    }  # fmt: skip


def test_latencies_whose_intervals_overlap_are_not_called_different() -> None:
    near = {**SLOW, "latency_at_percentile_ms": 12.5,
            "latency_at_percentile_interval_ms": [12.0, 14.0]}  # fmt: skip
    direction, text = told(Option(200, None, near), Option(400, None, PROBE))["latency"]
    assert direction == "same"
    assert "no difference shown" in text
    unbounded = {**near, "latency_at_percentile_interval_ms": [None, None]}
    assert told(Option(200, None, unbounded), Option(400, None, PROBE))["latency"][0] == "same"


def test_losing_the_objective_and_throughput_is_said() -> None:
    slow = {**SLOW, "outcome": "failed", "achieved_rps": 60.0,
            "throughput_interval_rps": {"value": 60, "low": 58, "high": 62}}  # fmt: skip
    said = told(Option(200, None, slow), Option(400, None, PROBE))
    assert said["objective"] == ("lost", "does not keep the objective; the other size keeps it")
    assert said["throughput"] == ("lost", "60 requests/s instead of 100")


def test_what_was_not_measured_is_unknown_not_equal() -> None:
    said = told(Option(400, 128 * MIB, PROBE), Option(2000, None, None))
    assert said["cpu"] == ("gained", "saves 1.6 cores of cpu (80 %)")
    assert said["measurement"][0] == "unknown"
    assert "2 cores was not measured" in said["measurement"][1]


@given(cpus=st.tuples(*[st.integers(100, 8000)] * 2), memories=st.tuples(*[peaks] * 2),
       tails=st.tuples(*[st.floats(0.1, 1e4)] * 2))  # fmt: skip
def test_what_one_way_gains_the_other_way_loses(cpus, memories, tails) -> None:
    options = [
        Option(cpu, memory, measured(1, cpu, latency_at_percentile_ms=tail,
                                     latency_at_percentile_interval_ms=[tail * 0.9, tail * 1.1]))
        for cpu, memory, tail in zip(cpus, memories, tails, strict=True)
    ]  # fmt: skip
    there = {one.what: one.direction for one in differences(*options)}
    back = {one.what: one.direction for one in differences(*reversed(options))}
    opposite = {"gained": "lost", "lost": "gained", "same": "same"}
    assert {what: opposite[direction] for what, direction in there.items()} == back
