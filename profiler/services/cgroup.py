"""Where a container's cgroup is: version 1, version 2, or both mounted (a hybrid host).

What it says there is read by `cgroup_reader`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("cpu", "cpuacct", "memory", "pids", "blkio")
UNIFIED = ""  # how /proc/<pid>/cgroup names the version 2 hierarchy

#: A file that is there when version 2 has that controller.
VERSION_2_SIGNS = {
    "cpu": "cpu.stat",
    "memory": "memory.current",
    "pids": "pids.current",
    "io": "io.stat",
}


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
    # A host may mount each controller in a version of its own; cpu and memory are read in one.
    version_1 = _in_version_1(mounts, "memory")
    needed = {"cpu", "cpuacct", "memory"} if version_1 else {"cpu", "memory"}
    alike = all(_in_version_1(mounts, name) == version_1 for name in needed)
    return CgroupPaths(found, pressure) if alike and needed <= set(found) else None


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
