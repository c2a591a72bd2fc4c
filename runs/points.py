"""The exact points behind a chart: filtered, sorted, a page at a time or all of them as CSV.

Only chunks that overlap the range asked for are read, and of those only the columns that decide
which points are shown; the points of a page are then read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from profiler.measuring import codec
from profiler.raw.tables import clock_of, tabulate
from profiler.samples import Columns, concatenate
from profiler.units import NS
from runs import raw_data
from runs.raw_data import Kept

#: The samples that each chart over time is drawn from.
SERIES_OF = {
    "latency": "requests",
    "throughput": "requests",
    "distribution": "requests",
    "payload": "requests",
    "cpu": "usage",
    "memory": "usage",
    "gpu-utilisation": "gpu",
    "gpu-memory": "gpu",
    "gpu-power": "gpu",
}
SORTS = ("time", "-time", "latency", "-latency")
#: In another order than that of time, points are sorted in memory: at most this many.
MOST_SORTED = 500_000


class TooMany(ValueError):
    """More points than can be sorted; the message says what to do."""


@dataclass(frozen=True)
class Chunk:
    """A chunk without its samples; `first` is the number of its first entry, from 1."""

    index: int
    start_ns: int
    end_ns: int
    count: int
    first: int


@dataclass(frozen=True)
class Selection:
    """The points of a page, and of how many."""

    table: Columns
    total: int


@dataclass(frozen=True)
class Points:
    """What is asked for of one series: seconds from the start of the measured time, ends included.

    `outcome` is an index into OUTCOMES; it and `row` are for requests alone, as is the latency
    that `sort` may name.
    """

    kept: Kept
    from_s: float | None = None
    to_s: float | None = None
    outcome: int | None = None
    row: int | None = None
    sort: str = "time"

    # --- What is there ----------------------------------------------------------------------------
    @cached_property
    def chunks(self) -> list[Chunk]:
        """All chunks of the series, in their order."""
        found = raw_data.chunks(self.kept.run, self.kept.ordinal, self.kept.series)
        chunks, first = [], 1
        for index, start_ns, end_ns, count in found.order_by("index").values_list(
            "index", "start_ns", "end_ns", "count"
        ):
            chunks.append(Chunk(index, start_ns, end_ns, count, first))
            first += count
        return chunks

    @property
    def clock(self) -> str:
        return clock_of(self.kept.series)

    @property
    def from_ns(self) -> float:
        return -np.inf if self.from_s is None else self.kept.start_ns + round(self.from_s * NS)

    @property
    def to_ns(self) -> float:
        return np.inf if self.to_s is None else self.kept.start_ns + round(self.to_s * NS)

    @property
    def is_filtered(self) -> bool:
        """Whether it depends on more than their time which points are shown."""
        return self.outcome is not None or self.row is not None

    def _overlapping(self) -> list[Chunk]:
        return [
            chunk
            for chunk in self.chunks
            if chunk.end_ns >= self.from_ns and chunk.start_ns <= self.to_ns
        ]

    def _read(self) -> list[Chunk]:
        """What a download is made from: one chunk at least, so that it has the columns' names."""
        return self._overlapping() or self.chunks[:1]

    def _is_whole(self, chunk: Chunk) -> bool:
        inside = chunk.start_ns >= self.from_ns and chunk.end_ns <= self.to_ns
        return inside and not self.is_filtered

    def _decoded(
        self, chunks: Sequence[Chunk], names: Sequence[str] | None = None
    ) -> Iterator[tuple[Chunk, Columns]]:
        by_index = {chunk.index: chunk for chunk in chunks}
        found = raw_data.chunks(self.kept.run, self.kept.ordinal, self.kept.series)
        for index, blob in raw_data.blobs(found, by_index):
            yield by_index[index], codec.decode(blob, names)

    # --- Which are shown --------------------------------------------------------------------------
    def _matching(self, columns: Columns) -> np.ndarray:
        clock = columns[self.clock]
        keep = (clock >= self.from_ns) & (clock <= self.to_ns)
        if self.outcome is not None:
            keep &= columns["outcome"] == self.outcome
        if self.row is not None:
            keep &= columns["row"] == self.row
        return keep

    def _key(self, columns: Columns) -> np.ndarray:
        """What is sorted by, the least first."""
        key = columns[self.clock]
        if self.sort.endswith("latency"):
            key = columns["finished_ns"] - columns["scheduled_ns"]
        return -key if self.sort.startswith("-") else key

    def _deciding(self) -> list[str]:
        names = [self.clock]
        if self.kept.series == "requests":
            names += ["finished_ns", "outcome", "row"]
        return names

    def _bound(self, chunk: Chunk) -> float:
        """No key of the chunk is less."""
        if self.sort.endswith("latency"):
            return -np.inf
        return -chunk.end_ns if self.sort.startswith("-") else chunk.start_ns

    def select(self, begin: int, end: int) -> Selection:
        """The points from `begin` to `end` of the order asked for, and how many there are."""
        best = _Best(end)
        total = 0
        ordered = sorted(self._overlapping(), key=self._bound)
        for start in range(0, len(ordered), raw_data.FETCHED):
            to_read = []
            for chunk in ordered[start : start + raw_data.FETCHED]:
                if self._is_whole(chunk) and self._bound(chunk) > best.worst:
                    total += chunk.count
                else:
                    to_read.append(chunk)
            for chunk, columns in self._decoded(to_read, self._deciding()):
                places = np.flatnonzero(self._matching(columns))
                total += len(places)
                best.add(self._key(columns)[places], chunk.first + places)
        return Selection(self._table(best.numbers()[begin:end]), total)

    # --- The points themselves --------------------------------------------------------------------
    def _table(self, numbers: np.ndarray) -> Columns:
        """These entries, in this order."""
        firsts = np.array([chunk.first for chunk in self.chunks])
        wanted = np.unique(np.searchsorted(firsts, numbers, side="right") - 1)
        found = [
            _where(table, np.isin(table["number"], numbers))
            for _, table in self._tabulated([self.chunks[place] for place in wanted])
        ]
        if not found:
            return {}
        table = concatenate(found)
        order = np.searchsorted(table["number"], numbers)
        return _where(table, order)

    def _tabulated(self, chunks: Sequence[Chunk]) -> Iterator[tuple[Columns, Columns]]:
        """Raw columns and table of each chunk; usage is told from the sample before, too."""
        place_of = {chunk.index: place for place, chunk in enumerate(self.chunks)}
        previous: tuple[int, Columns] | None = None
        for chunk, columns in self._decoded(chunks):
            place = place_of[chunk.index]
            before = previous[1] if previous and previous[0] == place - 1 else None
            if before is None and place and self.kept.series == "usage":
                before = next(self._decoded([self.chunks[place - 1]]))[1]
            yield (
                columns,
                tabulate(
                    self.kept.series, columns, self.kept.start_ns, first=chunk.first, before=before
                ),
            )
            previous = place, columns

    def tables(self) -> Iterator[Columns]:
        """All points in the order asked for, in tables. TooMany for what cannot be sorted."""
        if self.sort == "time":
            return self._in_time()
        if not self.can_be_downloaded:
            raise TooMany(
                f"More than {MOST_SORTED:,} points can only be downloaded in the order of time: "
                "sort by time, or narrow the range."
            )
        return self._sorted()

    @property
    def can_be_downloaded(self) -> bool:
        return self.sort == "time" or self._at_most <= MOST_SORTED

    @property
    def _at_most(self) -> int:
        return sum(chunk.count for chunk in self._overlapping())

    def _filtered(self, chunks: Sequence[Chunk]) -> Iterator[tuple[np.ndarray, Columns]]:
        """Keys and table of the points that match, chunk by chunk."""
        for columns, table in self._tabulated(chunks):
            keep = self._matching(columns)
            yield self._key(columns)[keep], _where(table, keep)

    def _sorted(self) -> Iterator[Columns]:
        found = list(self._filtered(self._read()))
        if found:
            order = np.argsort(np.concatenate([key for key, _ in found]), kind="stable")
            table = concatenate([table for _, table in found])
            yield _where(table, order)

    def _in_time(self) -> Iterator[Columns]:
        """Chunks overlap, because requests end in another order than they were due: what may
        still be preceded is held back."""
        chunks = sorted(self._read(), key=self._bound)
        held: list[tuple[np.ndarray, Columns]] = []
        later = [*(chunk.start_ns for chunk in chunks[1:]), np.inf]
        for found, next_ns in zip(self._filtered(chunks), later, strict=True):
            held.append(found)
            key = np.concatenate([key for key, _ in held])
            table = concatenate([table for _, table in held])
            order = np.argsort(key, kind="stable")
            settled = int(np.searchsorted(key[order], next_ns))
            ready, rest = order[:settled], order[settled:]
            yield _where(table, ready)
            held = [(key[rest], _where(table, rest))]


def _where(table: Columns, places: np.ndarray) -> Columns:
    return {name: values[places] for name, values in table.items()}


class _Best:
    """The `count` least keys so far, and the numbers of the entries they belong to."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._keys = np.empty(0, "i8")
        self._numbers = np.empty(0, "i8")

    @property
    def worst(self) -> float:
        """No larger key is among them; infinite while there is room."""
        return float(self._keys.max()) if 0 < self._count <= len(self._keys) else np.inf

    def add(self, keys: np.ndarray, numbers: np.ndarray) -> None:
        self._keys = np.concatenate([self._keys, keys])
        self._numbers = np.concatenate([self._numbers, numbers])
        order = np.lexsort((self._numbers, self._keys))[: self._count]
        self._keys, self._numbers = self._keys[order], self._numbers[order]

    def numbers(self) -> np.ndarray:
        """In the order of their keys, then of their numbers."""
        return self._numbers
