"""Whether a load kept its objective, decided while it runs: one pure function of raw requests.

`decide` gives the same answer for the same first requests however often and late it is asked,
so the engine may ask 20 times a second and the finished measurement says the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.measuring.conditions import (
    errors_within_budget,
    keeping_up,
    percentile_kept,
    throughput_kept,
    too_slow_alone,
)
from profiler.measuring.due_requests import (
    Due,
    due_requests,
)
from profiler.measuring.findings import Finding, texts
from profiler.measuring.objective import Bound
from profiler.measuring.prospects import Patience
from profiler.measuring.statistics import (
    Outcome,
    SequentialRule,
    preset_looks,
)
from profiler.samples import Columns
from profiler.spec import Load
from profiler.units import NS

#: The kernel grants a cpu quota anew each 100 ms; a size is given up after three such periods at
#: the earliest, and accepted after ten (a shorter stretch can miss the throttling altogether).
FAIL_AFTER_S, PASS_AFTER_S = 0.3, 1.0
#: How many looks may pass a load of several stages, or of recorded arrivals.
ROUND_LOOKS = 8


@dataclass(frozen=True)
class Decision:
    """What the first `requests` requests show (0: no look yet); `over` were late or failed.

    `given_up`: it stays undecided, since more requests would hardly make it pass.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    requests: int
    over: int
    given_up: bool = False

    @property
    def is_final(self) -> bool:
        return self.outcome != "undecided" or self.given_up

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

    Set before the load begins: from the load's own rate, where it has one (a warm-up saw too little
    of it to tell), or from what a warm-up achieved. The first look that may pass comes two standard
    deviations of a Poisson count later than the shortest load, so that it is hardly ever too early
    and wasted.
    """
    rps = load.nominal_rps or rps
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


#: How much longer than on average the requests of a look may take to come.
LATE_LOOK = 1.25


def enough_s(rule: SequentialRule, rps: float, passing: int = 1) -> float:
    """Seconds within which so many looks that may pass come, of about so many requests a second."""
    looks = rule.passing_looks[:passing] or rule.looks
    return LATE_LOOK * looks[-1] / rps if rps else math.inf


#: What is measured again because it stayed undecided has half of the error that it had before: both
#: together have less than twice. Where it is not given up it gets so many times the requests.
ERROR_SHARE, MORE = 0.5, 4


def once_more(rule: SequentialRule, *, gives_up: bool) -> SequentialRule:
    """The rule for measuring again what stayed undecided by this one."""
    confidence = 1 - (1 - rule.confidence) * ERROR_SHARE
    looks = tuple(look * (1 if gives_up else MORE) for look in rule.looks)
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
    patience: Patience | None = None,
) -> Decision:
    """Passed, failed or undecided, by the requests due from `start_ns` to `now_ns`.

    `requests` are the finished (and aborted) ones, `pending_ns` the scheduled times of those due
    but unfinished. Nothing passes before `at_least_s` of load. The first preset look that decides
    is the answer; an error where none is allowed fails at once. Without `patience` nothing is given
    up.
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
        decision = _look(rule, counted.first(look), bound, load, start_ns, at_least_s, patience)
        if decision.is_final:
            break
    return decision


# ---- one look ------------------------------------------------------------------------------


def _look(
    rule: SequentialRule,
    due: Due,
    bound: Bound,
    load: Load,
    start_ns: int,
    at_least_s: float,
    patience: Patience | None,
) -> Decision:
    """The decision of one preset look: failed if any part is, passed if every part is."""
    over = int(due.over.sum())
    elapsed_s = (int(due.scheduled_ns[-1]) - start_ns) / NS
    parts = [percentile_kept(rule, due, bound, patience), errors_within_budget(rule, due, bound)]
    if is_open(load):
        parts += keeping_up(rule, due, bound, start_ns)
    elif bound.min_throughput_rps is not None:
        parts.append(throughput_kept(rule, due, bound.min_throughput_rps, start_ns))
    failed = [part.finding for part in parts if part.outcome == "failed"]
    undecided = [part.finding for part in parts if part.outcome == "undecided"]
    if failed and elapsed_s >= FAIL_AFTER_S:
        alone = too_slow_alone(rule, due, bound) if is_open(load) else None
        return Decision("failed", (*failed, *([alone] if alone else [])), len(due), over)
    if not failed and not undecided and elapsed_s < at_least_s:
        found = f"{elapsed_s:.2g} s of load, where {at_least_s:g} s are the least"
        undecided = [Finding("load-too-short", found)]
    if failed or undecided:
        given_up = any(part.is_hopeless for part in parts)
        return Decision("undecided", tuple(failed + undecided), len(due), over, given_up)
    return Decision("passed", (), len(due), over)
