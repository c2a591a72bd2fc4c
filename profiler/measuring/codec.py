"""Raw columns as bytes: delta, byte shuffle and zstd per column, so that one can be read alone.

docs/raw-data.md describes the format byte by byte. Version 2 (b"MPC2") is written; version 1, which
had no checksums, is read for ever. Blobs may follow one another in a file.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from mmap import mmap

import numpy as np
import zstandard

from profiler.samples import Columns

#: Magic of each version that is read, with what stands between it and the header's text.
PREFIXES = {b"MPC1": struct.Struct("<4sI"), b"MPC2": struct.Struct("<4sII")}
MAGIC = b"MPC2"
ANY_VERSION = re.compile(rb"MPC[0-9A-Z]")
LEVEL = 3
#: A blob holds at most this much, unpacked: a second of samples is a hundredth of it. Whatever a
#: spoilt or hostile blob claims, no more than this is allocated.
MOST_BYTES = 1 << 28
#: RFC 8878, 3.1.1.2: a block of at least four bytes stands for at most 128 KiB.
MOST_OF_FOUR_BYTES = 1 << 17
DTYPES = frozenset(
    np.dtype(kind).newbyteorder("<").str
    for kind in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
)


class NotColumns(ValueError):
    """The bytes are not columns in a version that is known here, or were damaged."""


class CutShort(NotColumns):
    """The bytes end before the blob does, as when its writer was stopped."""


@dataclass(frozen=True)
class Entry:
    """A column as the header names it; `crc32` (of its packed bytes) is None in version 1."""

    name: str
    dtype: np.dtype
    count: int
    bytes: int
    crc32: int | None

    @property
    def unpacked_bytes(self) -> int:
        return self.count * self.dtype.itemsize


def encode(columns: Columns) -> bytes:
    """Columns of integers, booleans or floats of one dimension, in one blob.

    ValueError for other types, and for more than MOST_BYTES.
    """
    arrays = {name: np.ascontiguousarray(values) for name, values in columns.items()}
    if sum(values.nbytes for values in arrays.values()) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes of columns: encode them in parts")
    packed = {name: _pack(values) for name, values in arrays.items()}
    header = [
        {
            "name": name,
            "dtype": _stored(values).str,
            "count": len(values),
            "bytes": len(packed[name]),
            "crc32": zlib.crc32(packed[name]),
        }
        for name, values in arrays.items()
    ]
    text = json.dumps(header, separators=(",", ":")).encode()
    prefix = PREFIXES[MAGIC].pack(MAGIC, len(text), zlib.crc32(text))
    return b"".join((prefix, text, *packed.values()))


def decode(blob: bytes, names: Collection[str] | None = None) -> Columns:
    """The columns of a blob, or only those named; names it does not hold are left out."""
    blob = memoryview(blob)
    header, at = _header(blob)
    if at + sum(entry.bytes for entry in header) != len(blob):
        raise NotColumns("the blob is cut short, or longer than it says")
    columns = {}
    for entry in header:
        end = at + entry.bytes
        if names is None or entry.name in names:
            columns[entry.name] = _unpack(blob[at:end], entry)
        at = end
    return columns


def split(data: bytes | mmap) -> Iterator[bytes]:
    """The blobs that follow one another in `data`, as they are.

    Raises CutShort where the last one ends before it should, NotColumns where something else
    stands; those before have come by then.
    """
    at = 0
    while at < len(data):
        header, end = _header(data, at)
        end += sum(entry.bytes for entry in header)
        if end > len(data):
            raise CutShort("the last blob is cut short")
        yield bytes(data[at:end])
        at = end


def _header(data: bytes | memoryview | mmap, at: int = 0) -> tuple[list[Entry], int]:
    """What the blob that begins `at` says it holds, and where its first column begins."""
    magic = bytes(data[at : at + 4])
    prefix = PREFIXES.get(magic)
    if prefix is None:
        raise CutShort("too short to be columns") if len(magic) < 4 else _unknown(magic)
    if len(data) < at + prefix.size:
        raise CutShort("too short to be columns")
    _, length, *crc32 = prefix.unpack(data[at : at + prefix.size])
    end = at + prefix.size + length
    text = bytes(data[at + prefix.size : end])
    if len(text) < length:
        raise CutShort("the header is cut short")
    if crc32 and crc32[0] != zlib.crc32(text):
        raise NotColumns("the header is damaged: its checksum differs")
    try:
        header = [_entry(fields, checked=bool(crc32)) for fields in json.loads(text)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotColumns("the header cannot be read") from error
    if len({entry.name for entry in header}) < len(header):
        raise NotColumns("two columns have the same name")
    if sum(entry.unpacked_bytes for entry in header) > MOST_BYTES:
        raise NotColumns(f"it claims to hold more than {MOST_BYTES:,} bytes")
    return header, end


def _unknown(magic: bytes) -> NotColumns:
    if ANY_VERSION.fullmatch(magic):
        known = " and ".join(name.decode() for name in PREFIXES)
        return NotColumns(
            f"written in format {magic.decode()} by a newer version of the profiler; "
            f"this one reads {known}"
        )
    return NotColumns(f"unknown format {magic!r}")


def _entry(fields: dict, *, checked: bool) -> Entry:
    """One column of the header; ValueError, KeyError or TypeError where it makes no sense."""
    name, dtype = fields["name"], fields["dtype"]
    numbers = [fields["count"], fields["bytes"], *([fields["crc32"]] if checked else [])]
    if not isinstance(name, str) or dtype not in DTYPES:
        raise ValueError(f"no column is called {name!r} or has the type {dtype!r}")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(f"{name}: not a whole number")
    return Entry(name, np.dtype(dtype), *numbers[:2], numbers[2] if checked else None)


def _stored(values: np.ndarray) -> np.dtype:
    dtype = values.dtype.newbyteorder("<")
    if dtype.str not in DTYPES or values.ndim != 1:
        raise ValueError(f"{dtype} of {values.ndim} dimensions cannot be a column")
    return dtype


def _pack(values: np.ndarray) -> bytes:
    little = values.astype(_stored(values), copy=False)
    # Differences as unsigned integers wrap around, so every bit pattern comes back exactly.
    words = little.view(f"<u{little.dtype.itemsize}")
    delta = np.diff(words, prepend=words.dtype.type(0))
    shuffled = delta.view("u1").reshape(len(words), words.dtype.itemsize).T.tobytes()
    return zstandard.ZstdCompressor(level=LEVEL).compress(shuffled)


def _unpack(packed: memoryview, entry: Entry) -> np.ndarray:
    if entry.crc32 is not None and zlib.crc32(packed) != entry.crc32:
        raise NotColumns(f"{entry.name} is damaged: its checksum differs")
    size = entry.dtype.itemsize
    shuffled = _decompressed(packed, entry)
    bytes_ = np.frombuffer(shuffled, dtype="u1").reshape(size, entry.count).T
    delta = np.ascontiguousarray(bytes_).view(f"<u{size}").reshape(entry.count)
    return np.cumsum(delta, dtype=delta.dtype).view(entry.dtype)


def _decompressed(packed: memoryview, entry: Entry) -> bytes:
    """Exactly as many bytes as the header says; nothing is allocated for a frame that differs."""
    most = MOST_OF_FOUR_BYTES * (entry.bytes // 4 + 1)
    try:
        claimed = zstandard.frame_content_size(packed)
        if claimed != entry.unpacked_bytes or claimed > most:
            raise NotColumns(f"{entry.name} does not hold what the header says")
        shuffled = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise NotColumns(f"{entry.name} cannot be read") from error
    if len(shuffled) != entry.unpacked_bytes:
        raise NotColumns(f"{entry.name} does not hold what the header says")
    return shuffled
