"""What more requests would hardly make pass is given up, and hardly a pass is lost by it."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from profiler.measuring.decision import decide, preset_rule
from profiler.measuring.dependence import design_effect
from profiler.measuring.prospects import LEAST_CHANCE, chance_to_pass, patience
from profiler.measuring.statistics import SequentialRule, preset_looks
from profiler.probe import Probe, Waiting, longest_s
from profiler.spec import Load, Stage
from tests.queues import under_quota
from tests.raw_samples import CLOSED, NS, OPEN, START, bound, evenly, request_columns
from tests.test_sequential_rule import in_clumps

ROUNDS = Load((Stage("open", 9.0, duration_s=1), Stage("open", 20.0)))
RULE = SequentialRule(95, 0.95, (21, 43, 86, 172, 344, 688))


# ---- the chance ----


def test_the_chance_is_that_of_a_share_known_as_well_as_the_requests_tell_it() -> None:
    """14 of 172 over: of 516 more at most 7 may be, when at most 21 of 688 pass.

    P[X <= 7] of 516 with a share that is Beta(14.5, 158.5), summed in exact fractions.
    """
    assert RULE.decide(688, 21) == "passed"
    assert RULE.decide(688, 22) == "undecided"
    a, b, n = Fraction(29, 2), Fraction(317, 2), 516
    exact = sum(comb(n, k) * rising(a, k) * rising(b, n - k) / rising(a + b, n) for k in range(8))
    assert chance_to_pass(RULE, 172, 14, 1.0, 688) == pytest.approx(float(exact), rel=1e-9)


def rising(a: Fraction, k: int) -> Fraction:
    product = Fraction(1)
    for i in range(k):
        product *= a + i
    return product


def test_none_over_is_a_good_chance_and_as_many_as_may_be_a_bad_one() -> None:
    assert chance_to_pass(RULE, 172, 0, 1.0, 688) > 0.95
    assert chance_to_pass(RULE, 344, 17, 1.0, 688) < LEAST_CHANCE
    assert chance_to_pass(RULE, 344, 40, 1.0, 688) == 0.0


def test_clumps_leave_more_open_and_little_time_leaves_less() -> None:
    assert chance_to_pass(RULE, 172, 8, 4.0, 688) > chance_to_pass(RULE, 172, 8, 4.0, 344)
    # In clumps of eight 344 requests are 43, which pass with none over.
    assert chance_to_pass(RULE, 172, 16, 8.0, 344) == 0.0


# ---- when it is asked ----


def test_it_is_asked_from_the_second_look_that_may_pass() -> None:
    waited = patience(RULE, 1000)
    assert waited.by == 688
    assert not waited.ends(RULE, 86, 8, 1.0)
    assert waited.ends(RULE, 172, 16, 1.0)
    assert not waited.ends(RULE, 172, 4, 1.0)


def test_no_look_is_waited_for_that_there_is_no_time_for() -> None:
    waited = patience(RULE, 200)
    assert waited.by == 172
    assert waited.ends(RULE, 172, 4, 1.0)


def test_what_is_measured_again_is_asked_from_the_first_look_that_may_pass() -> None:
    assert not patience(RULE, 1000).ends(RULE, 86, 12, 1.0)
    again = patience(RULE, 1000, again=True)
    assert not again.ends(RULE, 43, 6, 1.0)
    assert again.ends(RULE, 86, 12, 1.0)


def test_a_decision_that_is_given_up_stays_undecided_and_says_so() -> None:
    requests = request_columns(evenly(700), np.where(np.arange(700) % 20 == 0, 80.0, 10.0))
    limit = bound(95, 50)
    rule = preset_rule(limit, OPEN, rps=100)
    end = {"load": OPEN, "start_ns": START, "now_ns": START + 60 * NS}
    whole = decide(rule, requests, limit, **end)
    early = decide(rule, requests, limit, **end, patience=patience(rule, 1000))
    assert (early.outcome, early.given_up, early.is_final) == ("undecided", True, True)
    assert (whole.outcome, whole.given_up) == ("undecided", False)
    assert early.requests < whole.requests
    (reason,) = early.reasons
    assert reason.endswith(
        f", and {rule.looks[-1]}, the most there was time for, would hardly have passed"
    )


@pytest.mark.parametrize(
    ("percentile", "rps", "remaining_s", "seconds"),
    [
        (95, 100, 600, 45),
        (95, 1, 600, 215),  # for two looks, 172 requests, which come a quarter later at the worst
        (99, 5, 600, 218.5),
        (99, 1, 600, 300),  # 437 would take longer than half of what is left
        (99, 1, 60, 45),
        (99, 0, 60, 45),
    ],
)
def test_at_a_low_rate_a_decision_is_waited_for(percentile, rps, remaining_s, seconds) -> None:
    rule = preset_rule(bound(percentile, 50), CLOSED, rps=rps)
    assert longest_s(rule, rps, 1.0, remaining_s) == seconds


def test_clumps_that_have_not_shown_themselves_are_no_reason_to_give_it_up() -> None:
    """No request is over the bound, though near it, and waves in the median hold a pass back."""
    limit, waves = bound(95, 50), np.where(np.arange(700) // 40 % 2, 45.0, 20.0)
    rule = preset_rule(limit, OPEN, rps=100)
    found = decide(
        rule, request_columns(evenly(700), waves), limit, load=OPEN, start_ns=START,
        now_ns=START + 60 * NS, patience=patience(rule, 1000),
    )  # fmt: skip
    assert (found.outcome, found.over, found.requests) == ("undecided", 0, 484)
    assert not found.given_up


@pytest.mark.parametrize(
    ("load", "gives_up", "is_given_up"),
    [(OPEN, True, True), (CLOSED, True, True), (OPEN, False, False), (ROUNDS, True, False)],
)
def test_whoever_asks_for_it_has_it_given_up_but_part_of_a_round(load, gives_up, is_given_up):
    assert (probe_of(load, "sizing", gives_up)._patience is not None) == is_given_up


def probe_of(load: Load, phase: str, gives_up: bool, **waiting: float) -> Probe:
    control = SimpleNamespace(remaining_s=lambda: 600.0)
    rig = SimpleNamespace(
        load=load, rate_rps=100.0, expected_rps=load.nominal_rps or 100.0, control=control
    )
    return Probe(
        rig, bound(95, 50), phase=phase, ordinal=0, at_least_s=1.0, distinct_rows=1, rows=None,
        waiting=Waiting(gives_up=gives_up, **waiting),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("load", "phase", "gives_up", "ends_soon", "left_out"),
    [
        (OPEN, "verifying", True, False, 1),
        (OPEN, "verifying", False, False, 0),
        (OPEN, "sizing", True, False, 1),
        (OPEN, "sizing", True, True, 2),  # the first two of four that may pass are left
        (ROUNDS, "verifying", True, False, 0),
        (ROUNDS, "sizing", True, True, 0),
    ],
)
def test_what_something_else_can_follow_does_without_the_last_looks(
    load, phase, gives_up, ends_soon, left_out
) -> None:
    probe = probe_of(load, phase, gives_up, ends_soon=ends_soon)
    looks = probe._rule.looks
    assert len(probe._rule.passing_looks) >= 4
    assert probe._last_look == looks[-1 - left_out]
    assert probe._patience is None or probe._patience.by == probe._last_look


def test_a_probe_that_an_answer_hangs_on_waits_longer_than_others() -> None:
    slow = Load((Stage("open", rate_rps=1.0),))
    assert probe_of(slow, "sizing", True)._longest_s < 500
    assert probe_of(slow, "sizing", True, waits_s=500.0)._longest_s == 500


# ---- what is lost by it ----


def in_clumps_of_a_share(share: float):
    return lambda random, count: np.where(in_clumps(random, share, count), 100.0, 1.0)


def of_a_quota(work_ms: float):
    """A rate of 170/s at four tenths of a core."""
    return lambda random, count: under_quota(
        random, count, rate_rps=170, work_ms=work_ms, quota=0.4
    )[1]


def outcomes(draw, trials: int, **how: bool) -> tuple[list[str], list[str], float]:
    """With patience without end, and with what a probe has; requests saved, as a share."""
    rule = SequentialRule(95, 0.95, preset_looks(95, 0.95, 733))
    waited = patience(rule, rule.looks[-1], **how)
    random = np.random.default_rng(7)
    whole, early, sent, kept = [], [], 0, 0
    for _ in range(trials):
        over = draw(random, rule.looks[-1]) > 50
        given_up = None
        for n in rule.looks:
            flags = over[:n]
            count, clumps = int(flags.sum()), design_effect(flags)
            outcome = rule.decide(n, count, clumps)
            if outcome != "undecided":
                break
            if given_up is None and waited.ends(rule, n, count, clumps):
                given_up = n
        whole.append(outcome)
        early.append(outcome if given_up is None else "undecided")
        sent, kept = sent + n, kept + (given_up or n)
    return whole, early, 1 - kept / sent


@pytest.mark.parametrize(
    ("draw", "saved"),
    [
        (in_clumps_of_a_share(0.025), 0.0),
        (in_clumps_of_a_share(0.05), 0.4),
        (of_a_quota(2.1), 0.15),
        (of_a_quota(2.2), 0.4),
    ],
)
def test_hardly_a_pass_is_lost_and_what_stays_undecided_costs_much_less(draw, saved) -> None:
    whole, early, share = outcomes(draw, trials=60)
    lost = sum(a == "passed" != b for a, b in zip(whole, early, strict=True))
    assert lost <= 1
    assert share >= saved
    assert not any(a != "passed" == b for a, b in zip(whole, early, strict=True))


@pytest.mark.parametrize("work_ms", [2.07, 2.12, 2.16])
def test_hardly_a_pass_is_lost_where_the_first_look_is_asked_already(work_ms) -> None:
    """As a verification is, whose size was measured before; used by 88, 90 and 92 %."""
    whole, _, later = outcomes(of_a_quota(work_ms), trials=60)
    _, early, sooner = outcomes(of_a_quota(work_ms), trials=60, again=True)
    assert whole.count("passed") - early.count("passed") <= 1
    assert sooner > later


@pytest.mark.parametrize(("phase", "factor"), [("sizing", 1.5), ("verifying", 1.0)])
def test_a_verification_is_asked_from_the_first_look_that_may_pass(phase, factor) -> None:
    probe = probe_of(OPEN, phase, gives_up=True)
    assert probe._patience.asked_from == factor * probe._rule.passing_looks[0]
