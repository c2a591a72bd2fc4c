"""The conditions of an objective, each asked at a look: passed, failed or undecided, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler.measuring.binomial import at_least
from profiler.measuring.dependence import design_effect
from profiler.measuring.due_requests import (
    Due,
    achieved_share,
    in_flight,
    throughput,
)
from profiler.measuring.findings import Finding
from profiler.measuring.objective import Bound
from profiler.measuring.prospects import Patience
from profiler.measuring.statistics import (
    Outcome,
    SequentialRule,
    nearest_rank,
    over_share,
    slope_interval,
)
from profiler.units import NS, NS_PER_MS

#: In open loop at least this share of the offered rate must be achieved.
ACHIEVED_SHARE = 0.99
#: In-flight requests that rise by the first share of the requests are no pass; by the second, and
#: by this many, after this many seconds, a failure.
GROWTH_SHARE, GROWTH_REQUESTS, GROWTH_AFTER_S = (0.01, 0.05), 10, 2.0
#: A bound of this many times the percentile is comfortable: where P[T > x] falls off as e^-ax and
#: is 5 % at the percentile, it is 0.25 % there.
COMFORT = 2.0

#: From this design effect on it is said that requests count as fewer.
CLUMPED = 1.5
#: Of fewer requests one bad moment could be all that is seen.
FEWEST_ALONE = 5


@dataclass(frozen=True)
class Part:
    """One condition of the objective: its own outcome and, unless passed, why.

    `is_hopeless`: it is undecided, and more requests would hardly make it pass.
    """

    outcome: Outcome
    finding: Finding | None = None
    is_hopeless: bool = False


PASSED = Part("passed")


def _part(outcome: Outcome, code: str, text: str) -> Part:
    return Part(outcome, Finding(code, text))


def percentile_kept(
    rule: SequentialRule, due: Due, bound: Bound, patience: Patience | None
) -> Part:
    over, clumps = int(due.over.sum()), clumping(due, bound)
    outcome = rule.decide(len(due), over, clumps)
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
    found += "; "
    if clumps >= CLUMPED:
        found += f"as slow ones come in clumps, these count as {len(due) / clumps:.0f}: "
    found += f"too few requests to tell at {bound.confidence:.0%} confidence"
    # By the clumps that there are: those that may still show themselves are no reason to end it.
    if patience is None or not patience.ends(rule, len(due), over, design_effect(due.over)):
        return _part("undecided", "percentile-undecided", found)
    found += f", and {patience.by}, the most there was time for, would hardly have passed"
    return Part("undecided", Finding("percentile-undecided", found), is_hopeless=True)


def too_slow_alone(rule: SequentialRule, due: Due, bound: Bound) -> Finding | None:
    """Of a failed load: that those of its requests that met no other break the bound as well."""
    alone = due.where(due.alone)
    over, count, clumps = int(alone.over.sum()), len(alone), design_effect(alone.over)
    chance = at_least(int(over / clumps), int(count / clumps), over_share(bound.percentile))
    if over < FEWEST_ALONE or chance > rule.fail_share:
        return None
    return Finding(
        "too-slow-alone",
        f"of {count} requests that met no other {over} were over the bound too: no lower rate "
        "would help",
    )


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


def errors_within_budget(rule: SequentialRule, due: Due, bound: Bound) -> Part:
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


def keeping_up(rule: SequentialRule, due: Due, bound: Bound, start_ns: int) -> list[Part]:
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


def throughput_kept(rule: SequentialRule, due: Due, least_rps: float, start_ns: int) -> Part:
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
