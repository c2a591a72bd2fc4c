"""Deciding while the load runs: percentile, errors, rate, in-flight requests, throughput."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.measuring.decision import decide, preset_rule, round_s
from profiler.measuring.due_requests import (
    achieved_share,
    due_requests,
    left_behind,
    throughput,
    void_windows,
)
from profiler.samples import OK, Columns
from profiler.spec import Load, Stage
from tests.raw_samples import (
    ABORTED,
    CLOSED,
    ERROR,
    NS,
    OPEN,
    START,
    TIMEOUT,
    back_to_back,
    bound,
    evenly,
    request_columns,
    rule_for,
)


def decided(
    requests: Columns, limit=None, *, load: Load = OPEN, now_s: float = 60.0, least: int = 0, **more
):
    limit = limit or bound()
    return decide(
        rule_for(limit, least), requests, limit, load=load, start_ns=START,
        now_ns=START + round(now_s * NS), **more,
    )  # fmt: skip


def ns(seconds: float) -> int:
    return START + round(seconds * NS)


# ---- the percentile ----


def reason_alone(requests: Columns, load: Load = OPEN) -> str:
    """What a failed load says of those of its requests that met no other."""
    decision = decided(requests, load=load)
    assert decision.outcome == "failed"
    found = {finding.code: finding.text for finding in decision.findings}
    return found.get("too-slow-alone", "")


def test_requests_that_met_no_other_say_that_no_lower_rate_helps() -> None:
    """At 5/s each of 80 ms is over the bound long before the next is due."""
    said = "of 21 requests that met no other 21 were over the bound too: no lower rate would help"
    assert reason_alone(request_columns(evenly(60, 5), 80)) == said


def test_what_a_queue_makes_slow_says_nothing_of_lower_rates() -> None:
    waits = np.where(np.arange(60) % 2 == 0, 80.0, 140.0)
    pairs = np.repeat(evenly(30, 4), 2) + np.tile([0.0, 0.02], 30)
    assert reason_alone(request_columns(pairs, waits)) == ""
    # The quota of a period was used up by the one before, or what timed out is still in service.
    assert reason_alone(request_columns(evenly(60, 8), 80)) == ""
    timed_out = np.where(np.arange(60) == 0, TIMEOUT, OK)
    late = decide(
        rule_for(bound(max_error_rate=0.5)), request_columns(evenly(60, 5), 80, timed_out),
        bound(max_error_rate=0.5), load=OPEN, start_ns=START, now_ns=ns(60),
    )  # fmt: skip
    assert [found.code for found in late.findings] == ["percentile-over-bound"]


def test_in_closed_loop_there_is_no_lower_rate() -> None:
    assert reason_alone(back_to_back([80.0] * 60), load=CLOSED) == ""


def test_the_bound_is_kept_once_enough_requests_say_so() -> None:
    """The p95 looks are 21, 43, 86, 172...; 86 requests at 100/s take 0.86 s, 172 take 1.72."""
    decision = decided(request_columns(evenly(200), 10))
    assert (decision.outcome, decision.requests, decision.over) == ("passed", 172, 0)
    assert decision.reasons == ()


def test_nothing_passes_before_the_least_load() -> None:
    assert decided(request_columns(evenly(171), 10)).outcome == "undecided"
    fast = decided(back_to_back([1.0] * 100), load=CLOSED)
    assert fast.outcome == "undecided"
    assert fast.reasons == ("0.085 s of load, where 1 s are the least",)
    slow = decided(request_columns(evenly(700), 10), at_least_s=5.0)
    assert (slow.outcome, slow.requests) == ("passed", 688)


def test_a_hopeless_size_is_given_up_at_an_early_look() -> None:
    decision = decided(request_columns(evenly(60), 80))
    assert (decision.outcome, decision.requests, decision.over) == ("failed", 43, 43)
    assert decision.reasons[0].startswith(
        "p95: 43 of 43 requests (100.00%) took over 50 ms, where 5 % may"
    )


def test_a_size_is_not_given_up_within_three_quota_periods() -> None:
    assert decided(request_columns(evenly(60, 1000), 80), now_s=0.3).outcome == "undecided"


def test_the_bound_itself_is_within_the_bound() -> None:
    assert decided(request_columns(evenly(200), 50)).outcome == "passed"
    assert decided(request_columns(evenly(200), 50.001)).outcome == "failed"


def test_near_the_bound_nothing_is_decided() -> None:
    latency_ms = np.where(np.arange(700) % 20 == 10, 80, 10)
    decision = decided(request_columns(evenly(700), latency_ms))
    assert (decision.outcome, decision.requests) == ("undecided", 688)
    assert decision.reasons[0].endswith("too few requests to tell at 95% confidence")


def test_clumps_are_why_few_late_requests_may_be_too_many() -> None:
    """Four in a row of each hundred."""
    latency_ms = np.where((np.arange(700) % 100 >= 40) & (np.arange(700) % 100 < 44), 80, 10)
    decision = decided(request_columns(evenly(700), latency_ms))
    assert (decision.outcome, decision.over) == ("undecided", 28)
    counted = re.search(r"in clumps, these count as (\d+): too few requests", decision.reasons[0])
    assert 120 < int(counted[1]) < 260  # about a quarter of them


def test_errors_count_as_over_the_bound() -> None:
    outcome = np.where(np.arange(200) % 5 == 2, ERROR, 0)
    decision = decided(request_columns(evenly(200), 10, outcome), bound(max_error_rate=0.5))
    assert decision.outcome == "failed"
    assert "or failed" in decision.reasons[0]


# ---- requests without an answer yet ----


def test_a_pending_request_older_than_the_bound_is_over_it() -> None:
    """A service that stalls after one second cannot hide: nobody waits for its answers."""
    answered = request_columns(evenly(100), 10)
    pending = ns(1.0) + (evenly(300) * NS).astype("i8")
    stalled = decided(answered, now_s=4.0, pending_ns=pending)
    assert stalled.outcome == "failed"
    assert stalled.requests == 344 and stalled.over == 244


def test_a_young_pending_request_is_waited_for() -> None:
    answered = request_columns(np.delete(evenly(172), 100), 10)
    pending = np.array([ns(1.0)])
    early = decided(answered, now_s=1.04, pending_ns=pending)
    assert early.requests == 86 and early.outcome == "undecided"


def test_aborted_requests_count_only_when_older_than_the_bound() -> None:
    outcome = np.where(np.arange(200) < 100, 0, ABORTED)
    young = decided(request_columns(evenly(200), 10, outcome), now_s=2.0)
    assert young.outcome == "undecided" and young.requests == 86
    old = decided(request_columns(evenly(200), 60, outcome), now_s=2.0)
    assert old.outcome == "failed"


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.2), st.floats(0.5, 7.5))
def test_a_decision_once_taken_stays(seed, share_over, asked_at_s) -> None:
    """Asked while the load runs or after it, the first requests decide the same."""
    random = np.random.default_rng(seed)
    latency_ms = np.where(random.random(700) < share_over, 80.0, 10.0)
    all_requests = request_columns(evenly(700), latency_ms)
    now_ns = ns(asked_at_s)
    finished = all_requests["finished_ns"] <= now_ns
    due = all_requests["scheduled_ns"] < now_ns
    limit = bound()
    live = decide(
        rule_for(limit), {name: values[finished] for name, values in all_requests.items()}, limit,
        load=OPEN, start_ns=START, now_ns=now_ns,
        pending_ns=all_requests["scheduled_ns"][due & ~finished],
    )  # fmt: skip
    if live.outcome != "undecided":
        assert decided(all_requests, now_s=7.5) == live


def test_the_looks_are_preset_from_the_rate_and_the_shortest_load() -> None:
    """At 225/s: 1 s is 225 + 30 + 1 requests; twice a bound of 2 s, in open loop, 900 + 60 + 1."""
    slow, fast, rare = bound(latency_ms=2000.0), OPEN.at_rate(225), OPEN.at_rate(10)
    assert preset_rule(bound(), fast, rps=225).passing_looks == (256, 512, 1024, 2048)
    assert preset_rule(slow, fast, rps=225).passing_looks == (961, 1922, 3844, 7688)
    assert preset_rule(slow, CLOSED, rps=225).passing_looks == (256, 512, 1024, 2048)
    assert preset_rule(bound(), rare, rps=10, at_least_s=4).passing_looks == (86, 172, 344, 688)


def test_a_warm_up_that_saw_few_arrivals_does_not_bring_the_first_look_too_early() -> None:
    """Two seconds of Poisson arrivals at 170/s are 303 as well as 340: the load's own rate counts.

    At 152/s the first look would come after 671 requests, which are 3.95 s of it, and wasted.
    """
    load = OPEN.at_rate(170)
    looks = preset_rule(bound(), load, rps=152, at_least_s=4).passing_looks
    assert looks == preset_rule(bound(), load, rps=170, at_least_s=4).passing_looks
    assert looks[0] / 170 > 4


def test_a_load_of_stages_is_looked_at_by_whole_rounds() -> None:
    rounds = Load(
        stages=(
            Stage("open", rate_rps=20, duration_s=2),
            Stage("open", rate_rps=10, requests=30),
            Stage("closed", concurrency=1, requests=50),
        )
    )
    # 2 s, then 30 requests at 10/s, then 50 at the 25/s that the warm-up saw.
    assert round_s(rounds, rps=25) == 2 + 3 + 2
    assert round_s(OPEN, rps=25) == 0
    rule = preset_rule(bound(), rounds, rps=25, at_least_s=7)
    # 175 requests a round and twice their Poisson spread: not even a look to fail is earlier.
    assert rule.looks[0] == 175 + 27 + 1
    assert rule.looks == rule.passing_looks
    assert len(rule.looks) == 8


# ---- errors ----


def test_one_error_is_over_a_budget_of_none() -> None:
    decision = decided(request_columns([0.0, 0.01], 10, [0, ERROR]), now_s=0.1)
    assert decision.outcome == "failed"
    assert decision.reasons == ("1 of 2 requests failed, where none may",)


@pytest.mark.parametrize(("every", "outcome"), [(50, "passed"), (25, "undecided"), (3, "failed")])
def test_errors_within_a_budget_over_it_by_chance_and_surely(every, outcome) -> None:
    """A budget of 3 %; a p50 bound, so that errors alone decide."""
    flags = np.where(np.arange(800) % every == 1, ERROR, 0)
    limit = bound(percentile=50, max_error_rate=0.03)
    assert decided(request_columns(evenly(800), 10, flags), limit, least=100).outcome == outcome


# ---- the rate in open loop ----


def overloaded(rate_rps: float, capacity_rps: float, seconds: float) -> Columns:
    """One server that takes requests in turn, each 1/capacity of a second."""
    scheduled = evenly(round(rate_rps * seconds), rate_rps)
    finished = np.arange(1, len(scheduled) + 1) / capacity_rps
    return request_columns(scheduled, np.maximum(finished - scheduled, 1 / capacity_rps) * 1000)


def test_a_rate_that_is_not_achieved_fails_though_the_bound_is_kept() -> None:
    """One request in ten is never answered: the median bound does not mind, the rate does."""
    hangs = np.arange(800) % 10 == 3
    latency_ms = np.where(hangs, 60_000, 10)
    outcome = np.where(hangs, ABORTED, 0)
    decision = decided(
        request_columns(evenly(800), latency_ms, outcome), bound(percentile=50), least=200
    )
    assert decision.outcome == "failed"
    assert decision.reasons == (
        "achieved 90.0% of the offered rate, where at least 99% must be "
        "(20 of 200 requests were left behind)",
    )


def test_in_flight_requests_that_only_grow_fail() -> None:
    limit = bound(latency_ms=2000.0)
    decision = decided(overloaded(200, 150, 5), limit, least=861)
    assert decision.outcome == "failed"
    assert any("requests in flight grew by" in reason for reason in decision.reasons)


def test_a_load_shorter_than_twice_the_bound_proves_nothing() -> None:
    """At 150 of 200/s the latency reaches 2 s only after eight: until then it looks well."""
    limit = bound(latency_ms=2000.0)
    decision = decided(overloaded(200, 150, 3.8), limit)
    assert decision.outcome == "undecided"
    assert decision.reasons[-1].endswith("keeps up; twice the latency bound is the least")


def test_slow_but_steady_is_not_behind() -> None:
    """Forty requests in flight all the time, as they must be at 100/s and 400 ms."""
    limit = bound(latency_ms=500.0)
    assert decided(request_columns(evenly(700), 400), limit).outcome == "passed"


def test_a_median_bound_lets_half_of_the_requests_be_slow() -> None:
    latency_ms = np.where(np.arange(800) % 4 == 1, 300, 10)
    limit = bound(percentile=50)
    requests = request_columns(evenly(800), latency_ms)
    assert decided(requests, limit, least=100).outcome == "passed"


def test_left_behind_by_hand() -> None:
    """At 0.2 s: due at 0 and 0.1 are unanswered, but only the first is older than 150 ms."""
    columns = request_columns([0.0, 0.1, 0.15], [1000, 1000, 10])
    due = due_requests(columns, bound(latency_ms=150.0), START, ns(5))
    assert left_behind(due, ns(0.2), 150e6) == 1
    assert left_behind(due, ns(0.3), 150e6) == 2
    assert left_behind(due, ns(1.05), 150e6) == 1
    assert left_behind(due, ns(2), 150e6) == 0


def test_what_was_left_behind_just_before_the_later_half_is_no_less_than_nothing_achieved() -> None:
    """Due at 0.4 and 0.45 s, they grow too old after 0.5 s, where the later half begins."""
    columns = request_columns([0.0, 0.4, 0.45, 0.6, 1.0], [10, 9000, 9000, 9000, 9000])
    due = due_requests(columns, bound(latency_ms=150.0), START, ns(5))
    assert achieved_share(due, bound(latency_ms=150.0)) == (0.0, 2, 2)


# ---- throughput in closed loop ----


def test_throughput_is_answers_per_second() -> None:
    due = due_requests(back_to_back([20.0] * 101), bound(), START, ns(60))
    found = throughput(due, START, 0.95)
    assert found.value == pytest.approx(50)
    assert (found.low, found.high) == pytest.approx((50, 50))


@pytest.mark.parametrize(
    ("least_rps", "outcome"), [(45.0, "passed"), (50.0, "undecided"), (55.0, "failed")]
)
def test_a_share_of_throughput_is_kept_lost_or_unknown(least_rps, outcome) -> None:
    latency_ms = np.tile([19.0, 21.0, 20.0, 18.0, 22.0], 140)
    limit = bound(min_throughput_rps=least_rps)
    decision = decided(back_to_back(latency_ms), limit, load=CLOSED)
    assert decision.outcome == outcome
    assert outcome == "passed" or "throughput 50 requests/s" in decision.reasons[0]


def test_throughput_is_not_asked_for_in_open_loop() -> None:
    decision = decided(request_columns(evenly(200), 10), bound(min_throughput_rps=1e6))
    assert decision.outcome == "passed"


# ---- the reference of a relative objective ----


def test_without_a_bound_only_errors_are_over() -> None:
    limit = bound(latency_ms=None)
    assert decided(back_to_back([20.0] * 200), limit, load=CLOSED).outcome == "passed"
    assert decided(request_columns(evenly(200), 10), limit).outcome == "passed"


# ---- windows in which the driver was late ----


def late_in_second(second: int, late_ms: float) -> Columns:
    at_s = evenly(400)
    late = np.where((at_s >= second) & (at_s < second + 1), late_ms, 0.01)
    return request_columns(at_s, np.where(late > 1, 80.0, 10.0), late_ms=late)


def test_a_window_is_void_when_the_driver_was_late() -> None:
    """Allowed: the larger of 0.2 ms and 5 % of the window's p99."""
    windows = void_windows(late_in_second(1, 5.0), START, ns(4))
    assert windows.tolist() == [False, True, False, False]
    assert not void_windows(late_in_second(1, 0.19), START, ns(4)).any()
    slow = request_columns(evenly(100), 100, late_ms=4.9)
    assert not void_windows(slow, START, ns(1)).any()


def test_void_windows_do_not_count_and_are_made_up_for() -> None:
    decision = decided(late_in_second(1, 5.0), now_s=4)
    assert (decision.outcome, decision.requests) == ("passed", 172)
    assert decided(late_in_second(1, 5.0), now_s=2).outcome == "undecided"


def test_errors_in_void_windows_are_errors() -> None:
    requests = late_in_second(1, 5.0)
    requests["outcome"][150] = ERROR
    assert decided(requests, now_s=4).outcome == "failed"


def test_no_requests_decide_nothing() -> None:
    decision = decided(request_columns([], 10), now_s=1.0)
    assert decision.outcome == "undecided" and decision.requests == 0
