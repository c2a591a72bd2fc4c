"""A measurement's raw samples, read from its chunks and reduced to what a chart can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler.measuring import codec
from profiler.measuring.gpu import THROTTLING
from profiler.measuring.memory_peaks import in_use_bytes
from profiler.measuring.statistics import nearest_rank
from profiler.samples import ABORTED, OK, Columns, concatenate
from profiler.units import NS
from runs.charts.span import Span
from runs.models import ProfileRun, SampleChunk

MS = 1_000_000
#: Samples from longer before the measured time than this are the service's start; what is nearer is
#: the load settling, which is neither start-up nor measured.
SETTLING_S = 1.0
#: More stretches of time than this are not told apart on a screen.
MOST_STRETCHES = 600
#: Usage is shown at this many points; a stretch is never shorter than one CFS period, because
#: throttling is counted once a period (Documentation/scheduler/sched-bwc.rst: 100 ms here).
USAGE_STRETCHES = 240
SHORTEST_USAGE_STRETCH_S = 0.1


def read_columns(
    run: ProfileRun,
    ordinal: int,
    series: str,
    names: Sequence[str] | None = None,
    within_ns: tuple[int, int] | None = None,
) -> Columns:
    """The named columns (all by default) of one measurement, in order of time; {} if none came.

    `within_ns` leaves out chunks that have nothing from then.
    """
    chunks = SampleChunk.objects.filter(run=run, measurement=ordinal, series=series)
    if within_ns is not None:
        chunks = chunks.filter(end_ns__gte=within_ns[0], start_ns__lte=within_ns[1])
    blobs = chunks.order_by("index").values_list("blob", flat=True)
    return concatenate([codec.decode(bytes(blob), names) for blob in blobs])


def between(
    columns: Columns, clock: str, from_ns: float = -math.inf, to_ns: float = math.inf
) -> Columns:
    """The samples from one instant to another, both included."""
    if not columns:
        return columns
    keep = (columns[clock] >= from_ns) & (columns[clock] <= to_ns)
    return {name: values[keep] for name, values in columns.items()}


def version_of(run: ProfileRun, ordinal: int) -> str:
    """Changes whenever new samples of this measurement came: what `?since=` compares."""
    chunks = SampleChunk.objects.filter(run=run, measurement=ordinal)
    return f"{ordinal}-{chunks.count()}-{run.state}"


@dataclass(frozen=True)
class Latencies:
    """Requests that have an answer or were given up, in order of their scheduled time.

    `at_s` counts from the start of the measured time; `failed` marks those that were not answered
    well. Requests that we broke off ourselves are left out: they say nothing about the service.
    `row` is the dataset row of each, where it was asked for.
    """

    at_s: np.ndarray
    latency_ms: np.ndarray
    failed: np.ndarray
    row: np.ndarray | None = None

    def within(self, span: Span | None) -> Latencies:
        """Those due in a range of time; all of them where there is none."""
        if span is None:
            return self
        keep = (self.at_s >= span.from_s) & (self.at_s <= span.to_s)
        row = None if self.row is None else self.row[keep]
        return Latencies(self.at_s[keep], self.latency_ms[keep], self.failed[keep], row)


def latencies(columns: Columns, start_ns: int, end_ns: int | None = None) -> Latencies:
    """Of the requests due in the measured time; latency counts from the scheduled time."""
    scheduled = columns["scheduled_ns"]
    keep = (columns["outcome"] != ABORTED) & (scheduled >= start_ns)
    if end_ns is not None:
        keep &= scheduled < end_ns
    columns = {name: values[keep] for name, values in columns.items()}
    order = np.argsort(columns["scheduled_ns"], kind="stable")
    return Latencies(
        at_s=((columns["scheduled_ns"] - start_ns) / NS)[order],
        latency_ms=((columns["finished_ns"] - columns["scheduled_ns"]) / MS)[order],
        failed=(columns["outcome"] != OK)[order],
        row=columns["row"][order] if "row" in columns else None,
    )


def thinned(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` of a cloud: the greatest of each stretch, and between them every n-th.

    Peaks are kept, and the rest still looks as dense as it was.
    """
    if len(x) <= points:
        return x, y
    peaks = _peaks(y, points // 3)
    others = np.linspace(0, len(x) - 1, points - len(peaks)).astype(int)
    kept = np.unique(np.concatenate([peaks, others]))
    return x[kept], y[kept]


def _peaks(values: np.ndarray, count: int) -> np.ndarray:
    """Where the greatest value of each of `count` equal stretches lies."""
    starts = np.linspace(0, len(values), count, endpoint=False).astype(int)
    ends = [*starts[1:], len(values)]
    return np.array(
        [begin + int(np.argmax(values[begin:end])) for begin, end in zip(starts, ends, strict=True)]
    )


@dataclass(frozen=True)
class PerStretch:
    """Percentiles of equal stretches of time; a stretch without answers is NaN (a gap)."""

    start_s: np.ndarray
    width_s: float
    p50_ms: np.ndarray
    p99_ms: np.ndarray


def percentiles_per_second(values: Latencies) -> PerStretch:
    """p50 and p99 of each second; of longer stretches when there are more than can be shown."""
    answered = ~values.failed
    at_s, latency_ms = values.at_s[answered], values.latency_ms[answered]
    if not len(at_s):
        empty = np.empty(0)
        return PerStretch(empty, 1.0, empty, empty)
    first, last = np.floor(at_s[0]), at_s[-1]
    width_s = float(max(np.ceil((last - first) / MOST_STRETCHES), 1.0))
    stretch = ((at_s - first) // width_s).astype(int)
    count = stretch[-1] + 1
    cuts = np.searchsorted(stretch, np.arange(1, count))
    groups = np.split(latency_ms, cuts)
    return PerStretch(
        start_s=first + width_s * np.arange(count),
        width_s=width_s,
        p50_ms=np.array([_rank_or_gap(group, 50) for group in groups]),
        p99_ms=np.array([_rank_or_gap(group, 99) for group in groups]),
    )


def _rank_or_gap(values: np.ndarray, percentile: float) -> float:
    found = nearest_rank(values, percentile)
    return float("nan") if found is None else found


@dataclass(frozen=True)
class CpuUse:
    """CPU used in equal stretches of time, and the share of CFS periods throttled in each.

    `throttled` is None where this kind of service does not count throttling; `samples` is how many
    there were.
    """

    start_s: np.ndarray
    width_s: float
    used_millicores: np.ndarray
    throttled: np.ndarray | None
    samples: int = 0


def stretches(at_s: np.ndarray) -> np.ndarray:
    """Where equal stretches of time end, as places of samples; fewer than two make no stretch."""
    if len(at_s) < 2:
        return np.arange(len(at_s))
    width_s = stretch_s(at_s)
    edges = np.arange(at_s[0], at_s[-1] + width_s / 2, width_s)
    return np.unique(np.searchsorted(at_s, edges).clip(max=len(at_s) - 1))


def stretch_s(at_s: np.ndarray) -> float:
    return float(max((at_s[-1] - at_s[0]) / USAGE_STRETCHES, SHORTEST_USAGE_STRETCH_S))


CPU_COLUMNS = ("at_ns", "cpu_ns", "periods", "throttled_periods")


def cpu_use(columns: Columns, start_ns: int) -> CpuUse | None:
    """From the kernel's cumulative counters at the edges of each stretch; None with no stretch."""
    at_s = (columns["at_ns"] - start_ns) / NS
    found = stretches(at_s)
    if len(found) < 2:
        return None
    elapsed_ns = np.diff(columns["at_ns"][found])
    used = np.diff(columns["cpu_ns"][found]) / elapsed_ns * 1000
    throttled = None
    if "throttled_periods" in columns:
        periods = np.diff(columns["periods"][found])
        throttled = np.diff(columns["throttled_periods"][found]) / np.maximum(periods, 1)
    return CpuUse(at_s[found[:-1]], stretch_s(at_s), used, throttled, len(at_s))


@dataclass(frozen=True)
class MemoryUse:
    """What is in use over time, and its parts where they are known, all in bytes.

    `samples` is of how many these are the highest.
    """

    at_s: np.ndarray
    in_use: np.ndarray
    anonymous: np.ndarray | None
    shared: np.ndarray | None
    samples: int = 0


MEMORY_COLUMNS = (
    "at_ns",
    "memory_working_set_bytes",
    "memory_anon_bytes",
    "memory_shmem_bytes",
    "memory_current_bytes",
    "memory_file_bytes",
    "memory_mapped_bytes",
)


def memory_use(columns: Columns, start_ns: int) -> MemoryUse | None:
    """The highest sample of each stretch, so that a short peak is never lost."""
    if not len(columns["at_ns"]):
        return None
    in_use = in_use_bytes(columns)
    peaks = _peaks(in_use, min(USAGE_STRETCHES, len(in_use)))
    return MemoryUse(
        at_s=((columns["at_ns"] - start_ns) / NS)[peaks],
        in_use=in_use[peaks],
        anonymous=_picked(columns, "memory_anon_bytes", peaks),
        shared=_picked(columns, "memory_shmem_bytes", peaks),
        samples=len(in_use),
    )


@dataclass(frozen=True)
class GpuTrace:
    """A value of one GPU over time, its highest sample of each stretch, of so many samples."""

    gpu: int
    at_s: np.ndarray
    values: np.ndarray
    samples: int = 0


def gpu_traces(columns: Columns, name: str, start_ns: int) -> list[GpuTrace]:
    """One for each GPU, by index; none where this value is not known."""
    if name not in columns:
        return []
    traces = []
    for gpu in np.unique(columns["gpu"]):
        mine = columns["gpu"] == gpu
        values = columns[name][mine]
        peaks = _peaks(values, min(USAGE_STRETCHES, len(values)))
        at_s = (columns["at_ns"][mine][peaks] - start_ns) / NS
        traces.append(GpuTrace(int(gpu), at_s, values[peaks], len(values)))
    return traces


def throttled_seconds(columns: Columns, start_ns: int) -> np.ndarray:
    """Seconds at which heat or power held any GPU's clocks down."""
    if "throttle_reasons" not in columns:
        return np.empty(0)
    held = (columns["throttle_reasons"] & THROTTLING) != 0
    return np.unique((columns["at_ns"][held] - start_ns) / NS)


def _picked(columns: Columns, name: str, places: np.ndarray) -> np.ndarray | None:
    return columns[name][places] if name in columns else None
