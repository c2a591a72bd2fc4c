"""Tables as CSV or Parquet, a piece at a time: however long they are, little of them is held."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from profiler.samples import Columns, concatenate

#: Rows of a Parquet row group, and lines of CSV made at a time: a chunk of a second may have few.
GROUP_ROWS = 1 << 16
LINES = 1 << 12
NEEDS_PYARROW = (
    'writing Parquet needs the extra "parquet": install it with'
    " `pip install model-profiler[parquet]` (or `pip install pyarrow`), or choose CSV"
)


class NoParquet(RuntimeError):
    """Parquet was asked for and pyarrow is not installed; the message says what to do."""


def to_csv(tables: Iterable[Columns]) -> Iterator[bytes]:
    """A header and a line an entry (RFC 4180); what could not be known is an empty field."""
    for place, table in enumerate(regrouped(tables, LINES)):
        text = io.StringIO()
        writer = csv.writer(text)
        if not place:
            writer.writerow(table)
        writer.writerows(zip(*(_fields(values) for values in table.values()), strict=True))
        yield text.getvalue().encode()


def _fields(values: np.ndarray) -> list:
    fields = values.tolist()
    if values.dtype.kind == "f":
        return ["" if field != field else field for field in fields]
    if values.dtype.kind == "b":
        return ["true" if field else "false" for field in fields]
    return fields


def to_parquet(tables: Iterable[Columns]) -> Iterator[bytes]:
    """A Parquet file, compressed with zstd. NoParquet without the optional extra `parquet`."""
    if not can_write_parquet():
        raise NoParquet(NEEDS_PYARROW)
    return _parquet(tables)


def can_write_parquet() -> bool:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True


def _parquet(tables: Iterable[Columns]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import parquet

    sink = _Sink()
    writer = None
    for table in regrouped(tables, GROUP_ROWS):
        batch = pyarrow.table({name: _array(values) for name, values in table.items()})
        if writer is None:
            writer = parquet.ParquetWriter(
                pyarrow.PythonFile(sink, "w"), batch.schema, compression="zstd"
            )
        writer.write_table(batch.cast(writer.schema))
        yield sink.taken()
    if writer is not None:
        writer.close()
        yield sink.taken()


def _array(values: np.ndarray):
    import pyarrow

    # What could not be known is null, as it is an empty field in CSV.
    return pyarrow.array(values, from_pandas=values.dtype.kind == "f")


class _Sink(io.RawIOBase):
    """A file that is only written to, from its beginning to its end, and handed on in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def regrouped(tables: Iterable[Columns], rows: int) -> Iterator[Columns]:
    """The same entries in tables of at least `rows`, but for the last; one at least, if empty."""
    waiting: list[Columns] = []
    count, yielded = 0, False
    for table in tables:
        waiting.append(table)
        count += len(next(iter(table.values())))
        if count >= rows:
            yield concatenate(waiting)
            waiting, count, yielded = [], 0, True
    if count or (waiting and not yielded):
        yield concatenate(waiting)


FORMATS: dict[str, Callable[[Iterable[Columns]], Iterator[bytes]]] = {
    "csv": to_csv,
    "parquet": to_parquet,
}
