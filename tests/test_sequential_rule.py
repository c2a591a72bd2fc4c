"""The sequential rule: by hand at one look, and by simulation over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from profiler.measuring.binomial import at_least, at_most
from profiler.measuring.decision import Decision, decide, once_more, preset_rule
from profiler.measuring.dependence import design_effect
from profiler.measuring.statistics import SequentialRule, preset_looks
from profiler.spec import Load, Stage
from tests.queues import lognormal_percentile, md1
from tests.raw_samples import START, bound, request_columns


def test_a_single_look_is_mlperf_s_early_stopping() -> None:
    rule = SequentialRule(99, 0.99, (459,))
    assert rule.decide(459, 0) == "passed"
    assert rule.decide(459, 1) == "undecided"
    assert SequentialRule(99, 0.99, (662,)).decide(662, 1) == "passed"
    assert SequentialRule(99, 0.99, (458,)).decide(458, 0) == "undecided"


def test_a_look_fails_when_so_many_over_would_be_chance_too_seldom() -> None:
    """P[Binomial(20, 0.05) >= 4] = 0.0159, >= 3 is 0.0755."""
    rule = SequentialRule(95, 0.95, (20,))
    assert rule.decide(20, 4) == "failed"
    assert rule.decide(20, 3) == "undecided"


def test_the_error_is_split_over_the_looks() -> None:
    rule = SequentialRule(95, 0.95, (21, 43, 86, 172, 344, 688))
    assert rule.passing_looks == (86, 172, 344, 688)
    assert rule.pass_share == pytest.approx(0.05 / 4)
    assert rule.fail_share == pytest.approx(0.05 / 6)
    assert at_most(0, 86, 0.05) <= rule.pass_share < at_most(0, 85, 0.05)
    assert rule.decide(86, 0) == "passed"


def test_early_looks_may_only_fail() -> None:
    rule = SequentialRule(95, 0.95, (43, 86, 172), passing=2)
    assert rule.decide(43, 0) == "undecided"
    assert rule.decide(43, 20) == "failed"


def test_looks_too_early_to_pass_take_no_share_of_the_error() -> None:
    """At 40 and 80 requests not even none over proves a p95 at half of the error."""
    rule = SequentialRule(95, 0.95, (20, 40, 80))
    assert rule.passing_looks == (80,)
    assert rule.pass_share == pytest.approx(0.05)
    assert SequentialRule(95, 0.95, (10, 20)).passing_looks == ()
    assert SequentialRule(95, 0.95, (10, 20)).decide(20, 0) == "undecided"


def test_no_decision_between_the_looks() -> None:
    with pytest.raises(ValueError, match="21 is not one of the preset looks"):
        SequentialRule(95, 0.95, (20, 40)).decide(21, 0)


@pytest.mark.parametrize("looks", [(), (20, 20), (40, 20)])
def test_looks_rise(looks) -> None:
    with pytest.raises(ValueError, match="rising"):
        SequentialRule(95, 0.95, looks)


@pytest.mark.parametrize("percentile", [50, 90, 95, 99, 99.9])
@pytest.mark.parametrize("least", [0, 100, 5000])
def test_preset_looks_double_and_can_all_pass_at_the_end(percentile, least) -> None:
    looks = preset_looks(percentile, 0.95, least)
    rule = SequentialRule(percentile, 0.95, looks)
    assert rule.passing_looks == looks[-4:]
    assert looks[-4] >= least
    assert all(2 * a <= b <= 2 * a + 1 for a, b in pairwise(looks))


def test_a_clump_counts_as_few_requests() -> None:
    """With a design effect of 8, 18 over of 160 are two of twenty; with 2, one is one of eighty."""
    rule = SequentialRule(95, 0.95, (160,))
    assert at_least(18, 160, 0.05) < 0.05 < at_least(2, 20, 0.05)
    assert rule.decide(160, 18) == "failed"
    assert rule.decide(160, 18, clumping=8.0) == "undecided"
    assert at_most(1, 160, 0.05) < 0.05 < at_most(1, 80, 0.05)
    assert rule.decide(160, 1) == "passed"
    assert rule.decide(160, 1, clumping=2.0) == "undecided"


# ---- what the rule promises, by simulation ----

TRIALS = 1500


def independent(random: np.random.Generator, share: float, count: int) -> np.ndarray:
    return random.random(count) < share


def in_clumps(random: np.random.Generator, share: float, count: int) -> np.ndarray:
    """Requests over the bound come in runs of five on average, as in a queue."""
    flags = np.zeros(count, dtype=bool)
    gap = share / (5 * (1 - share))
    at = 0 if random.random() < share else int(random.geometric(gap))
    while at < count:
        run = int(random.geometric(1 / 5))
        flags[at : at + run] = True
        at += run + int(random.geometric(gap))
    return flags


def shares_of(draw, true_share: float, least: int = 0, trials: int = TRIALS) -> dict[str, float]:
    """How often each outcome comes over all looks of p95 at 95 %."""
    random = np.random.default_rng(11)
    looks = preset_looks(95, 0.95, least)
    rule = SequentialRule(95, 0.95, looks)
    counts = {"passed": 0, "failed": 0, "undecided": 0}
    for _ in range(trials):
        flags = draw(random, true_share, looks[-1])
        over = np.cumsum(flags)
        for n in looks:
            outcome = rule.decide(n, int(over[n - 1]), design_effect(flags[:n]))
            if outcome != "undecided":
                break
        counts[outcome] += 1
    return {outcome: count / trials for outcome, count in counts.items()}


def test_a_size_just_over_its_bound_passes_seldom_enough() -> None:
    assert shares_of(independent, 0.05)["passed"] <= 0.05


def test_a_size_just_within_its_bound_fails_seldom_enough() -> None:
    assert shares_of(independent, 0.05)["failed"] <= 0.05


def test_clear_cases_are_decided() -> None:
    assert shares_of(independent, 0.01, trials=300)["passed"] >= 0.99
    assert shares_of(independent, 0.15, trials=300)["failed"] >= 0.99


def test_clumps_neither_fail_a_good_size_nor_pass_a_bad_one() -> None:
    """Without the design effect a size at its bound would fail in 4 of 10 cases."""
    at_bound = shares_of(in_clumps, 0.05, least=1000, trials=300)
    assert at_bound["failed"] <= 0.05
    assert at_bound["passed"] <= 0.06
    assert shares_of(in_clumps, 0.075, least=1000, trials=300)["passed"] <= 0.05
    assert shares_of(in_clumps, 0.10, least=1000, trials=300)["failed"] >= 0.95


# ---- and the whole of a decision, on services with a queue or a quota ----


def decided(
    latencies: Callable[[int], np.ndarray], limit_ms: float, rate_rps: float, percentile: float
) -> Decision:
    """What `decide` says, at the end of its looks, of a load of this rate answered so."""
    limit = bound(percentile, limit_ms)
    load = Load((Stage("open", rate_rps=rate_rps),))
    rule = preset_rule(limit, load, rps=rate_rps, at_least_s=2.0)
    count = rule.looks[-1] + 10
    requests = request_columns(np.arange(count) / rate_rps, latencies(count))
    return decide(
        rule, requests, limit, load=load, start_ns=START,
        now_ns=int(requests["finished_ns"].max()) + 1, at_least_s=2.0,
    )  # fmt: skip


def decisions(draw: Callable, limit_ms: float, percentile: float, trials: int) -> Counter:
    random = np.random.default_rng(3)
    return Counter(
        decided(lambda count: draw(random, count), limit_ms, 160, percentile).outcome
        for _ in range(trials)
    )


@pytest.mark.parametrize(("percentile", "confidence"), [(90, 0.9), (99, 0.95), (95, 0.99)])
def test_the_shares_hold_for_other_percentiles_and_confidences(percentile, confidence) -> None:
    """Two standard deviations of chance are allowed for: 600 trials."""
    random, trials = np.random.default_rng(12), 600
    looks = preset_looks(percentile, confidence)
    rule = SequentialRule(percentile, confidence, looks)
    found: Counter = Counter()
    for _ in range(trials):
        flags = independent(random, 1 - percentile / 100, looks[-1])
        answers = (rule.decide(n, int(flags[:n].sum()), design_effect(flags[:n])) for n in looks)
        found[next((a for a in answers if a != "undecided"), "undecided")] += 1
    most = (1 - confidence) + 2 * ((1 - confidence) * confidence / trials) ** 0.5
    assert found["passed"] / trials <= most
    assert found["failed"] / trials <= most


def test_independent_latencies_at_the_bound_pass_and_fail_within_the_stated_share() -> None:
    limit_ms = lognormal_percentile(95)
    found = decisions(lambda random, count: random.lognormal(size=count), limit_ms, 95, 150)
    assert found["passed"] <= 0.09 * 150 and found["failed"] <= 0.09 * 150


@pytest.mark.parametrize(("percentile", "passed"), [(95, 0.25), (99, 0.12)])
def test_a_busy_queue_at_its_bound_passes_seldom(percentile, passed) -> None:
    """M/D/1 at load 0.8. By the requests over the bound alone 4 and 8 of 10 would pass.

    The stated share is 5 %; what is reached is 18 % and 7 % (docs/how-numbers-are-computed.md).
    """
    truth = np.quantile(md1(np.random.default_rng(9), 400_000, 0.8), percentile / 100) * 5
    found = decisions(lambda random, count: 5 * md1(random, count, 0.8), truth, percentile, 60)
    assert found["passed"] <= passed * 60
    assert found["failed"] <= 0.1 * 60


def test_a_comfortable_bound_is_accepted_at_the_first_look_all_the_same() -> None:
    truth = np.quantile(md1(np.random.default_rng(9), 400_000, 0.8), 0.95) * 5
    found = decisions(lambda random, count: 5 * md1(random, count, 0.8), 4 * truth, 95, 40)
    assert found["passed"] == 40


def test_what_is_measured_again_gets_more_requests_and_half_the_error() -> None:
    rule = SequentialRule(95, 0.95, (21, 43, 86, 172, 344, 688))
    again = once_more(rule, gives_up=False)
    assert again.looks == (84, 172, 344, 688, 1376, 2752)
    assert again.passing_looks == (344, 688, 1376, 2752)
    assert again.pass_share == pytest.approx(0.025 / 4)
    assert again.fail_share == pytest.approx(0.025 / 6)


def test_what_is_given_up_gets_half_the_error_and_as_many_requests_once_more() -> None:
    again = once_more(SequentialRule(95, 0.95, (21, 43, 86, 172, 344, 688)), gives_up=True)
    assert again.looks == (21, 43, 86, 172, 344, 688)
    assert again.passing_looks == (172, 344, 688)  # 86 without any over prove too little
    assert again.pass_share == pytest.approx(0.025 / 3)


@pytest.mark.parametrize("gives_up", [True, False])
def test_the_error_of_both_measurements_is_within_one_and_a_half_times_the_stated(
    gives_up: bool,
) -> None:
    """A share just at what is allowed: passed at once, or after it had stayed undecided."""
    random = np.random.default_rng(5)
    first = SequentialRule(95, 0.95, preset_looks(95, 0.95))
    wrong = 0
    for _ in range(400):
        for rule in (first, once_more(first, gives_up=gives_up)):
            flags = independent(random, 0.05, rule.looks[-1])
            outcomes = (rule.decide(look, int(flags[:look].sum())) for look in rule.looks)
            outcome = next((found for found in outcomes if found != "undecided"), "undecided")
            if outcome != "undecided":
                break
        wrong += outcome == "passed"
    assert wrong / 400 < 0.075
