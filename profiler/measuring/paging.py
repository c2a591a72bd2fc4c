"""Whether memory is too small for the code that a service runs: pages it faults in from a disk.

What of a file is mapped and used is dropped under pressure like any other cache, and read again a
moment later. A service that does so may answer in time, with a quick disk and a kernel that happens
to keep the right pages, and a minute later stand still.
"""

from __future__ import annotations

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement

#: So many page faults a second more than with the largest memory that read from a disk.
MAJOR_FAULTS_PER_S = 10.0
#: The share of the time in which something waited for memory, from which on that is no trifle.
WAITING_SHARE = 0.01


def major_faults_per_s(measurement: Measurement) -> float | None:
    """Page faults that had to read from a disk (getrusage(2), ru_majflt); None if not known."""
    faults, seconds = measurement.page_faults_major, measurement.duration_s
    return faults / seconds if faults is not None and seconds else None


def faults_more(found: Measurement, before: Measurement) -> bool:
    """Whether a measurement has more of them than one `before`, under a larger limit."""
    more = (major_faults_per_s(found) or 0.0) - (major_faults_per_s(before) or 0.0)
    return more > MAJOR_FAULTS_PER_S


def waits_for_memory(measurement: Measurement) -> bool:
    """Whether what was dropped cost more than a trifle: waiting, and the cpu to read it again."""
    return (measurement.memory_pressure_some_fraction or 0.0) > WAITING_SHARE


def waits_more(found: Measurement, before: Measurement) -> bool:
    """Whether something waited for memory in more of the time than in one `before`."""
    shares = [m.memory_pressure_some_fraction or 0.0 for m in (found, before)]
    return shares[0] - shares[1] > WAITING_SHARE


def thrashing(measurement: Measurement, reference: Measurement | None) -> Finding | None:
    """Why an objective that was kept proves nothing; None where it does, or was not kept."""
    if reference is None or measurement.outcome != "passed":
        return None
    if not faults_more(measurement, reference):
        return None
    return Finding(
        "memory-thrashing",
        f"It read code and other mapped files from the disk again and again, by "
        f"{major_faults_per_s(measurement):.0f} page faults a second (at the largest size "
        f"{major_faults_per_s(reference) or 0:.0f}).",
    )
