"""What a service consumed: cpu, waiting, memory, faults and bytes, from samples of its counters."""

from __future__ import annotations

import numpy as np

from profiler.measuring.due_requests import WINDOW_S
from profiler.measuring.statistics import Estimate, slope_interval
from profiler.measuring.validity import LEAK_AFTER_S, LEAK_BYTES, LEAK_SHARE
from profiler.samples import Columns
from profiler.units import NS


def counted_between(usage: Columns, name: str, start_ns: int, end_ns: int) -> float | None:
    """How far a cumulative counter rose, straight lines between samples; None if not known."""
    if name not in usage or len(usage[name]) < 2 or end_ns <= start_ns:
        return None
    first = int(usage[name][0])
    # Taken off first: a float holds only 53 bits of a counter in nanoseconds.
    low, high = np.interp(
        [start_ns - int(usage["at_ns"][0]), end_ns - int(usage["at_ns"][0])],
        usage["at_ns"] - usage["at_ns"][0],
        usage[name] - first,
    )
    return float(high - low)


def millicores(usage: Columns, start_ns: int, end_ns: int) -> float | None:
    """CPU-seconds per second, in thousandths of a core."""
    cpu_ns = counted_between(usage, "cpu_ns", start_ns, end_ns)
    return None if cpu_ns is None else cpu_ns / (end_ns - start_ns) * 1000


def cpu_seconds_so_far(usage: Columns) -> float | None:
    """CPU-seconds from the service's start to the last sample; None without samples."""
    cpu_ns = most(usage, "cpu_ns")
    return None if cpu_ns is None else cpu_ns / NS


def most_millicores(usage: Columns, start_ns: int, end_ns: int) -> float | None:
    """The most of any whole window of the period; of the period where it is shorter than one."""
    width = int(WINDOW_S * NS)
    starts = range(start_ns, end_ns - width + 1, width)
    windows = [millicores(usage, start, start + width) for start in starts]
    return largest(*windows) if windows else millicores(usage, start_ns, end_ns)


def throttled_fraction(usage: Columns, start_ns: int, end_ns: int) -> float | None:
    """Throttled CFS periods over all that began; None where none did or they are not counted."""
    periods = counted_between(usage, "periods", start_ns, end_ns)
    throttled = counted_between(usage, "throttled_periods", start_ns, end_ns)
    if not periods or throttled is None:
        return None
    return min(throttled / periods, 1.0)


#: Counters whose rise over the period is a number of the measurement, under the same name.
RISING = (
    "page_faults_minor",
    "page_faults_major",
    "memory_limit_hits",
    "memory_high_hits",
    "oom_events",
    "block_read_bytes",
    "block_written_bytes",
    "network_received_bytes",
    "network_sent_bytes",
)
PRESSURES = [f"{what}_pressure_{kind}" for what in ("cpu", "memory", "io")
             for kind in ("some", "full")]  # fmt: skip


def rises(usage: Columns, start_ns: int, end_ns: int) -> dict[str, int | None]:
    """How far each counter of RISING rose in the period; None where it is not known."""
    counted = {name: counted_between(usage, name, start_ns, end_ns) for name in RISING}
    return {name: None if value is None else round(value) for name, value in counted.items()}


def pressures(usage: Columns, start_ns: int, end_ns: int) -> dict[str, float | None]:
    """Shares of the period in which something waited (`some`) or nothing could run (`full`)."""
    shares = {}
    for name in PRESSURES:
        waited_ns = counted_between(usage, f"{name}_ns", start_ns, end_ns)
        known = waited_ns is not None
        shares[f"{name}_fraction"] = min(waited_ns / (end_ns - start_ns), 1.0) if known else None
    return shares


def sampler_report(usage: Columns, interval_s: float | None, start_ns: int, end_ns: int) -> dict:
    """How the samples were taken: `cpu_fraction` of a core, and the longest time without one."""
    cpu_ns = counted_between(usage, "sampler_cpu_ns", start_ns, end_ns)
    at_ns = usage.get("at_ns", ())
    return {
        "interval_s": interval_s,
        "samples": len(at_ns),
        "cpu_fraction": None if cpu_ns is None else cpu_ns / (end_ns - start_ns),
        "largest_gap_s": float(np.diff(at_ns).max()) / NS if len(at_ns) > 1 else None,
    }


def most(usage: Columns, name: str) -> int | None:
    """The largest sample of a column; None where it was not sampled."""
    return int(usage[name].max()) if name in usage and len(usage[name]) else None


def largest(*values: float | None) -> float | None:
    """The largest of the known values; None when none is."""
    return max((value for value in values if value is not None), default=None)


def memory_growth(usage: Columns, confidence: float = 0.95) -> tuple[Estimate | None, bool]:
    """Slope of memory in bytes per second, and whether it is a leak.

    Memory that cannot be dropped is meant: anonymous and shared where known, the working set
    otherwise. A leak grows surely (slope over zero at this confidence), in both halves of the time
    (a buffer that fills once does so in one), by more than LEAK_BYTES and LEAK_SHARE, and for at
    least LEAK_AFTER_S (garbage is not collected at every request).
    """
    held = _held_memory(usage)
    if held is None or len(held) < 6:
        return None, False
    at_s = (usage["at_ns"] - usage["at_ns"][0]) / NS
    slope = slope_interval(at_s, held, confidence)
    if slope is None or slope.low <= 0:
        return slope, False
    half = len(held) // 2
    halves = (
        slope_interval(at_s[:half], held[:half], confidence),
        slope_interval(at_s[half:], held[half:], confidence),
    )
    grown = slope.value * float(at_s[-1])
    enough = at_s[-1] >= LEAK_AFTER_S and grown >= max(LEAK_BYTES, LEAK_SHARE * float(held.max()))
    return slope, bool(enough) and all(part is not None and part.low > 0 for part in halves)


def _held_memory(usage: Columns) -> np.ndarray | None:
    if "memory_anon_bytes" in usage:
        shared = usage.get("memory_shmem_bytes", 0)
        return np.asarray(usage["memory_anon_bytes"] + shared, dtype=float)
    if "memory_working_set_bytes" in usage:
        return np.asarray(usage["memory_working_set_bytes"], dtype=float)
    return None
