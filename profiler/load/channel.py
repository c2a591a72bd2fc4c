"""What travels between the engine and its driver: commands one way, frames of records the other.

Commands are lines of JSON on the driver's stdin. Frames on its stdout are a length, a kind and a
body; they arrive in order, so that a reply comes after every record made before it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
from typing import BinaryIO

import numpy as np

from profiler.samples import REQUEST_COLUMNS

#: One finished request, in the order of samples.REQUEST_COLUMNS.
RECORD = struct.Struct("<qqqhBqqih")
RECORD_DTYPE = np.dtype([(name, "<" + kind) for name, kind in REQUEST_COLUMNS.items()])
assert RECORD_DTYPE.itemsize == RECORD.size

_HEAD = struct.Struct("<IB")
_COUNT = struct.Struct("<I")
RECORDS, MESSAGE = 0, 1
_PIPE_BYTES = 1 << 20


def records_frame(records: bytes | bytearray, pending: np.ndarray) -> bytes:
    """Requests that finished, and the due times of all that have not: one consistent view."""
    count = len(records) // RECORD.size
    body = _COUNT.pack(count) + bytes(records) + pending.astype("<i8").tobytes()
    return _HEAD.pack(len(body), RECORDS) + body


def message_frame(message: dict) -> bytes:
    body = json.dumps(message).encode()
    return _HEAD.pack(len(body), MESSAGE) + body


def read_frame(stream: BinaryIO) -> tuple[int, bytes] | None:
    """The next frame's kind and body; None at the end of the stream."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, kind = _HEAD.unpack(head)
    body = stream.read(length)
    return (kind, body) if len(body) == length else None


def parse_records(body: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The records (structured) and the pending due times of a RECORDS frame."""
    (count,) = _COUNT.unpack_from(body)
    records = np.frombuffer(body, RECORD_DTYPE, count, _COUNT.size)
    pending = np.frombuffer(body, "<i8", offset=_COUNT.size + count * RECORD.size)
    return records, pending


class FrameOutput:
    """Frames on their way out: never waits for the engine, which may be busy."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = bytearray()
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def put(self, frame: bytes) -> None:
        self._rest += frame

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._rest:
                written = os.write(self._fd, self._rest)
                del self._rest[:written]
