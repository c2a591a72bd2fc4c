"""May a measurement be believed, and what else should its reader know.

Three kinds of finding, each with its numbers: reasons why a measurement is invalid (not to be
believed), the outcome's reasons (believed, and telling; see decision.py), and warnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from profiler.measuring.disturbance import changed_midway, host_noise, host_pressure
from profiler.measuring.due_requests import LATE_MS, LATE_SHARE
from profiler.measuring.findings import Finding, texts
from profiler.measuring.gpu_findings import gpu_noise, gpu_warnings
from profiler.measuring.growth import per_hour_text
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import Estimate, Outcome, requests_needed
from profiler.units import MIB

if TYPE_CHECKING:
    from profiler.measuring.gpu import GpuUse
    from profiler.measuring.measurement import Window
    from profiler.measuring.warmup import Beginning, WarmUp


#: perf_analyzer's rule: the last three windows differ by no more than this factor (here of the
#: bound, where that is more than the median).
STABLE_WINDOWS, STABLE_FACTOR = 3, 1.10
#: Where identical runs differ by more, windows may as well, up to this share: beyond it nothing
#: would be called steady or not.
MOST_FLOOR_SHARE = 0.25
#: From this share of throttled periods on, the quota was what held a service back.
OWN_QUOTA_SHARE = 0.9
IN_SPITE_OF_NOISE = {
    "passed": "The bound was kept in spite of it.",
    "failed": "The service had used up its own quota all the same.",
}
#: More of the driver's own core than this, and the driver is what was measured.
DRIVER_BUSY_LIMIT = 0.90
#: With more void windows than this share the driver could not keep up with the load at all.
VOID_LIMIT = 0.5
#: Memory that grows by less than the larger of these over the measured time is no leak, nor is any
#: growth in less than this time.
LEAK_BYTES, LEAK_SHARE, LEAK_AFTER_S = MIB, 0.01, 3.0
SLOW_STARTUP_S = 30.0
#: So many rows are named in a sentence.
SHOWN_ROWS = 5
#: Threads that a server keeps beside its workers, mostly asleep; and the share of throttled periods
#: from which more threads than cores are worth a word.
SPARE_THREADS, THROTTLED_SHARE = 4, 0.05


@dataclass(frozen=True)
class Validity:
    """Whether a measurement may be believed; the findings say why not, none when valid."""

    valid: bool
    findings: tuple[Finding, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        return texts(self.findings)

    def to_json(self) -> dict:
        return {
            "valid": self.valid,
            "reasons": list(self.reasons),
            "findings": [finding.to_json() for finding in self.findings],
        }


def judge(
    *,
    outcome: Outcome,
    bound: Bound,
    requests: int,
    windows: Sequence[Window],
    driver: dict,
    noise: dict,
    throttled_fraction: float | None,
    gpu: GpuUse | None = None,
    floor_share: float | None = None,
    beginning: Beginning | None = None,
) -> Validity:
    """Every reason not to believe a measurement; see the functions below for each rule.

    `floor_share` is by how much the median latency of identical runs differs on the target,
    `beginning` the slow beginning of what was measured.
    """
    harmless = noise_is_harmless(outcome, bound, throttled_fraction)
    found = [
        too_few_requests(outcome, bound, requests),
        unstable(outcome, bound, windows, floor_share),
        driver_late(windows),
        driver_busy(driver),
        changed_midway(noise),
        *(() if _slowed_harmlessly(outcome, bound) else (_still_warming(beginning),)),
        *(() if harmless else (*host_noise(noise), *gpu_noise(gpu))),
    ]
    told = tuple(finding for finding in found if finding)
    return Validity(not told, told)


def too_few_requests(outcome: Outcome, bound: Bound, requests: int) -> Finding | None:
    """Fewer than could ever prove the percentile; a failure is proven by far fewer."""
    needed = requests_needed(bound.percentile, bound.confidence, 0)
    if outcome == "failed" or requests >= needed:
        return None
    return Finding(
        "too-few-requests",
        f"Only {requests} requests were counted; p{bound.percentile:g} at "
        f"{bound.confidence:.0%} confidence needs at least {needed}.",
    )


def unstable(
    outcome: Outcome, bound: Bound, windows: Sequence[Window], floor_share: float | None = None
) -> Finding | None:
    """The median latency of the last three windows differs by over 10 %, and not by chance.

    By more than identical runs differ on this target, where that is over 10 % (and at most 25 %).

    By chance: the intervals of the highest and the lowest median overlap. Less than 10 % of the
    bound cannot decide anything. A failed outcome is not held to this: an overloaded service is
    never steady.
    """
    last = [window for window in windows if window.valid and window.p50_ms][-STABLE_WINDOWS:]
    if outcome == "failed" or len(last) < STABLE_WINDOWS:
        return None
    low = min(last, key=lambda window: window.p50_ms)
    high = max(last, key=lambda window: window.p50_ms)
    allowed = max(STABLE_FACTOR - 1, min(floor_share or 0.0, MOST_FLOOR_SHARE))
    allowed_ms = allowed * max(low.p50_ms, bound.latency_ms or 0.0)
    if high.p50_ms - low.p50_ms <= allowed_ms or not _apart(low, high):
        return None
    return Finding(
        "windows-not-steady",
        f"The last {STABLE_WINDOWS} windows are not steady: their median latency went from "
        f"{low.p50_ms:.3g} to {high.p50_ms:.3g} ms, more than {allowed:.0%} of the "
        f"{'median' if bound.latency_ms is None else 'bound'} apart.",
    )


def _apart(low: Window, high: Window) -> bool:
    above, below = low.p50_interval_ms.high, high.p50_interval_ms.low
    return above is not None and below is not None and above < below


def driver_late(windows: Sequence[Window]) -> Finding | None:
    """More than half of the windows are void: the driver could not keep its own schedule."""
    void = sum(not window.valid for window in windows)
    if not windows or void <= VOID_LIMIT * len(windows):
        return None
    worst_ms = max(window.late_p99_ms or 0.0 for window in windows)
    return Finding(
        "driver-late",
        f"The driver was late: {void} of {len(windows)} windows are void (p99 of its lateness up "
        f"to {worst_ms:.3g} ms, where the larger of {LATE_MS:g} ms and {LATE_SHARE:.0%} of the "
        "p99 latency is allowed).",
    )


def driver_busy(driver: dict) -> Finding | None:
    busy = driver.get("busy_fraction")
    if busy is None or busy <= DRIVER_BUSY_LIMIT:
        return None
    return Finding(
        "driver-saturated",
        f"The driver was saturated: it was busy {busy:.0%} of the time, where "
        f"{DRIVER_BUSY_LIMIT:.0%} is the most.",
    )


def noise_is_harmless(outcome: Outcome, bound: Bound, throttled_fraction: float | None) -> bool:
    """Whether the outcome would have been the same on a quiet host.

    Noise can only slow a service, so a bound kept in spite of it is kept (not so for the reference
    of a relative objective, whose latency becomes the bound). And a service throttled in nearly all
    periods had used up its whole quota in them: the quota held it back, not its neighbours.
    """
    if outcome == "passed":
        return _slowed_harmlessly(outcome, bound)
    return outcome == "failed" and (throttled_fraction or 0.0) >= OWN_QUOTA_SHARE


def _slowed_harmlessly(outcome: Outcome, bound: Bound) -> bool:
    """A bound that was kept although the service was still slow is kept."""
    return outcome == "passed" and bound.latency_ms is not None


def _still_warming(beginning: Beginning | None) -> Finding | None:
    if beginning is None:
        return None
    return Finding(
        "still-warming-up",
        f"The service was still warming up: its first {beginning.requests} requests took "
        f"{beginning.factor:.2g} times as long as the rest.",
    )


# ---- warnings ------------------------------------------------------------------------------


def warnings(
    *,
    outcome: Outcome,
    bound: Bound,
    noise: dict,
    distinct_rows: int | None,
    growth: Estimate | None,
    leaks: bool,
    duration_s: float,
    startup_s: float | None,
    cpu_millicores: int,
    threads_max: int | None,
    throttled_fraction: float | None,
    suspicious_rows: Sequence[int],
    gpu: GpuUse | None = None,
    at_percentile_ms: float | None = None,
    floor_share: float | None = None,
    warmup: WarmUp | None = None,
    own_pressure: float | None = None,
    beginning: Beginning | None = None,
) -> tuple[Finding, ...]:
    """What a reader should know of a measurement that may well be valid."""
    told = [
        _identical_rows(distinct_rows),
        _growing_memory(growth, leaks, duration_s),
        _suspicious_answers(suspicious_rows),
        _kept_within_noise(outcome, bound, at_percentile_ms, floor_share),
        _slow_startup(startup_s),
        _threads_over_quota(cpu_millicores, threads_max, throttled_fraction),
        _never_settled(warmup),
        host_pressure(noise, own_pressure),
        *gpu_warnings(gpu),
    ]
    if _slowed_harmlessly(outcome, bound):
        told += _in_spite(outcome, [_still_warming(beginning)])
    if noise_is_harmless(outcome, bound, throttled_fraction):
        told += _in_spite(outcome, [*host_noise(noise), *gpu_noise(gpu)])
    return tuple(warning for warning in told if warning)


def _in_spite(outcome: Outcome, found: Sequence[Finding | None]) -> list[Finding]:
    """Reasons not to believe that did not matter, as warnings."""
    return [
        replace(finding, text=f"{finding.text} {IN_SPITE_OF_NOISE[outcome]}")
        for finding in found
        if finding
    ]


def _identical_rows(distinct_rows: int | None) -> Finding | None:
    if distinct_rows != 1:
        return None
    return Finding(
        "identical-rows",
        "All requests are the same: caches may make the service look faster than it is.",
    )


def _growing_memory(growth: Estimate | None, leaks: bool, duration_s: float) -> Finding | None:
    if growth is None or growth.low <= 0 or growth.value * duration_s < LEAK_BYTES:
        return None
    code, verb = ("memory-leak", "leaks") if leaks else ("memory-growing", "was still growing")
    return Finding(
        code,
        f"Memory {verb}: by {per_hour_text(growth)}, while it was measured.",
    )


def _suspicious_answers(rows: Sequence[int]) -> Finding | None:
    if not rows:
        return None
    named = ", ".join(map(str, rows[:SHOWN_ROWS])) + (", ..." if len(rows) > SHOWN_ROWS else "")
    return Finding(
        "answers-look-like-errors",
        f"Rows answered with a success status by what looks like an error: {len(rows)} ({named}). "
        "Check their answers.",
    )


def _kept_within_noise(
    outcome: Outcome, bound: Bound, at_percentile_ms: float | None, floor_share: float | None
) -> Finding | None:
    """Kept by less than the share of the bound by which identical runs differ on this target."""
    if outcome != "passed" or None in (bound.latency_ms, at_percentile_ms, floor_share):
        return None
    margin = 1 - at_percentile_ms / bound.latency_ms
    if margin >= floor_share:
        return None
    return Finding(
        "kept-within-noise",
        f"p{bound.percentile:g} kept its bound by {margin:.1%}, less than the {floor_share:.1%} by "
        "which identical runs differ on this target.",
    )


def _never_settled(warmup: WarmUp | None) -> Finding | None:
    if warmup is None or not warmup.never_settled:
        return None
    return Finding(
        "warm-up-unsettled",
        f"The warm-up was ended after {warmup.seconds:.3g} s and {warmup.requests} requests: "
        "latency had not settled.",
    )


def _slow_startup(startup_s: float | None) -> Finding | None:
    if startup_s is None or startup_s <= SLOW_STARTUP_S:
        return None
    return Finding(
        "slow-start", f"Starting took {startup_s:.0f} s; a new replica is of no use until then."
    )


def _threads_over_quota(
    cpu_millicores: int, threads: int | None, throttled: float | None
) -> Finding | None:
    cores = max(1, -(-cpu_millicores // 1000))
    if threads is None or throttled is None or throttled <= THROTTLED_SHARE:
        return None
    if threads <= cores + SPARE_THREADS:
        return None
    return Finding(
        "threads-over-quota",
        f"{threads} threads share a quota of {cpu_millicores} millicores and were throttled in "
        f"{throttled:.0%} of the periods: fewer threads (OMP_NUM_THREADS and its like) may do "
        "better.",
    )
