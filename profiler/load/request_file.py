"""Every request's bytes, made once before the load: the driver maps the file and sends slices."""

from __future__ import annotations

import mmap
import string
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from profiler.errors import InvalidSpec, Problem
from profiler.service import Address

if TYPE_CHECKING:
    from profiler.dataset import Row

_INDEX = np.dtype([("start", "<i8"), ("length", "<i8"), ("head_only", "?")])
_COUNT = np.dtype("<i8")

#: Methods whose requests say their length even when they have no body (RFC 9110, 8.6).
_WITH_BODY = ("POST", "PUT", "PATCH")
#: What the row may not say itself: it would contradict the bytes that are sent.
_OURS = ("content-length", "transfer-encoding")

#: So many rows are cut out of the file beforehand: it takes a fiftieth of a request's time.
_MOST_READY = 10_000


def write_requests(path: Path, rows: Sequence[Row], address: Address) -> None:
    """Write all rows as HTTP/1.1 requests to `address`, with an index before them.

    Raises InvalidSpec naming the row whose method, path or headers cannot be sent.
    """
    index = np.zeros(len(rows), _INDEX)
    start = _COUNT.itemsize + index.nbytes
    with path.open("wb") as file:
        file.seek(start)
        for number, row in enumerate(rows):
            length = file.write(request_head(row, address)) + file.write(row.body)
            index[number] = (start, length, row.method == "HEAD")
            start += length
        file.seek(0)
        file.write(np.array(len(rows), _COUNT).tobytes())
        file.write(index.tobytes())


def request_head(row: Row, address: Address) -> bytes:
    """The request line and header fields of a row; the row's own fields win over our defaults."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    fields = {
        "host": ("Host", f"{host}:{address.port}"),
        "user-agent": ("User-Agent", "model-profiler"),
        "accept": ("Accept", "*/*"),
    }
    if row.content_type and (row.body or row.method in _WITH_BODY):
        fields["content-type"] = ("Content-Type", row.content_type)
    extra = [(name, value) for name, value in row.headers if name.lower() not in _OURS]
    for name, _ in extra:
        fields.pop(name.lower(), None)
    lines = [f"{row.method} {_target(row.path)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in [*fields.values(), *extra]]
    if row.body or row.method in _WITH_BODY:
        lines.append(f"Content-Length: {len(row.body)}")
    if any(character in line for line in lines for character in "\r\n\0"):
        place = f"dataset.row[{row.number}]"
        raise InvalidSpec([Problem(place, "method, path and headers must be single lines")])
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _target(path: str) -> str:
    """The path as it may stand in a request line: encoded where needed, without a fragment."""
    return quote(path.partition("#")[0] or "/", safe=string.punctuation)


class RequestFile:
    """The written requests, mapped into memory; rows are numbered from 1."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
            mapped = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ)
        self._view = memoryview(mapped)
        count = int(np.frombuffer(self._view, _COUNT, 1)[0])
        index = np.frombuffer(self._view, _INDEX, count, _COUNT.itemsize)
        # Plain lists: taking a number out of an array costs five times as much.
        self._starts: list[int] = index["start"].tolist()
        self._ends: list[int] = (index["start"] + index["length"]).tolist()
        self._head_only: list[bool] = index["head_only"].tolist()
        self._ready = [self._cut(place) for place in range(min(count, _MOST_READY))]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> tuple[memoryview, bool]:
        """All bytes of a row's request, and whether its answer has no body (HEAD)."""
        if row <= _MOST_READY:
            return self._ready[row - 1]
        return self._cut(row - 1)

    def _cut(self, place: int) -> tuple[memoryview, bool]:
        return self._view[self._starts[place] : self._ends[place]], self._head_only[place]
