"""How high memory rose in a period, and how much higher it may have risen unseen.

Two things are known: the working set, sampled; and the kernel's own peak, which misses nothing but
counts page cache. The working set is the use less the inactive file cache, so between two samples
it cannot have been more than the kernel's peak at the later one less the lower of their two caches.

Files that are mapped, code among them, count as inactive until the kernel has to look for pages to
drop: only then does it see that they are used. So what is *in use* is the working set or, where
that is more, what is resident: all but files, and files that are mapped (Linux:
cgroup-v1/memory.rst, 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler.samples import Columns


@dataclass(frozen=True)
class MemoryPeak:
    """Of one period, in bytes; what is not known is None.

    `in_use` is never less than `working_set`. `kernel` is the kernel's own peak; where `is_exact`
    is false it could not be made to begin anew and may be that of an earlier period. `at_most` is
    what the working set's true peak cannot have exceeded; where `is_exact` is not true it is an
    estimate: one more of the largest rise between neighbouring samples.
    """

    working_set: int | None = None
    in_use: int | None = None
    kernel: int | None = None
    is_exact: bool | None = None
    at_most: int | None = None


def peak_of_start(usage: Columns) -> MemoryPeak:
    """Of samples from the service's start on: the kernel's peak began with it."""
    return _peak(usage, begins_with_service=True)


def peak_of_period(usage: Columns) -> MemoryPeak:
    """Of a period's samples, the first of which is the last of the period before it."""
    return _peak(usage, begins_with_service=False)


def _peak(usage: Columns, *, begins_with_service: bool) -> MemoryPeak:
    working_set = usage.get("memory_working_set_bytes", ())
    if not len(working_set):
        return MemoryPeak()
    highest = int(working_set.max())
    in_use = int(in_use_bytes(usage).max())
    risen = int(np.diff(working_set).max(initial=0))
    kernel = usage.get("memory_kernel_peak_bytes", ())
    own = kernel if begins_with_service else kernel[1:]
    if not len(own):
        return MemoryPeak(highest, in_use, at_most=highest + risen)
    is_exact = begins_with_service or _began_anew(usage)
    at_most = max(_bound(usage, own), highest)
    if not is_exact:
        at_most = min(at_most, highest + risen)
    return MemoryPeak(highest, in_use, int(own.max()), is_exact, at_most)


def in_use_bytes(usage: Columns) -> np.ndarray:
    """At each sample: the working set, or what is resident where that is known and more."""
    working_set, resident = usage["memory_working_set_bytes"], resident_bytes(usage)
    return np.maximum(working_set, resident) if len(resident) else working_set


def resident_bytes(usage: Columns) -> np.ndarray:
    """At each sample; empty where it is not known what is mapped (a process's files all are)."""
    if "memory_mapped_bytes" not in usage:
        return np.empty(0, dtype="i8")
    files = usage["memory_file_bytes"]
    # Shared memory that is mapped is no file, and is in the rest already.
    mapped = np.minimum(usage["memory_mapped_bytes"], files)
    return usage["memory_current_bytes"] - files + mapped


def _began_anew(usage: Columns) -> bool:
    """The kernel's peak was reset at the period's beginning, or rose in it."""
    resets = usage.get("memory_peak_resets")
    kernel = usage["memory_kernel_peak_bytes"]
    return bool((resets is not None and resets[1] > resets[0]) or kernel[1:].max() > kernel[0])


def _bound(usage: Columns, kernel: np.ndarray) -> int:
    """The most that the working set can have been between any two samples."""
    cache = usage["memory_current_bytes"] - usage["memory_working_set_bytes"]
    before = cache[:-1] if len(kernel) < len(cache) else np.concatenate([[0], cache[:-1]])
    return int((kernel - np.minimum(before, cache[-len(kernel) :])).max())
