"""Small files of the kernel that are read again and again: kept open, and cut without regex."""

from __future__ import annotations

import os
import time
from pathlib import Path

#: One call holds the longest of them, memory.stat (2 to 3 KiB).
READ_BYTES = 8192
MICROSECOND_NS = 1000


class KeptOpen:
    """Descriptors of files by path, a string because a Path costs as much as reading.

    A file that cannot be read at first is not asked for again. Whoever makes it closes it.
    """

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}
        self._absent: set[str] = set()

    def close(self) -> None:
        descriptors, self._descriptors = self._descriptors, {}
        for descriptor in descriptors.values():
            os.close(descriptor)

    def content(self, path: str) -> bytes:
        """What the file says now; OSError when it cannot be read."""
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            descriptor = self._descriptors[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(descriptor, READ_BYTES, 0)

    def content_if_any(self, path: str) -> bytes | None:
        """The same; None for what is not there, not ours to read, or switched off."""
        if path in self._absent:
            return None
        try:
            return self.content(path)
        except OSError:
            self._absent.add(path)
            return None

    def number(self, path: str) -> int:
        return int(self.content(path))

    def write(self, path: str, content: bytes) -> None:
        """Write to the file, through the descriptor that it is read by from then on."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        before = self._descriptors.get(path)
        self._descriptors[path] = descriptor
        if before is not None:
            os.close(before)
        os.pwrite(descriptor, content, 0)


class SlowPace:
    """When to read again what need not be in every sample: every so often, and for at most a
    share of the time, by what it cost the last time.
    """

    def __init__(self, interval_ns: int, share: float) -> None:
        self._interval_ns = interval_ns
        self._share = share
        self._due_ns = 0
        self._began_ns = 0

    def is_due(self, now_ns: int) -> bool:
        return now_ns >= self._due_ns

    def begin(self) -> None:
        self._began_ns = time.thread_time_ns()

    def end(self, now_ns: int) -> None:
        cost_ns = time.thread_time_ns() - self._began_ns
        self._due_ns = now_ns + max(self._interval_ns, round(cost_ns / self._share))


def fields_of(data: bytes) -> dict[bytes, bytes]:
    """`name number` lines as a dictionary; the few numbers that are wanted are made by `int`."""
    words = data.split()
    return dict(zip(words[::2], words[1::2], strict=False))


def picked(data: bytes, names: tuple[bytes, ...]) -> list[int | None]:
    """The numbers of these of many `name number` lines, None for one that is not there.

    A fifth of the work of taking them all. The line before the first name does not count.
    """
    return [
        int(data[(start := at + len(name) + 2) : data.index(b"\n", start)])
        if (at := data.find(b"\n%b " % name)) >= 0
        else None
        for name in names
    ]


def stall_totals(pressure: bytes) -> dict[bytes, int]:
    """`some` and `full` of a pressure file, in microseconds so far (accounting/psi.rst)."""
    totals = {}
    for line in pressure.splitlines():
        kind, _, rest = line.partition(b" ")
        totals[kind] = int(rest.rpartition(b"total=")[2])
    return totals


def network_bytes(net_dev: bytes) -> tuple[int, int]:
    """Received and sent over all interfaces of /proc/<pid>/net/dev but the loopback."""
    received = sent = 0
    for line in net_dev.splitlines()[2:]:
        name, _, numbers = line.partition(b":")
        if name.strip() != b"lo":
            columns = numbers.split()
            received += int(columns[0])
            sent += int(columns[8])
    return received, sent


def device_bytes_version_1(blkio: bytes) -> tuple[int, int] | None:
    """Read and written by blkio.throttle.io_service_bytes; None where no device is listed."""
    totals = {b"Read": 0, b"Write": 0}
    lines = [line.split() for line in blkio.splitlines()]
    devices = [words for words in lines if len(words) == 3]
    for _, kind, number in devices:
        if kind in totals:
            totals[kind] += int(number)
    return (totals[b"Read"], totals[b"Write"]) if devices else None


def device_bytes_version_2(io_stat: bytes) -> tuple[int, int]:
    """Read and written by io.stat: `8:0 rbytes=1 wbytes=2 ...`, a line for each device."""
    read = written = 0
    for word in io_stat.split():
        if word.startswith(b"rbytes="):
            read += int(word[7:])
        elif word.startswith(b"wbytes="):
            written += int(word[7:])
    return read, written


def storage_bytes(pids: list[int], proc: Path = Path("/proc")) -> tuple[int, int] | None:
    """Fetched from and sent to storage by these processes and their reaped children (proc(5), io).

    None where none of them may be read: that takes their own user, or root.
    """
    read = written = 0
    known = False
    for pid in pids:
        try:
            fields = fields_of((proc / str(pid) / "io").read_bytes())
        except OSError:
            continue
        known = True
        read += int(fields[b"read_bytes:"])
        written += int(fields[b"write_bytes:"])
    return (read, written) if known else None
