"""Whether a load kept its objective, decided while it runs: one pure function of raw requests.

`decide` gives the same answer for the same first requests however often and late it is asked,
so the engine may ask 20 times a second and the finished measurement says the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.measuring.binomial import at_least
from profiler.measuring.dependence import design_effect
from profiler.measuring.due_requests import (
    NS,
    NS_PER_MS,
    Due,
    achieved_share,
    due_requests,
    in_flight,
    throughput,
)
from profiler.measuring.findings import Finding, texts
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import (
    Outcome,
    SequentialRule,
    nearest_rank,
    over_share,
    preset_looks,
    slope_interval,
)
from profiler.samples import Columns
from profiler.spec import Load

#: The kernel grants a cpu quota anew each 100 ms; a size is given up after three such periods at
#: the earliest, and accepted after ten (a shorter stretch can miss the throttling altogether).
FAIL_AFTER_S, PASS_AFTER_S = 0.3, 1.0
#: How many looks may pass a load of several stages, or of recorded arrivals.
ROUND_LOOKS = 8
#: In open loop at least this share of the offered rate must be achieved.
ACHIEVED_SHARE = 0.99
#: In-flight requests that rise by the first share of the requests are no pass; by the second, and
#: by this many, after this many seconds, a failure.
GROWTH_SHARE, GROWTH_REQUESTS, GROWTH_AFTER_S = (0.01, 0.05), 10, 2.0
#: A bound of this many times the percentile is comfortable: where P[T > x] falls off as e^-ax and
#: is 5 % at the percentile, it is 0.25 % there.
COMFORT = 2.0


@dataclass(frozen=True)
class Decision:
    """What the first `requests` requests show (0: no look yet); `over` were late or failed."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    requests: int
    over: int

    @property
    def reasons(self) -> tuple[str, ...]:
        return texts(self.findings)


def is_open(load: Load) -> bool:
    """Whether every stage offers requests at a rate of its own."""
    return all(stage.mode == "open" for stage in load.stages)


def preset_rule(
    bound: Bound, load: Load, *, rps: float, at_least_s: float = PASS_AFTER_S
) -> SequentialRule:
    """The rule for a load of about `rps` requests per second that no pass may be shorter than.

    Set before the load begins: from what a warm-up achieved, or from a recording's own rate (the
    warm-up saw only part of it). The first look that may pass comes two standard deviations of a
    Poisson count later than the shortest load, so that it is hardly ever too early and wasted.
    """
    first = load.stages[0]
    if len(load.stages) == 1 and first.times_s is not None:
        rps = first.rate_rps
    expected = rps * shortest_s(bound, load, at_least_s)
    least = math.ceil(expected + 2 * math.sqrt(expected)) + 1
    if not load.has_rounds:
        looks = preset_looks(bound.percentile, bound.confidence, least)
        return SequentialRule(bound.percentile, bound.confidence, looks)
    # Part of a round says nothing of the whole, neither good nor bad. How many requests a round has
    # is known badly, as stages differ: more looks, the first of which may come too early.
    looks = preset_looks(bound.percentile, bound.confidence, least, passing=ROUND_LOOKS)
    looks = looks[-ROUND_LOOKS:]
    return SequentialRule(bound.percentile, bound.confidence, looks, passing=ROUND_LOOKS)


#: What is measured again because it stayed undecided gets so many times the requests, and each
#: time half of the error that the time before had: with all of them it is less than twice.
MORE, ERROR_SHARE = 4, 0.5


def longer(rule: SequentialRule) -> SequentialRule:
    """The rule for measuring again what stayed undecided: more requests, and a smaller error."""
    confidence = 1 - (1 - rule.confidence) * ERROR_SHARE
    looks = tuple(look * MORE for look in rule.looks)
    return SequentialRule(rule.percentile, confidence, looks, rule.passing)


def round_s(load: Load, rps: float) -> float:
    """Seconds that a load takes once over, where about `rps` requests per second are answered.

    0 for a single stage that is the same throughout; without the last stage where that has no end.
    """
    if not load.has_rounds:
        return 0.0
    return sum(
        stage.duration_s or (stage.requests or 0) / (stage.rate_rps or rps or 1.0)
        for stage in load.stages
    )


def shortest_s(bound: Bound, load: Load, at_least_s: float) -> float:
    """The shortest load that can pass: in open loop a growing backlog takes time to show."""
    if not is_open(load) or bound.latency_ms is None:
        return at_least_s
    return max(at_least_s, 2 * bound.latency_ms / 1000)


def decide(
    rule: SequentialRule,
    requests: Columns,
    bound: Bound,
    *,
    load: Load,
    start_ns: int,
    now_ns: int,
    pending_ns: np.ndarray | None = None,
    at_least_s: float = PASS_AFTER_S,
) -> Decision:
    """Passed, failed or undecided, by the requests due from `start_ns` to `now_ns`.

    `requests` are the finished (and aborted) ones, `pending_ns` the scheduled times of those due
    but unfinished. Nothing passes before `at_least_s` of load. The first preset look that decides
    is the answer; an error where none is allowed fails at once.
    """
    due = due_requests(requests, bound, start_ns, now_ns, pending_ns)
    errors = int(due.error.sum())
    if errors and bound.max_error_rate == 0:
        failed = Finding(
            "errors-over-budget", f"{errors} of {len(due)} requests failed, where none may"
        )
        return Decision("failed", (failed,), len(due), int(due.over.sum()))
    counted = due.where(~due.void)
    ready = int(np.argmin(counted.settled)) if not counted.settled.all() else len(counted)
    none_yet = Finding("load-too-short", "too few requests for any decision")
    decision = Decision("undecided", (none_yet,), 0, 0)
    for look in rule.looks:
        if look > ready:
            break
        decision = _look(rule, counted.first(look), bound, load, start_ns, at_least_s)
        if decision.outcome != "undecided":
            break
    return decision


# ---- one look ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One condition of the objective: its own outcome and, unless passed, why."""

    outcome: Outcome
    finding: Finding | None = None


PASSED = Part("passed")


def _part(outcome: Outcome, code: str, text: str) -> Part:
    return Part(outcome, Finding(code, text))


def _look(
    rule: SequentialRule, due: Due, bound: Bound, load: Load, start_ns: int, at_least_s: float
) -> Decision:
    """The decision of one preset look: failed if any part is, passed if every part is."""
    over = int(due.over.sum())
    elapsed_s = (int(due.scheduled_ns[-1]) - start_ns) / NS
    parts = [_percentile(rule, due, bound), _errors(rule, due, bound)]
    if is_open(load):
        parts += _keeping_up(rule, due, bound, start_ns)
    elif bound.min_throughput_rps is not None:
        parts.append(_throughput(rule, due, bound.min_throughput_rps, start_ns))
    failed = [part.finding for part in parts if part.outcome == "failed"]
    undecided = [part.finding for part in parts if part.outcome == "undecided"]
    if failed and elapsed_s >= FAIL_AFTER_S:
        return Decision("failed", tuple(failed), len(due), over)
    if not failed and not undecided and elapsed_s < at_least_s:
        found = f"{elapsed_s:.2g} s of load, where {at_least_s:g} s are the least"
        undecided = [Finding("load-too-short", found)]
    if failed or undecided:
        return Decision("undecided", tuple(failed + undecided), len(due), over)
    return Decision("passed", (), len(due), over)


def _percentile(rule: SequentialRule, due: Due, bound: Bound) -> Part:
    over = int(due.over.sum())
    outcome = rule.decide(len(due), over, clumping(due, bound))
    if outcome == "passed":
        return PASSED
    share = over_share(bound.percentile)
    late = "failed" if bound.latency_ms is None else f"took over {bound.latency_ms:.4g} ms"
    found = (
        f"p{bound.percentile:g}: {over} of {len(due)} requests ({over / len(due):.2%}) {late}"
        f"{' or failed' if due.error.any() and bound.latency_ms is not None else ''}, "
        f"where {share * 100:.4g} % may"
    )
    if outcome == "failed":
        return _part("failed", "percentile-over-bound", f"{found}; chance alone explains that "
                     f"with less than {rule.fail_share:.2%} probability")  # fmt: skip
    return _part("undecided", "percentile-undecided", f"{found}; too few requests to tell at "
                 f"{bound.confidence:.0%} confidence")  # fmt: skip


def clumping(due: Due, bound: Bound) -> float:
    """How many of these requests count as one: the design effect of those over the bound.

    Where none or few were, the clumps of a queue have not shown themselves yet: then that of the
    latencies over their median, unless the percentile is so far within the bound that a queue
    (whose tail falls off exponentially: Kingman 1964) hardly ever reaches it.
    """
    effect = design_effect(due.over)
    if bound.latency_ms is None:
        return effect
    # Cut at the bound, so that it does not matter how long the unanswered have waited by now.
    latency_ms = np.minimum((due.known_ns - due.scheduled_ns) / NS_PER_MS, bound.latency_ms)
    if COMFORT * nearest_rank(latency_ms, bound.percentile) <= bound.latency_ms:
        return effect
    return max(effect, design_effect(latency_ms > nearest_rank(latency_ms, 50)))


def _errors(rule: SequentialRule, due: Due, bound: Bound) -> Part:
    errors, count = int(due.error.sum()), len(due)
    if errors <= bound.max_error_rate * count:
        return PASSED
    found = (
        f"{errors} of {count} requests ({errors / count:.2%}) failed, where "
        f"{bound.max_error_rate * 100:g} % may"
    )
    if at_least(errors, count, bound.max_error_rate) <= rule.fail_share:
        return _part("failed", "errors-over-budget", found)
    return _part("undecided", "errors-over-budget", f"{found}; too few requests to tell")


def _keeping_up(rule: SequentialRule, due: Due, bound: Bound, start_ns: int) -> list[Part]:
    """Whether the service is as fast as the load: its backlog must not grow.

    A load shorter than twice the latency bound cannot tell (a backlog that grows is still within
    the bound), and one of less than GROWTH_AFTER_S does not fail a service for it.
    """
    elapsed_s = (int(due.scheduled_ns[-1]) - start_ns) / NS
    if elapsed_s < 2 * (bound.latency_ms or 0.0) / 1000:
        short = (
            f"{elapsed_s:.2g} s of load do not tell whether the service keeps up; "
            "twice the latency bound is the least"
        )
        return [_part("undecided", "load-too-short", short)]
    parts = [_achieved(rule, due, bound), _in_flight(rule, due, start_ns)]
    if elapsed_s < GROWTH_AFTER_S:
        return [Part("undecided", part.finding) if part.outcome == "failed" else part
                for part in parts]  # fmt: skip
    return parts


def _achieved(rule: SequentialRule, due: Due, bound: Bound) -> Part:
    share, behind, count = achieved_share(due, bound)
    if share is None or share >= ACHIEVED_SHARE:
        return PASSED
    found = (
        f"achieved {share:.1%} of the offered rate, where at least {ACHIEVED_SHARE:.0%} must be "
        f"({behind} of {count} requests were left behind)"
    )
    if at_least(behind, count, 1 - ACHIEVED_SHARE) <= rule.fail_share:
        return _part("failed", "rate-not-achieved", found)
    return _part("undecided", "rate-not-achieved", f"{found}; too few requests to tell")


def _in_flight(rule: SequentialRule, due: Due, start_ns: int) -> Part:
    """Requests in flight growing without end: over the later half, their number and latency rise.

    The later half, because a load that has just begun has nothing in flight yet.
    """
    at_s, number = in_flight(due, start_ns)
    later = len(at_s) // 2
    growth = slope_interval(at_s[later:], number[later:], 1 - 2 * rule.fail_share)
    half = due.where(due.scheduled_ns >= start_ns + at_s[later] * NS)
    latency_ms = (half.known_ns - half.scheduled_ns) / NS_PER_MS
    slower = slope_interval(half.scheduled_ns / NS, latency_ms, 1 - 2 * rule.fail_share)
    if growth is None or slower is None or growth.low <= 0 or slower.low <= 0:
        return PASSED
    grown = growth.value * (at_s[-1] - at_s[later])
    if grown < GROWTH_SHARE[0] * len(half):
        return PASSED
    found = f"requests in flight grew by {growth.value:.3g} per second, to {number[-1]:.0f}"
    if grown >= max(GROWTH_REQUESTS, GROWTH_SHARE[1] * len(half)):
        return _part("failed", "in-flight-growing", f"{found}: the service is slower than the load")
    return _part(
        "undecided", "in-flight-growing", f"{found}; too few requests to tell whether without end"
    )


def _throughput(rule: SequentialRule, due: Due, least_rps: float, start_ns: int) -> Part:
    estimate = throughput(due, start_ns, 1 - 2 * rule.pass_share)
    if estimate is None:
        return _part("undecided", "throughput-too-low", "too few requests to know the throughput")
    if estimate.low >= least_rps:
        return PASSED
    found = (
        f"throughput {estimate.value:.4g} requests/s ({estimate.low:.4g} to {estimate.high:.4g}), "
        f"where at least {least_rps:.4g} must be"
    )
    if estimate.high < least_rps:
        return _part("failed", "throughput-too-low", found)
    return _part("undecided", "throughput-too-low", f"{found}; the interval does not tell")
