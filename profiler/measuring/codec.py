"""Raw columns as bytes: delta, byte shuffle and zstd per column, so that one can be read alone.

Layout: b"MPC1", the header's length (uint32, little-endian), the header as JSON
(`[{name, dtype, count, bytes}]`), then each column's compressed bytes in that order.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection

import numpy as np
import zstandard

from profiler.samples import Columns

MAGIC = b"MPC1"
LEVEL = 3
PREFIX = struct.Struct("<4sI")


class NotColumns(ValueError):
    """The bytes are not columns in a version that is known here."""


def encode(columns: Columns) -> bytes:
    """Columns of integers, booleans or floats of one dimension, in one blob."""
    packed = {name: _pack(values) for name, values in columns.items()}
    header = [
        {
            "name": name,
            "dtype": _stored(values).str,
            "count": len(values),
            "bytes": len(packed[name]),
        }
        for name, values in ((name, np.asarray(values)) for name, values in columns.items())
    ]
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((PREFIX.pack(MAGIC, len(text)), text, *packed.values()))


def decode(blob: bytes, names: Collection[str] | None = None) -> Columns:
    """The columns of a blob, or only those named; names it does not hold are left out."""
    blob = memoryview(blob)
    header, at = _header(blob)
    columns = {}
    for entry in header:
        end = at + entry["bytes"]
        if names is None or entry["name"] in names:
            columns[entry["name"]] = _unpack(blob[at:end], entry["dtype"], entry["count"])
        at = end
    return columns


def _header(blob: memoryview) -> tuple[list[dict], int]:
    if len(blob) < PREFIX.size:
        raise NotColumns("too short to be columns")
    magic, length = PREFIX.unpack_from(blob)
    if magic != MAGIC:
        raise NotColumns(f"unknown format {magic!r}")
    end = PREFIX.size + length
    try:
        header = json.loads(bytes(blob[PREFIX.size : end]))
    except ValueError as error:
        raise NotColumns("the header cannot be read") from error
    if end + sum(entry["bytes"] for entry in header) != len(blob):
        raise NotColumns("the blob is cut short")
    return header, end


def _stored(values: np.ndarray) -> np.dtype:
    return values.dtype.newbyteorder("<")


def _pack(values: np.ndarray) -> bytes:
    values = np.ascontiguousarray(values)
    little = values.astype(_stored(values), copy=False)
    # Differences as unsigned integers wrap around, so every bit pattern comes back exactly.
    words = little.view(f"<u{little.dtype.itemsize}")
    delta = np.diff(words, prepend=words.dtype.type(0))
    shuffled = delta.view("u1").reshape(len(words), words.dtype.itemsize).T.tobytes()
    return zstandard.ZstdCompressor(level=LEVEL).compress(shuffled)


def _unpack(packed: memoryview, dtype: str, count: int) -> np.ndarray:
    size = np.dtype(dtype).itemsize
    try:
        shuffled = zstandard.ZstdDecompressor().decompress(packed, max_output_size=count * size)
    except zstandard.ZstdError as error:
        raise NotColumns("a column cannot be read") from error
    bytes_ = np.frombuffer(shuffled, dtype="u1").reshape(size, count).T
    delta = np.ascontiguousarray(bytes_).view(f"<u{size}").reshape(count)
    return np.cumsum(delta, dtype=delta.dtype).view(dtype)
