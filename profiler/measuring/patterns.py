"""What latencies show over time: drift, two kinds of requests, stalls at a period, a used-up quota.

None of these makes a measurement unbelievable; each says what a single percentile hides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler.measuring.drift import changed, drift_per_minute, drifts
from profiler.measuring.findings import Finding
from profiler.measuring.modes import Modes, two_modes
from profiler.measuring.stalls import QUOTA_PERIOD_S, Stalls, periodic_stalls
from profiler.measuring.statistics import Estimate
from profiler.samples import OK, Columns
from profiler.units import NS, NS_PER_MS

#: From this share of throttled periods on, the quota's own period is looked for among stalls.
THROTTLED_SHARE = 0.01
#: A quota is used up from this share of it on, where this share of its periods was throttled.
USED_UP, THROTTLED_OFTEN = 0.95, 0.05
#: What tells two kinds of requests apart: this share of the slower, and at most that of the faster.
OF_SLOW, OF_FAST = 0.9, 0.2
#: A row says something of itself when it was sent so often.
SEVERAL = 3


@dataclass(frozen=True)
class Patterns:
    """`modes_because` and `stalls_because` name a likely cause, empty where none is known."""

    drift_per_minute: Estimate | None = None
    modes: Modes | None = None
    modes_because: str = ""
    stalls: Stalls | None = None
    stalls_because: str = ""

    def to_json(self) -> dict:
        return {
            "drift_per_minute": self.drift_per_minute and self.drift_per_minute.to_json(),
            "modes": self.modes and {**self.modes.to_json(), "because": self.modes_because or None},
            "stalls": self.stalls
            and {**self.stalls.to_json(), "because": self.stalls_because or None},
        }


NO_PATTERNS = Patterns()


def patterns_of(requests: Columns, throttled_fraction: float | None) -> Patterns:
    """The patterns in the requests that were answered well."""
    ok = requests["outcome"] == OK
    if not ok.any():
        return NO_PATTERNS
    requests = {name: values[ok] for name, values in requests.items()}
    first_ns = requests["scheduled_ns"][0]
    at_s = (requests["scheduled_ns"] - first_ns) / NS
    latency_ms = (requests["finished_ns"] - requests["scheduled_ns"]) / NS_PER_MS
    modes = two_modes(latency_ms)
    stalls, because = _stalls(at_s, latency_ms, throttled_fraction)
    if stalls and _by_rows(requests, latency_ms > stalls.slow_ms):
        stalls, because = None, ""
    return Patterns(
        drift_per_minute(at_s, latency_ms),
        modes,
        _why_two(requests, latency_ms > modes.split_ms) if modes else "",
        stalls,
        because,
    )


def _stalls(
    at_s: np.ndarray, latency_ms: np.ndarray, throttled_fraction: float | None
) -> tuple[Stalls | None, str]:
    if (throttled_fraction or 0.0) > THROTTLED_SHARE:
        found = periodic_stalls(at_s, latency_ms, known_s=QUOTA_PERIOD_S)
        if found:
            return found, "quota"
    return periodic_stalls(at_s, latency_ms), ""


def _why_two(requests: Columns, slow: np.ndarray) -> str:
    """A likely cause of two kinds: "rows" where each row is always of one of them, "queue" where
    the slower found others in flight.
    """
    if _by_rows(requests, slow):
        return "rows"
    finished = np.sort(requests["finished_ns"])
    before = np.arange(len(slow)) - np.searchsorted(finished, requests["scheduled_ns"], "right")
    queued = before > 0
    if queued[slow].mean() >= OF_SLOW and queued[~slow].mean() <= OF_FAST:
        return "queue"
    return ""


def _by_rows(requests: Columns, slow: np.ndarray) -> bool:
    """Whether the rows sent three times or more say which of their requests are slow."""
    _, row, sent = np.unique(requests["row"], return_inverse=True, return_counts=True)
    several = sent >= SEVERAL
    if not several.any():
        return False
    mostly_slow = (np.bincount(row, weights=slow) > sent / 2)[row]
    known = several[row]
    of_slow, of_fast = mostly_slow[known & slow], mostly_slow[known & ~slow]
    if not len(of_slow) or not len(of_fast):
        return False
    return bool(of_slow.mean() >= OF_SLOW and of_fast.mean() <= 1 - OF_SLOW)


# ---- in words ------------------------------------------------------------------------------

MODES_WORDS = {
    "rows": "It is the dataset's rows: each is always of the one kind or the other.",
    "queue": "The slower ones came while others were being served: they waited.",
    "": "",
}


def findings(
    patterns: Patterns,
    *,
    duration_s: float,
    cpu_millicores: int,
    cpu_millicores_used: float | None,
    throttled_fraction: float | None,
) -> tuple[Finding, ...]:
    """What is worth a warning, with its numbers."""
    found = [
        _drift(patterns.drift_per_minute, duration_s),
        _modes(patterns),
        _stall_words(patterns, throttled_fraction),
        _used_up(cpu_millicores, cpu_millicores_used, throttled_fraction),
    ]
    return tuple(finding for finding in found if finding)


def _drift(drift: Estimate | None, duration_s: float) -> Finding | None:
    if not drifts(drift, duration_s):
        return None
    share = changed(drift, duration_s)
    verb = "rose" if share > 0 else "fell"
    return Finding(
        "latency-drifting",
        f"Latency {verb} by {abs(share):.0%} over the {duration_s:.3g} s measured "
        f"({drift.value:+.0%} a minute; {drift.low:+.0%} to {drift.high:+.0%}).",
    )


def _modes(patterns: Patterns) -> Finding | None:
    modes = patterns.modes
    if modes is None:
        return None
    text = (
        f"Requests are of two kinds: {modes.fast.share:.0%} take about "
        f"{modes.fast.latency_ms:.3g} ms, {modes.slow.share:.0%} about "
        f"{modes.slow.latency_ms:.3g} ms (Ashman's D {modes.separation:.2g})."
    )
    return Finding("two-kinds-of-requests", f"{text} {MODES_WORDS[patterns.modes_because]}".strip())


def _stall_words(patterns: Patterns, throttled_fraction: float | None) -> Finding | None:
    stalls = patterns.stalls
    if stalls is None:
        return None
    period = f"{stalls.period_s * 1000:.3g} ms"
    if patterns.stalls_because == "quota":
        often = f"every {period} or a multiple of it"
        why = f"It is the cpu quota: {throttled_fraction:.0%} of its periods were throttled."
    else:
        often = f"every {period}"
        why = "No quota has that period: garbage collection, or another regular job."
    return Finding(
        "periodic-stalls",
        f"Latency stalls {often}, to "
        f"{stalls.length_ms:.3g} ms: {stalls.count} stalls, {stalls.share:.1%} of the requests. "
        f"{why}",
    )


def _used_up(
    cpu_millicores: int, used: float | None, throttled_fraction: float | None
) -> Finding | None:
    if used is None or throttled_fraction is None or throttled_fraction <= THROTTLED_OFTEN:
        return None
    if used < USED_UP * cpu_millicores:
        return None
    return Finding(
        "cpu-saturated",
        f"The service used {used / cpu_millicores:.0%} of its {cpu_millicores} millicores and was "
        f"throttled in {throttled_fraction:.0%} of the periods: its quota sets what it can do.",
    )
