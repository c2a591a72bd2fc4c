"""Facts about the host: what it can give a service, what it is, and how noisy it was."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy
import psutil

from profiler import __version__
from profiler.dataset import DatasetSummary
from profiler.services.gpu import host_gpus
from profiler.spec import ScoredConfig, Spec
from profiler.spec_reader import Capacity
from profiler.spec_reader.resolved import spec_to_json

#: Share of the host's memory that services may use; the rest is for the host and this tool.
SERVICE_MEMORY_SHARE = 0.75
MEMORY_STEP_BYTES = 16 << 20

PROC_STAT = Path("/proc/stat")


def host_capacity() -> Capacity:
    """What this host has for services: with two cores or more, the last is kept for the driver."""
    cores = tuple(sorted(os.sched_getaffinity(0)))
    service_cores = cores[:-1] if len(cores) > 1 else cores
    usable = int(psutil.virtual_memory().total * SERVICE_MEMORY_SHARE)
    return Capacity(
        service_cores=service_cores,
        driver_cores=cores[-1:],
        memory_bytes=usable // MEMORY_STEP_BYTES * MEMORY_STEP_BYTES,
        gpus=tuple(gpu.index for gpu in host_gpus()),
    )


@contextmanager
def aside(cores: tuple[int, ...]) -> Iterator[None]:
    """Keep this thread, and those it starts, on the driver's cores: the service's are its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def host_facts() -> dict:
    """What does not change during a run: host, kernel, CPU, cores, cgroup version, our versions."""
    load_1, load_5, load_15 = os.getloadavg()
    return {
        "host": platform.node(),
        "os": _os_name(),
        "kernel": platform.release(),
        "cpu_model": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "cgroup_version": _cgroup_version(),
        "load_before": {"1m": load_1, "5m": load_5, "15m": load_15},
        "engine_version": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def input_facts(spec: Spec, summary: DatasetSummary) -> dict:
    """What went in, by content: hashes of models, code and dataset, and the spec as resolved."""
    facts: dict = {
        "models": {f"{m.name}:{m.version}": content_hash(m.path) for m in spec.models},
        "dataset": {"sha256": content_hash(spec.dataset.path), **asdict(summary)},
        "driver_cores": list(spec.target.driver_cores),
        "load": spec_to_json(spec, Path.cwd())["load"],
    }
    if isinstance(spec.config, ScoredConfig):
        facts["code"] = content_hash(spec.config.source_directory)
    return facts


def content_hash(path: Path) -> str:
    """SHA-256 of a file; of a folder, over its files' relative names and contents, sorted."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    for file in sorted(found for found in path.rglob("*") if found.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{content_hash(file)}\n".encode())
    return digest.hexdigest()


def _os_name() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    return release.get("PRETTY_NAME", platform.system())


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _cgroup_version() -> str:
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1 with v2 mounted beside it" if (root / "unified").is_dir() else "v1"


@dataclass(frozen=True)
class CoreTimes:
    """Seconds since boot over some cores, from /proc/stat (proc(5)): busy, stolen, all."""

    busy_s: float
    steal_s: float
    total_s: float


def read_core_times(cores: tuple[int, ...]) -> CoreTimes:
    ticks = os.sysconf("SC_CLK_TCK")
    wanted = {f"cpu{core}" for core in cores}
    busy = steal = total = 0
    for line in PROC_STAT.read_text().splitlines():
        name, *fields = line.split()
        if name not in wanted:
            continue
        # user nice system idle iowait irq softirq steal; guest time is already within user
        values = [int(field) for field in fields[:8]]
        total += sum(values)
        steal += values[7]
        busy += sum(values) - values[3] - values[4] - values[7]
    return CoreTimes(busy / ticks, steal / ticks, total / ticks)


class HostNoise:
    """What disturbed the service's cores between two instants: time stolen, and others' work."""

    def __init__(self, cores: tuple[int, ...]) -> None:
        self._cores = cores
        self._start = read_core_times(cores)

    def since(self, service_cpu_s: float) -> dict:
        """`steal_fraction` and `outside_busy_fraction` of the cores' time since construction.

        Work that is not the service's own counts as outside: its cpu-seconds are taken off.
        None when less than a tenth of a second has passed (the kernel counts in 10 ms ticks).
        """
        now = read_core_times(self._cores)
        total_s = now.total_s - self._start.total_s
        if total_s < 0.1:
            return {"steal_fraction": None, "outside_busy_fraction": None}
        outside_s = max(now.busy_s - self._start.busy_s - service_cpu_s, 0.0)
        return {
            "steal_fraction": (now.steal_s - self._start.steal_s) / total_s,
            "outside_busy_fraction": min(outside_s / total_s, 1.0),
        }
