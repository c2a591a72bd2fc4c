"""How fast memory grows, and when it would meet its limit at that rate."""

from __future__ import annotations

from profiler.measuring.statistics import Estimate
from profiler.units import MIB

HOUR_S = 3600
#: Up to so many of a unit are told in it; larger times in the next.
UNITS = ((90, 1, "s"), (90, 60, "min"), (48, HOUR_S, "h"), (float("inf"), 24 * HOUR_S, "days"))


def seconds_until(limit_bytes: int, used_bytes: int, slope: Estimate) -> Estimate | None:
    """Until `used_bytes` have grown to the limit at `slope` (bytes per second), with its interval.

    None unless it surely grows: a slope whose interval reaches zero may never get there.
    """
    if slope.low <= 0:
        return None
    left = max(limit_bytes - used_bytes, 0)
    return Estimate(left / slope.value, left / slope.high, left / slope.low)


def per_hour_text(slope: Estimate) -> str:
    """A slope in bytes per second as MiB per hour, with its interval."""
    rates = (_three_digits(HOUR_S * rate / MIB) for rate in (slope.value, slope.low, slope.high))
    return "{} MiB per hour ({} to {} with 95 % confidence)".format(*rates)


def _three_digits(value: float) -> str:
    """Never as a power of ten: a fast leak has many MiB per hour, none next to nothing."""
    if abs(value) < 0.01:
        return "0"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def time_text(seconds: Estimate) -> str:
    """A time with its interval, in the unit that suits it."""
    size, name = next((size, name) for most, size, name in UNITS if seconds.value <= most * size)
    value, low, high = (each / size for each in (seconds.value, seconds.low, seconds.high))
    return f"{value:.3g} {name} ({low:.3g} to {high:.3g})"
