"""The kernel's accounting of a container: cgroup files, version 1, version 2, or both mounted.

Field meanings are those of the kernel's documents cgroup-v1/{memory,cpuacct}.rst, cgroup-v2.rst and
scheduler/sched-bwc.rst. Files are kept open and read with pread: 60 microseconds a reading.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from profiler.service import UsageReading

CONTROLLERS = ("cpu", "cpuacct", "memory", "pids")
UNIFIED = ""  # how /proc/<pid>/cgroup names the version 2 hierarchy
MICROSECOND_NS = 1000

#: A file that is there when version 2 has that controller.
VERSION_2_SIGNS = {"cpu": "cpu.stat", "memory": "memory.current", "pids": "pids.current"}


@dataclass(frozen=True)
class Mount:
    """A mounted hierarchy: `controllers` is empty for version 2; `root` is what it shows of it."""

    point: Path
    root: str
    controllers: frozenset[str]


@dataclass(frozen=True)
class CgroupPaths:
    """Folders of one cgroup: `controllers` by name, and where its pressure files are, if any."""

    controllers: dict[str, Path]
    pressure: Path | None = None


def find(pid: int, proc: Path = Path("/proc")) -> CgroupPaths | None:
    """The folders of the cgroup that `pid` belongs to; None when it is gone or not to be seen."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        mounts = read_mounts((proc / "self" / "mountinfo").read_text())
    except OSError:
        return None
    inside = {}
    for line in lines:
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            inside[name] = path
    return _locate(mounts, lambda mount: _folder_of(mount, inside))


def find_by_id(container_id: str, proc: Path = Path("/proc")) -> CgroupPaths | None:
    """The folders whose name carries a container's id, whichever cgroup driver made them.

    This is the way when the engine's process ids are not ours (a worker in a container, with the
    host's /sys/fs/cgroup mounted).
    """
    try:
        mounts = read_mounts((proc / "self" / "mountinfo").read_text())
    except OSError:
        return None
    return _locate(mounts, lambda mount: _search(mount.point, container_id))


def read_mounts(mountinfo: str) -> list[Mount]:
    """The cgroup hierarchies in the text of /proc/self/mountinfo (proc(5))."""
    mounts = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        fields = before.split(" ")
        names = set(CONTROLLERS) & set(options.split(",")) if kind == "cgroup" else set()
        if kind == "cgroup2" or names:
            mounts.append(Mount(Path(fields[4]), fields[3], frozenset(names)))
    return mounts


def _locate(mounts: list[Mount], folder_in) -> CgroupPaths | None:
    """Ask `folder_in` for the cgroup's folder in each hierarchy, and note what is found there."""
    found: dict[str, Path] = {}
    pressure = None
    for mount in mounts:
        folder = folder_in(mount)
        if folder is None or not folder.is_dir():
            continue
        if mount.controllers:
            found.update(dict.fromkeys(mount.controllers, folder))
            continue
        if (folder / "cpu.pressure").exists():
            pressure = folder
        for name, sign in VERSION_2_SIGNS.items():
            # On a hybrid host cpu.stat exists here too, but without the quota's counters.
            if (folder / sign).exists() and not _in_version_1(mounts, name):
                found[name] = folder
    return CgroupPaths(found, pressure) if {"cpu", "memory"} <= set(found) else None


def _in_version_1(mounts: list[Mount], controller: str) -> bool:
    return any(controller in mount.controllers for mount in mounts)


def _folder_of(mount: Mount, inside: dict[str, str]) -> Path | None:
    names = mount.controllers or {UNIFIED}
    path = next((inside[name] for name in names if name in inside), None)
    if path is None:
        return None
    if mount.root != "/":
        # Only a part of the hierarchy is mounted (a container's own view of it).
        if path != mount.root and not path.startswith(mount.root + "/"):
            return None
        path = path[len(mount.root) :]
    return mount.point / path.lstrip("/")


def _search(top: Path, container_id: str, depth: int = 4) -> Path | None:
    """The first folder within `depth` levels that is named by the id, as every driver does."""
    for folder in _folders(top):
        if container_id in folder.name:
            return folder
        if depth > 1 and (found := _search(folder, container_id, depth - 1)):
            return found
    return None


def _folders(top: Path) -> Iterator[Path]:
    try:
        with os.scandir(top) as entries:
            names = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return  # removed meanwhile
    yield from map(Path, names)


def process_ids(paths: CgroupPaths) -> frozenset[int] | None:
    """Every process of the cgroup and those below it; None when they are not ours to number.

    In another pid namespace than ours (a worker in a container) the kernel writes 0 for each.
    """
    try:
        files = paths.controllers["memory"].rglob("cgroup.procs")
        found = frozenset(int(line) for file in files for line in file.read_text().split())
    except OSError:
        return frozenset()  # being removed
    return None if 0 in found else found


def fields_of(data: bytes) -> dict[bytes, int]:
    """`name number` lines as a dictionary."""
    return {name: int(value) for name, value in (line.split() for line in data.splitlines())}


@dataclass
class CgroupReader:
    """Reads one cgroup's counters, again and again, with its files kept open.

    `read` gives None once the cgroup is gone. Whoever makes it closes it.
    """

    paths: CgroupPaths
    _files: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.version = 2 if (self.paths.controllers["memory"] / "memory.current").exists() else 1

    def close(self) -> None:
        files, self._files = self._files, {}
        for descriptor in files.values():
            os.close(descriptor)

    def read(self) -> UsageReading | None:
        """All counters at one instant; None when the cgroup has gone."""
        try:
            return self._read_version_1() if self.version == 1 else self._read_version_2()
        except (OSError, KeyError, ValueError):
            # ENOENT and ENODEV are how a removed cgroup answers; one being removed may read empty.
            return None

    def reset_memory_peak(self) -> bool:
        """Let the kernel's peak start anew; False where it cannot (version 2 before Linux 6.12)."""
        try:
            if self.version == 1:
                self._path("memory", "memory.max_usage_in_bytes").write_text("0")
            else:
                # The reset holds for this open file only, so it is the one that is read from then.
                os.pwrite(self._open("memory", "memory.peak", os.O_RDWR), b"0", 0)
        except OSError:
            return False
        return True

    def pressure(self) -> dict[str, int] | None:
        """Nanoseconds in which something waited (`some`) or nothing could run (`full`), so far.

        Keys `cpu_some_ns`, `cpu_full_ns`, `memory_some_ns`, `memory_full_ns` (PSI,
        Documentation/accounting/psi.rst); None where the kernel does not account it.
        """
        if self.paths.pressure is None:
            return None
        totals = {}
        for resource in ("cpu", "memory"):
            try:
                text = (self.paths.pressure / f"{resource}.pressure").read_text()
            except OSError:
                return None
            for line in text.splitlines():
                kind, *_, total = line.split()
                totals[f"{resource}_{kind}_ns"] = int(total.partition("=")[2]) * MICROSECOND_NS
        return totals

    def _read_version_1(self) -> UsageReading:
        at_ns = time.monotonic_ns()
        cpu_ns = int(self._content("cpuacct", "cpuacct.usage"))
        quota = fields_of(self._content("cpu", "cpu.stat"))
        current = int(self._content("memory", "memory.usage_in_bytes"))
        memory = fields_of(self._content("memory", "memory.stat"))
        return UsageReading(
            at_ns=at_ns,
            cpu_ns=cpu_ns,
            memory_current_bytes=current,
            memory_working_set_bytes=max(current - memory[b"total_inactive_file"], 0),
            memory_anon_bytes=memory[b"total_rss"],
            memory_file_bytes=max(memory[b"total_cache"] - memory[b"total_shmem"], 0),
            memory_shmem_bytes=memory[b"total_shmem"],
            memory_kernel_peak_bytes=int(self._content("memory", "memory.max_usage_in_bytes")),
            periods=quota[b"nr_periods"],
            throttled_periods=quota[b"nr_throttled"],
            throttled_ns=quota[b"throttled_time"],
            oom_kills=fields_of(self._content("memory", "memory.oom_control")).get(b"oom_kill"),
            threads=self._number("pids", "pids.current"),
        )

    def _read_version_2(self) -> UsageReading:
        at_ns = time.monotonic_ns()
        cpu = fields_of(self._content("cpu", "cpu.stat"))
        current = int(self._content("memory", "memory.current"))
        memory = fields_of(self._content("memory", "memory.stat"))
        throttled_us = cpu.get(b"throttled_usec")
        return UsageReading(
            at_ns=at_ns,
            cpu_ns=cpu[b"usage_usec"] * MICROSECOND_NS,
            memory_current_bytes=current,
            memory_working_set_bytes=max(current - memory[b"inactive_file"], 0),
            memory_anon_bytes=memory[b"anon"],
            memory_file_bytes=max(memory[b"file"] - memory[b"shmem"], 0),
            memory_shmem_bytes=memory[b"shmem"],
            memory_kernel_peak_bytes=self._number("memory", "memory.peak"),
            periods=cpu.get(b"nr_periods"),
            throttled_periods=cpu.get(b"nr_throttled"),
            throttled_ns=None if throttled_us is None else throttled_us * MICROSECOND_NS,
            oom_kills=fields_of(self._content("memory", "memory.events")).get(b"oom_kill"),
            threads=self._number("pids", "pids.current"),
        )

    def _path(self, controller: str, name: str) -> Path:
        return self.paths.controllers[controller] / name

    def _open(self, controller: str, name: str, flags: int = os.O_RDONLY) -> int:
        """Open once for each name; asking for writing replaces a file opened for reading only."""
        if name not in self._files or flags != os.O_RDONLY:
            descriptor = os.open(self._path(controller, name), flags | os.O_CLOEXEC)
            before = self._files.get(name)
            self._files[name] = descriptor
            if before is not None:
                os.close(before)
        return self._files[name]

    def _content(self, controller: str, name: str) -> bytes:
        # 16 KiB holds the longest of them, memory.stat (about 2 KiB), in one call.
        return os.pread(self._open(controller, name), 16_384, 0)

    def _number(self, controller: str, name: str) -> int | None:
        """A single number from a file that this kernel may not have."""
        if controller not in self.paths.controllers:
            return None
        try:
            return int(self._content(controller, name))
        except FileNotFoundError:
            return None
