"""Facts about the host: what it can give a service, what it is, and how noisy it was."""

from __future__ import annotations

import hashlib
import os
import platform
import re
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
PROC_VMSTAT = Path("/proc/vmstat")
PROC_PRESSURE_CPU = Path("/proc/pressure/cpu")
CPU_FOLDER = Path("/sys/devices/system/cpu")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


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


@dataclass(frozen=True)
class HostState:
    """Counters since boot, None where the kernel does not have them, and what should not change."""

    at_s: float
    cores: CoreTimes
    swapped_pages: int | None
    cpu_pressure_us: int | None
    settings: dict[str, str]


def read_host_state(cores: tuple[int, ...]) -> HostState:
    return HostState(
        time.monotonic(),
        read_core_times(cores),
        _swapped_pages(),
        _cpu_pressure_us(),
        _core_settings(cores),
    )


def _swapped_pages() -> int | None:
    """Pages moved to and from swap (proc(5), /proc/vmstat)."""
    found = re.findall(r"^pswp(?:in|out) (\d+)$", _text(PROC_VMSTAT), re.MULTILINE)
    return sum(map(int, found)) if found else None


def _cpu_pressure_us() -> int | None:
    """Microseconds in which some task of the host waited for a core (PSI, Linux 4.20 and up)."""
    found = re.search(r"^some .*total=(\d+)", _text(PROC_PRESSURE_CPU), re.MULTILINE)
    return int(found[1]) if found else None


def _core_settings(cores: tuple[int, ...]) -> dict[str, str]:
    """Cores online; governor and frequency limit of the service's, where there are any."""
    settings = {"cores online": _text(CPU_FOLDER / "online")}
    for core in cores:
        for name in ("scaling_governor", "scaling_max_freq"):
            value = _text(CPU_FOLDER / f"cpu{core}" / "cpufreq" / name)
            settings[f"{name} of core {core}"] = value
    return {name: value for name, value in settings.items() if value}


def _text(path: Path) -> str:
    """A file of the kernel's, empty where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


class HostNoise:
    """What disturbed the service between two instants: its cores' time taken, memory swapped out,
    waiting for cores all over the host, cores that changed.
    """

    def __init__(self, cores: tuple[int, ...]) -> None:
        self._cores = cores
        self._start = read_host_state(cores)

    def since(self, service_cpu_s: float) -> dict:
        """What happened since construction; None is not known.

        `steal_fraction` and `outside_busy_fraction` of the cores' time (work that is not the
        service's own: its cpu-seconds are taken off; None within a tenth of a second, as the kernel
        counts in 10 ms ticks), `swapped_bytes` and `cpu_pressure_fraction` of the whole host, and
        `changed`, a sentence for each setting that did.
        """
        start, now = self._start, read_host_state(self._cores)
        return {
            **_taken(start.cores, now.cores, service_cpu_s),
            "swapped_bytes": _rise(start.swapped_pages, now.swapped_pages, PAGE_BYTES),
            "cpu_pressure_fraction": _rise(
                start.cpu_pressure_us, now.cpu_pressure_us, 1e-6 / max(now.at_s - start.at_s, 1e-3)
            ),
            "changed": _changes(start.settings, now.settings),
        }


def _taken(start: CoreTimes, now: CoreTimes, service_cpu_s: float) -> dict:
    total_s = now.total_s - start.total_s
    if total_s < 0.1:
        return {"steal_fraction": None, "outside_busy_fraction": None}
    outside_s = max(now.busy_s - start.busy_s - service_cpu_s, 0.0)
    return {
        "steal_fraction": (now.steal_s - start.steal_s) / total_s,
        "outside_busy_fraction": min(outside_s / total_s, 1.0),
    }


def _rise(start: int | None, now: int | None, unit: float) -> float | None:
    return None if start is None or now is None else (now - start) * unit


def _changes(start: dict[str, str], now: dict[str, str]) -> list[str]:
    return [
        f"{name} went from {start.get(name, 'unknown')} to {now.get(name, 'unknown')}"
        for name in sorted(start.keys() | now.keys())
        if start.get(name) != now.get(name)
    ]
