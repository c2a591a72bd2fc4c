"""The kernel's accounting of a container, read from its cgroup's files.

Field meanings are those of the kernel's documents cgroup-v1/{memory,cpuacct,blkio-controller}.rst,
cgroup-v2.rst, scheduler/sched-bwc.rst and accounting/psi.rst; docs/usage.md names the file behind
each number.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from profiler.service import UsageReading
from profiler.services.cgroup import CgroupPaths
from profiler.services.kernel_files import (
    MICROSECOND_NS,
    KeptOpen,
    SlowPace,
    device_bytes_version_1,
    device_bytes_version_2,
    fields_of,
    network_bytes,
    stall_totals,
    storage_bytes,
)

PRESSURES = ("cpu", "memory", "io")


class CgroupReader:
    """Reads one cgroup's counters, again and again, with its files kept open.

    `pid` is the container's first process, in our own process ids; None where those are not ours:
    then its network is not known. Counters that change slowly are read every 400 ms, and whenever
    all are asked for. `read` gives None once the cgroup is gone. Whoever makes it closes it.
    """

    def __init__(self, paths: CgroupPaths, pid: int | None = None, proc: Path = Path("/proc")):
        self.paths = paths
        self.version = 2 if (paths.controllers["memory"] / "memory.current").exists() else 1
        self._proc = proc
        self._folders = {name: str(folder) for name, folder in paths.controllers.items()}
        self._net_dev = None if pid is None else str(proc / str(pid) / "net" / "dev")
        self._files = KeptOpen()
        self._lock = threading.Lock()
        self._pace = SlowPace()
        self._slow: dict[str, int | None] = {}

    def close(self) -> None:
        self._files.close()

    def read(self, *, complete: bool = False) -> UsageReading | None:
        """The counters at one instant, with `complete` the slow ones too; None once it is gone."""
        with self._lock:
            try:
                return self._read(complete)
            except (OSError, KeyError, ValueError):
                # ENOENT and ENODEV are how a removed cgroup answers; one being removed may read
                # empty.
                return None

    def is_there(self) -> bool:
        """Whether the cgroup still answers; a tenth of the cost of a reading."""
        try:
            return bool(self._files.content(self._folders["memory"] + "/memory.stat"))
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

    def _read(self, complete: bool) -> UsageReading:
        at_ns = time.monotonic_ns()
        fast = self._fast_version_1() if self.version == 1 else self._fast_version_2()
        if complete or self._pace.is_due(at_ns):
            self._pace.begin()
            slow = self._slow_version_1() if self.version == 1 else self._slow_version_2()
            slow["threads"] = self._number("pids", "pids.current")
            self._slow = slow | self._pressure() | self._network()
            self._pace.end(at_ns)
        return UsageReading(at_ns=at_ns, **fast, **self._slow)

    # -- in every sample: what can rise and fall again within 400 ms, and cpu --

    def _fast_version_1(self) -> dict[str, int | None]:
        number, content = self._files.number, self._files.content
        cpu_ns = number(self._folders["cpuacct"] + "/cpuacct.usage")
        quota = fields_of(content(self._folders["cpu"] + "/cpu.stat"))
        current = number(self._folders["memory"] + "/memory.usage_in_bytes")
        memory = fields_of(content(self._folders["memory"] + "/memory.stat"))
        kills = fields_of(content(self._folders["memory"] + "/memory.oom_control"))
        shmem = int(memory[b"total_shmem"])
        major = int(memory[b"total_pgmajfault"])
        return {
            "cpu_ns": cpu_ns,
            "periods": int(quota[b"nr_periods"]),
            "throttled_periods": int(quota[b"nr_throttled"]),
            "throttled_ns": int(quota[b"throttled_time"]),
            "burst_periods": _number(quota, b"nr_bursts"),
            "burst_ns": _number(quota, b"burst_time"),
            "memory_current_bytes": current,
            "memory_working_set_bytes": max(current - int(memory[b"total_inactive_file"]), 0),
            "memory_anon_bytes": int(memory[b"total_rss"]),
            "memory_file_bytes": max(int(memory[b"total_cache"]) - shmem, 0),
            "memory_shmem_bytes": shmem,
            "memory_kernel_peak_bytes": number(
                self._folders["memory"] + "/memory.max_usage_in_bytes"
            ),
            "swap_bytes": _number(memory, b"total_swap"),
            "page_faults_minor": int(memory[b"total_pgfault"]) - major,
            "page_faults_major": major,
            "oom_kills": _number(kills, b"oom_kill"),
        }

    def _fast_version_2(self) -> dict[str, int | None]:
        number, content = self._files.number, self._files.content
        cpu = fields_of(content(self._folders["cpu"] + "/cpu.stat"))
        current = number(self._folders["memory"] + "/memory.current")
        memory = fields_of(content(self._folders["memory"] + "/memory.stat"))
        events = fields_of(content(self._folders["memory"] + "/memory.events"))
        shmem = int(memory[b"shmem"])
        major, faults = _number(memory, b"pgmajfault"), _number(memory, b"pgfault")
        return {
            "cpu_ns": int(cpu[b"usage_usec"]) * MICROSECOND_NS,
            "cpu_user_ns": _nanoseconds(cpu, b"user_usec"),
            "cpu_system_ns": _nanoseconds(cpu, b"system_usec"),
            "periods": _number(cpu, b"nr_periods"),
            "throttled_periods": _number(cpu, b"nr_throttled"),
            "throttled_ns": _nanoseconds(cpu, b"throttled_usec"),
            "burst_periods": _number(cpu, b"nr_bursts"),
            "burst_ns": _nanoseconds(cpu, b"burst_usec"),
            "memory_current_bytes": current,
            "memory_working_set_bytes": max(current - int(memory[b"inactive_file"]), 0),
            "memory_anon_bytes": int(memory[b"anon"]),
            "memory_file_bytes": max(int(memory[b"file"]) - shmem, 0),
            "memory_shmem_bytes": shmem,
            "memory_kernel_bytes": _number(memory, b"kernel"),
            "memory_kernel_peak_bytes": self._number("memory", "memory.peak"),
            "page_faults_minor": None if faults is None or major is None else faults - major,
            "page_faults_major": major,
            "oom_kills": _number(events, b"oom_kill"),
            "oom_events": _number(events, b"oom"),
            "memory_limit_hits": _number(events, b"max"),
            "memory_high_hits": _number(events, b"high"),
        }

    # -- every 400 ms --

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
        content = self._content(controller, name)
        return None if content is None else int(content)


def _number(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else int(value)


def _nanoseconds(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else int(value) * MICROSECOND_NS
