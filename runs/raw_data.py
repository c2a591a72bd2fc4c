"""A run's raw samples as they lie in the database: what there is, read a few chunks at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Length

from profiler.measuring import codec
from profiler.raw import tables
from profiler.raw.folder import series_name
from profiler.samples import Columns
from runs.models import Measurement, ProfileRun, SampleChunk

#: Chunks fetched at a time: about a second of samples each, tens of kilobytes.
FETCHED = 32
#: How each series is called on a page, in this order; what else there is comes after.
TITLES = {
    "rows": "Rows of the dataset",
    "requests": "Requests",
    "usage": "CPU and memory",
    "gpu": "GPU",
}


@dataclass(frozen=True)
class Kept:
    """One series of one measurement; `facts` are its measurement's, empty where it has none."""

    run: ProfileRun
    ordinal: int
    series: str
    facts: dict
    #: Where the measured time begins; the load, where the measurement was not completed.
    start_ns: int
    count: int
    bytes: int

    @property
    def title(self) -> str:
        return TITLES.get(self.series, self.series)

    @property
    def name(self) -> str:
        return series_name(self.ordinal, self.series, self.facts)

    def parts(self) -> Iterator[Columns]:
        """Its columns, chunk by chunk."""
        return (
            codec.decode(blob) for _, blob in blobs(chunks(self.run, self.ordinal, self.series))
        )

    def tables(self) -> Iterator[Columns]:
        """The same for people and other tools."""
        return tables.tables(self.series, self.parts(), self.start_ns)


def chunks(run: ProfileRun, ordinal: int, series: str) -> QuerySet[SampleChunk]:
    return SampleChunk.objects.filter(run=run, measurement=ordinal, series=series)


def blobs(
    found: QuerySet[SampleChunk], indexes: Collection[int] | None = None
) -> Iterator[tuple[int, bytes]]:
    """(index, blob) in order of the index, or in the order of `indexes` where they are given."""
    if indexes is None:
        indexes = list(found.order_by("index").values_list("index", flat=True))
    wanted = list(indexes)
    for begin in range(0, len(wanted), FETCHED):
        batch = wanted[begin : begin + FETCHED]
        fetched = dict(found.filter(index__in=batch).values_list("index", "blob"))
        yield from ((index, bytes(fetched[index])) for index in batch if index in fetched)


def kept(run: ProfileRun, measurements: Iterable[Measurement]) -> list[Kept]:
    """Every series there is of a run, from its sizes alone; none while it is being dropped."""
    if run.raw_dropped_at:
        return []
    rows = {row.ordinal: row for row in measurements}
    found = _totals(run)
    begun = {ordinal: first_ns for ordinal, series, _, _, first_ns in found if series == "requests"}
    return sorted(
        (
            Kept(
                run, ordinal, series, _facts(rows.get(ordinal)),
                _start_ns(rows.get(ordinal), begun.get(ordinal, first_ns)), entries, size,
            )
            for ordinal, series, entries, size, first_ns in found
        ),
        key=_place,
    )  # fmt: skip


def _totals(run: ProfileRun) -> list[tuple[int, str, int, int, int]]:
    """Of each series: its measurement and name, entries, bytes, and when its first sample was.

    Added up here: asked for sums, SQLite may take an index that leads to each long row. In this
    order it takes `chunk_sizes`, which holds all that is asked.
    """
    sizes = (
        SampleChunk.objects.filter(run=run)
        .order_by("measurement", "series", "start_ns")
        .values_list("measurement", "series", "start_ns", "count", Length("blob"))
    )
    totals = []
    for (ordinal, series), group in groupby(sizes, key=itemgetter(0, 1)):
        begun_ns, counts, lengths = zip(*(size[2:] for size in group), strict=True)
        totals.append((ordinal, series, sum(counts), sum(lengths), begun_ns[0]))
    return totals


def _place(one: Kept) -> tuple:
    order = list(TITLES)
    rank = order.index(one.series) if one.series in order else len(order)
    return one.series != "rows", one.ordinal, rank, one.series


def _facts(row: Measurement | None) -> dict:
    return {"phase": row.phase, "cpu_millicores": row.cpu_millicores} if row else {}


def _start_ns(row: Measurement | None, otherwise_ns: int) -> int:
    return row.data["started_ns"] if row else otherwise_ns


def kept_until(run: ProfileRun) -> datetime | None:
    """When the retention drops this run's raw samples; None where it never does."""
    if not settings.RAW_RETENTION_DAYS or run.keep_raw or run.finished_at is None:
        return None
    return run.finished_at + timedelta(days=settings.RAW_RETENTION_DAYS)


def dropped_words(run: ProfileRun) -> str:
    """Why there is nothing to show; empty where the raw samples were not dropped."""
    if run.raw_dropped_at is None:
        return ""
    return (
        f"The raw samples of this run were dropped on {run.raw_dropped_at:%-d %B %Y} to free space "
        "(RAW_RETENTION_DAYS or prune_raw). Its results are kept."
    )
