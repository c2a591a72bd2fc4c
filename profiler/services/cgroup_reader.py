"""The kernel's accounting of a container, read from its cgroup's files.

Field meanings are those of the kernel's documents cgroup-v1/{memory,cpuacct,blkio-controller}.rst,
cgroup-v2.rst, scheduler/sched-bwc.rst and accounting/psi.rst; docs/usage.md names the file behind
each number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from profiler.service import Capture, UsageReading
from profiler.services.cgroup import CgroupPaths
from profiler.services.kernel_files import (
    MICROSECOND_NS,
    KeptOpen,
    SlowPace,
    device_bytes_version_1,
    device_bytes_version_2,
    fields_of,
    network_bytes,
    picked,
    stall_totals,
    storage_bytes,
)

#: Nanoseconds between readings, and the most of the time that they may take: of what the kernel
#: counts once in a CFS period or never takes back, and of what changes slowly or is dear to read.
PERIOD_PACE, SLOW_PACE = (100_000_000, 1 / 500), (1_000_000_000, 1 / 1000)

PRESSURES = ("cpu", "memory", "io")
#: Files of each version: what is read in every sample (cpu time, and memory, which can rise and
#: fall again; the use comes second), and what every 100 ms.
FAST = {
    1: (("cpuacct", "cpuacct.usage"), ("memory", "memory.usage_in_bytes"),
        ("memory", "memory.max_usage_in_bytes")),
    2: (("cpu", "cpu.stat"), ("memory", "memory.current"), ("memory", "memory.peak")),
}  # fmt: skip
PERIODIC = {
    1: (("cpu", "cpu.stat"), ("memory", "memory.oom_control")),
    2: (("memory", "memory.events"),),
}  # fmt: skip
#: Of memory.stat: the first four are always there.
STAT_VERSION_1 = (
    b"total_inactive_file", b"total_rss", b"total_cache", b"total_shmem",
    b"total_mapped_file", b"total_swap", b"total_pgfault", b"total_pgmajfault",
)  # fmt: skip
STAT_VERSION_2 = (
    b"inactive_file", b"anon", b"file", b"shmem", b"file_mapped", b"kernel", b"pgfault",
    b"pgmajfault",
)  # fmt: skip


class CgroupReader:
    """Reads one cgroup's counters, again and again, with its files kept open.

    `pid` is the container's first process, in our own process ids; None where those are not ours:
    then its network is not known. What the kernel counts once in a CFS period is read every 100 ms,
    what changes slowly every second, and both whenever all is asked for. `read` gives None once the
    cgroup is gone. Whoever makes it closes it.
    """

    def __init__(self, paths: CgroupPaths, pid: int | None = None, proc: Path = Path("/proc")):
        self.paths = paths
        self.version = 2 if (paths.controllers["memory"] / "memory.current").exists() else 1
        self._proc = proc
        self._folders = {name: str(folder) for name, folder in paths.controllers.items()}
        self._net_dev = None if pid is None else str(proc / str(pid) / "net" / "dev")
        self._files = KeptOpen()
        self._lock = threading.Lock()
        self._fast_paths = self._paths_of(FAST[self.version])
        self._periodic_paths = self._paths_of(PERIODIC[self.version])
        self._period_pace, self._slow_pace = SlowPace(*PERIOD_PACE), SlowPace(*SLOW_PACE)
        self._stat_path = self._folders["memory"] + "/memory.stat"
        self._use = self._stat = b""
        self._periodic: list[bytes | None] = []
        self._slow: dict[str, int | None] = {}

    def _paths_of(self, files: Sequence[tuple[str, str]]) -> list[str]:
        return [f"{self._folders[controller]}/{name}" for controller, name in files]

    def close(self) -> None:
        self._files.close()

    def read(self, *, complete: bool = False) -> UsageReading | None:
        """The counters at one instant, with `complete` the slow ones too; None once it is gone."""
        captured = self.capture(complete=complete, kills=True)
        return captured() if captured else None

    def capture(self, *, complete: bool = False, kills: bool = False) -> Capture | None:
        """The same, made out when what is returned is called.

        Without `kills`, what is read every 100 ms may be so old: a kill for memory among it.
        """
        with self._lock:
            try:
                return self._capture(complete, kills)
            except (OSError, KeyError, ValueError):
                # ENOENT and ENODEV are how a removed cgroup answers; one being removed may read
                # empty.
                return None

    def is_there(self) -> bool:
        """Whether the cgroup still answers; a tenth of the cost of a reading."""
        try:
            return bool(self._files.content(self._stat_path))
        except OSError:
            return False

    def reset_memory_peak(self) -> bool:
        """Let the kernel's peak start anew; False where it cannot (version 2 before Linux 6.12)."""
        # In version 2 the reset holds for the open file only, which is the one that is then read.
        name = "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"
        try:
            with self._lock:
                self._files.write(f"{self._folders['memory']}/{name}", b"0")
        except OSError:
            return False
        return True

    def _capture(self, complete: bool, kills: bool) -> Capture:
        at_ns = time.monotonic_ns()
        fast = [self._files.content_if_any(path) for path in self._fast_paths]
        due = complete or kills or self._period_pace.is_due(at_ns)
        if due or fast[1] != self._use:
            # Its parts change with the use; reading them takes as long as all else.
            self._use, self._stat = fast[1], self._files.content(self._stat_path)
        if due:
            self._period_pace.begin()
            self._periodic = [self._files.content_if_any(path) for path in self._periodic_paths]
            self._period_pace.end(at_ns)
        if complete or self._slow_pace.is_due(at_ns):
            self._slow_pace.begin()
            slow = self._slow_version_1() if self.version == 1 else self._slow_version_2()
            slow["threads"] = self._number("pids", "pids.current")
            self._slow = slow | self._pressure() | self._network()
            self._slow_pace.end(at_ns)
        return partial(self._made_out, at_ns, (*fast, self._stat, *self._periodic), self._slow)

    def _made_out(
        self, at_ns: int, contents: tuple[bytes | None, ...], slow: dict[str, int | None]
    ) -> UsageReading | None:
        made_out = _version_1 if self.version == 1 else _version_2
        try:
            return UsageReading(at_ns=at_ns, **made_out(*contents), **slow)
        except (KeyError, TypeError, ValueError):
            return None  # a cgroup that was being removed

    # -- every second --

    def _slow_version_1(self) -> dict[str, int | None]:
        pids = self._pids()
        blkio = self._content("blkio", "blkio.throttle.io_service_bytes_recursive")
        # Newer kernels list no device unless the cgroup's block I/O is itself limited.
        block = device_bytes_version_1(blkio or b"") or storage_bytes(pids, self._proc)
        return {
            **self._split_version_1(),
            "memory_kernel_bytes": self._number("memory", "memory.kmem.usage_in_bytes"),
            "memory_limit_hits": self._number("memory", "memory.failcnt"),
            "processes": len(pids) or None,
            **self._block(block),
        }

    def _split_version_1(self) -> dict[str, int | None]:
        """User and system time: exact in their sum, split as the kernel's ticks were (its
        cputime_adjust does the same for /proc/<pid>/stat and for version 2)."""
        user = self._number("cpuacct", "cpuacct.usage_user")
        system = self._number("cpuacct", "cpuacct.usage_sys")
        if user is None or system is None:
            return {}
        total = self._files.number(self._folders["cpuacct"] + "/cpuacct.usage")
        user_ns = total * user // max(user + system, 1)
        return {"cpu_user_ns": user_ns, "cpu_system_ns": total - user_ns}

    def _slow_version_2(self) -> dict[str, int | None]:
        pids = self._pids()
        stat = self._content("io", "io.stat")
        block = storage_bytes(pids, self._proc) if stat is None else device_bytes_version_2(stat)
        return {
            "swap_bytes": self._number("memory", "memory.swap.current"),
            "processes": len(pids) or None,
            **self._block(block),
        }

    def _pressure(self) -> dict[str, int | None]:
        """Time in which something waited (`some`), or nothing could run (`full`), so far."""
        totals = {}
        for resource in PRESSURES if self.paths.pressure is not None else ():
            content = self._files.content_if_any(f"{self.paths.pressure}/{resource}.pressure")
            for kind, total_us in stall_totals(content or b"").items():
                totals[f"{resource}_pressure_{kind.decode()}_ns"] = total_us * MICROSECOND_NS
        return totals

    def _network(self) -> dict[str, int | None]:
        content = self._net_dev and self._files.content_if_any(self._net_dev)
        if not content:
            return {}
        received, sent = network_bytes(content)
        return {"network_received_bytes": received, "network_sent_bytes": sent}

    def _block(self, found: tuple[int, int] | None) -> dict[str, int | None]:
        """Never less than before: a process that has ended counts only once it is reaped."""
        if found is None:
            return {}
        names = ("block_read_bytes", "block_written_bytes")
        return {
            name: max(value, self._slow.get(name) or 0)
            for name, value in zip(names, found, strict=True)
        }

    def _pids(self) -> list[int]:
        """Processes of the cgroup itself; 0 for one that has no number among ours."""
        controller = "pids" if "pids" in self._folders else "memory"
        return [int(pid) for pid in (self._content(controller, "cgroup.procs") or b"").split()]

    def _content(self, controller: str, name: str) -> bytes | None:
        """A file that this kernel, or this way of mounting, may not have."""
        folder = self._folders.get(controller)
        return None if folder is None else self._files.content_if_any(f"{folder}/{name}")

    def _number(self, controller: str, name: str) -> int | None:
        return _whole(self._content(controller, name))


def _version_1(
    cpuacct_usage: bytes,
    usage_in_bytes: bytes,
    max_usage: bytes | None,
    memory_stat: bytes,
    cpu_stat: bytes | None,
    oom_control: bytes | None,
) -> dict[str, int | None]:
    quota, kills = fields_of(cpu_stat or b""), fields_of(oom_control or b"")
    *moving, swap, faults, major = picked(memory_stat, STAT_VERSION_1)
    return {
        "cpu_ns": int(cpuacct_usage),
        **_memory(int(usage_in_bytes), *moving),
        "memory_kernel_peak_bytes": _whole(max_usage),
        "swap_bytes": swap,
        "page_faults_minor": None if faults is None or major is None else faults - major,
        "page_faults_major": major,
        "periods": _number(quota, b"nr_periods"),
        "throttled_periods": _number(quota, b"nr_throttled"),
        "throttled_ns": _number(quota, b"throttled_time"),
        "burst_periods": _number(quota, b"nr_bursts"),
        "burst_ns": _number(quota, b"burst_time"),
        "oom_kills": _number(kills, b"oom_kill"),
    }


def _version_2(
    cpu_stat: bytes, current: bytes, peak: bytes | None, memory_stat: bytes, events: bytes | None
) -> dict[str, int | None]:
    cpu, happened = fields_of(cpu_stat), fields_of(events or b"")
    *moving, kernel, faults, major = picked(b"\n" + memory_stat, STAT_VERSION_2)
    return {
        "cpu_ns": int(cpu[b"usage_usec"]) * MICROSECOND_NS,
        "cpu_user_ns": _nanoseconds(cpu, b"user_usec"),
        "cpu_system_ns": _nanoseconds(cpu, b"system_usec"),
        "periods": _number(cpu, b"nr_periods"),
        "throttled_periods": _number(cpu, b"nr_throttled"),
        "throttled_ns": _nanoseconds(cpu, b"throttled_usec"),
        "burst_periods": _number(cpu, b"nr_bursts"),
        "burst_ns": _nanoseconds(cpu, b"burst_usec"),
        **_memory(int(current), *moving),
        "memory_kernel_bytes": kernel,
        "memory_kernel_peak_bytes": _whole(peak),
        "page_faults_minor": None if faults is None or major is None else faults - major,
        "page_faults_major": major,
        "oom_kills": _number(happened, b"oom_kill"),
        "oom_events": _number(happened, b"oom"),
        "memory_limit_hits": _number(happened, b"max"),
        "memory_high_hits": _number(happened, b"high"),
    }


def _memory(
    current: int, inactive_file: int, anon: int, cache: int, shmem: int, mapped: int | None
) -> dict[str, int | None]:
    """The working set and its parts; the page cache holds shared memory too."""
    return {
        "memory_current_bytes": current,
        "memory_working_set_bytes": max(current - inactive_file, 0),
        "memory_anon_bytes": anon,
        "memory_file_bytes": max(cache - shmem, 0),
        "memory_shmem_bytes": shmem,
        "memory_mapped_bytes": mapped,
    }


def _number(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else int(value)


def _whole(content: bytes | None) -> int | None:
    return None if content is None else int(content)


def _nanoseconds(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else int(value) * MICROSECOND_NS
