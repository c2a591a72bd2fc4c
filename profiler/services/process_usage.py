"""What a process and its descendants use, from /proc (proc(5)): where there is no cgroup to ask."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from profiler.service import UsageReading
from profiler.services.kernel_files import SlowPace, storage_bytes
from profiler.units import NS

TICK_NS = NS // os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KIB = 1024
#: Descendants and sharing: nanoseconds between looks, and the most of the time that they may take.
PACE = (400_000_000, 1 / 400)
PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessState:
    """One line of /proc/<pid>/stat, and the shared pages of statm. Times are of the whole process;
    `reaped_ns` and the faults include its children that have ended and were waited for."""

    state: bytes
    started_ticks: int
    cpu_ns: int
    user_ns: int
    system_ns: int
    reaped_ns: int
    minor_faults: int
    major_faults: int
    threads: int
    resident_bytes: int
    shared_bytes: int


@dataclass(frozen=True)
class Sharing:
    """How much of the processes' resident memory was counted more than once; `shmem` and `swap`
    as they are, each page once."""

    twice: int = 0
    anon_twice: int = 0
    shmem: int | None = None
    swap: int | None = None


class ProcessTreeReader:
    """Reads the tree below `leader`; `read` gives None once that has ended.

    Descendants are looked for at a slower pace, and so is sharing, which is also worked out
    whenever the processes are others. A process once found is followed until it ends, whoever
    becomes its parent.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._lock = threading.Lock()
        self._started_ticks: dict[int, int] = {}
        self._tree_pace, self._sharing_pace = SlowPace(*PACE), SlowPace(*PACE)
        self._sharing = Sharing()
        self._sharers: set[int] = set()
        self._block: tuple[int, int] | None = None
        self._cpu_ns = 0

    def read(self, *, complete: bool = False) -> UsageReading | None:
        with self._lock:
            at_ns = time.monotonic_ns()
            if complete or self._tree_pace.is_due(at_ns):
                self._tree_pace.begin()
                self._look_for_descendants()
                self._block = storage_bytes(list(self._started_ticks)) or self._block
                self._tree_pace.end(at_ns)
            states = self._states()
            leader = states.get(self._leader)
            if leader is None or leader.state == b"Z":
                return None
            alive = {pid for pid, state in states.items() if state.state != b"Z"}
            if complete or alive != self._sharers or self._sharing_pace.is_due(at_ns):
                self._sharing_pace.begin()
                self._sharing, self._sharers = sharing(states), alive
                self._sharing_pace.end(at_ns)
            return self._reading(at_ns, states.values())

    def _look_for_descendants(self) -> None:
        for pid in tree(self._leader):
            if pid not in self._started_ticks and (state := state_of(pid)) is not None:
                self._started_ticks[pid] = state.started_ticks

    def _states(self) -> dict[int, ProcessState]:
        """Of those that are still there; a process id used anew is somebody else."""
        states = {pid: state_of(pid) for pid in self._started_ticks}
        there = {
            pid: state
            for pid, state in states.items()
            if state is not None and state.started_ticks == self._started_ticks[pid]
        }
        self._started_ticks = {pid: state.started_ticks for pid, state in there.items()}
        return there

    def _reading(self, at_ns: int, states: Iterable[ProcessState]) -> UsageReading:
        alive = [state for state in states if state.state != b"Z"]
        # What a child has used reaches its parent's counter in whole ticks.
        self._cpu_ns = max(self._cpu_ns, sum(state.cpu_ns + state.reaped_ns for state in states))
        user, system = (sum(getattr(s, name) for s in states) for name in ("user_ns", "system_ns"))
        user_ns = self._cpu_ns * user // max(user + system, 1)
        resident = sum(state.resident_bytes for state in alive)
        anonymous = resident - sum(state.shared_bytes for state in alive) - self._sharing.anon_twice
        working_set = max(resident - self._sharing.twice, 0)
        shmem = self._sharing.shmem
        file = None if shmem is None else max(working_set - anonymous - shmem, 0)
        read, written = self._block or (None, None)
        return UsageReading(
            at_ns=at_ns,
            cpu_ns=self._cpu_ns,
            cpu_user_ns=user_ns,
            cpu_system_ns=self._cpu_ns - user_ns,
            memory_current_bytes=resident,
            memory_working_set_bytes=working_set,
            memory_anon_bytes=max(anonymous, 0),
            memory_file_bytes=file,
            memory_shmem_bytes=shmem,
            swap_bytes=self._sharing.swap,
            page_faults_minor=sum(state.minor_faults for state in states),
            page_faults_major=sum(state.major_faults for state in states),
            block_read_bytes=read,
            block_written_bytes=written,
            processes=len(alive),
            threads=sum(state.threads for state in alive),
        )


def tree(leader: int) -> list[int]:
    """A process and its descendants; none once it is gone. It walks all of /proc."""
    try:
        root = psutil.Process(leader)
        if root.status() == psutil.STATUS_ZOMBIE:
            return []
        return [leader, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def state_of(pid: int) -> ProcessState | None:
    """None once it is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
        statm = (PROC / str(pid) / "statm").read_bytes()
    except OSError:
        return None
    # The name, in brackets, may hold anything.
    words = stat[stat.rindex(b")") + 2 :].split()
    minor, reaped_minor, major, reaped_major, user, system, reaped_user, reaped_system = (
        int(word) for word in words[7:15]
    )
    return ProcessState(
        state=words[0],
        started_ticks=int(words[19]),
        cpu_ns=_cpu_clock_ns(pid, (user + system) * TICK_NS),
        user_ns=(user + reaped_user) * TICK_NS,
        system_ns=(system + reaped_system) * TICK_NS,
        reaped_ns=(reaped_user + reaped_system) * TICK_NS,
        minor_faults=minor + reaped_minor,
        major_faults=major + reaped_major,
        threads=int(words[17]),
        resident_bytes=int(words[21]) * PAGE_BYTES,
        shared_bytes=int(statm.split()[2]) * PAGE_BYTES,
    )


def _cpu_clock_ns(pid: int, otherwise_ns: int) -> int:
    """The process's own CPU clock, in nanoseconds where stat counts ticks of 10 ms.

    Its number is made as clock_getcpuclockid(3) makes it.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return otherwise_ns


def sharing(states: dict[int, ProcessState]) -> Sharing:
    """From smaps_rollup: anonymous and shared memory each page once, by proportional sizes.

    Mapped files are shared with programs outside too, whose part the proportional size leaves out:
    they count as the larger of that sum and the most that one process maps.
    """
    totals = dict.fromkeys((b"Pss_Anon:", b"Pss_File:", b"Pss_Shmem:", b"SwapPss:"), 0)
    for pid in states:
        try:
            rollup = (PROC / str(pid) / "smaps_rollup").read_bytes()
        except OSError:
            continue  # ended meanwhile
        lines = (line.split() for line in rollup.splitlines()[1:])
        for name, size, *_ in lines:
            if name in totals:
                totals[name] += int(size) * KIB
    if not totals[b"Pss_Anon:"]:
        return Sharing()
    resident = sum(state.resident_bytes for state in states.values())
    shared = [state.shared_bytes for state in states.values()]
    shmem = totals[b"Pss_Shmem:"]
    file = max(totals[b"Pss_File:"], max(shared) - shmem)
    return Sharing(
        twice=max(resident - totals[b"Pss_Anon:"] - shmem - file, 0),
        anon_twice=max(resident - sum(shared) - totals[b"Pss_Anon:"], 0),
        shmem=shmem,
        swap=totals[b"SwapPss:"],
    )
