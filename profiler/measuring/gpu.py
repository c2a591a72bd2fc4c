"""What a service did with its GPUs, from their samples; every formula is in docs/gpu.md."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from profiler.measuring.consumption import counted_between, largest, most
from profiler.samples import Columns, between
from profiler.spec import Gpu
from profiler.units import NS

#: NVML's bits of why the clocks are not higher (nvmlClocksEventReasons in nvml.h), by nvidia-smi's
#: names. The first, an idle GPU, holds nothing back and is left out of what is told.
IDLE = 0x1
CLOCK_REASONS = {
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
    0x200: "board_limit",
    0x400: "reliability",
}
#: Those by which heat or power slow a GPU down; the others are settings.
THROTTLING = 0x4 | 0x8 | 0x20 | 0x40 | 0x80 | 0x200


@dataclass(frozen=True)
class GpuRecord:
    """The samples of a service's GPUs since its start, and when it was ready (CLOCK_MONOTONIC)."""

    gpus: tuple[Gpu, ...] = ()
    columns: Columns = field(default_factory=dict)
    ready_ns: int = 0


NO_GPU = GpuRecord()


@dataclass(frozen=True)
class GpuUse:
    """Of several GPUs: memory, temperature of the fullest and hottest; power and energy together;
    utilisation and clock on average. Shares are 0..1; what could not be known is None.

    `memory_source` is "processes" where NVML told the service's own memory, "device" where only
    all that was in use on the GPU is known; `energy_source` "counter" or "power" (integrated).
    """

    count: int
    name: str
    memory_total_bytes: int
    samples: int
    memory_source: str
    memory_startup_peak_bytes: int | None
    memory_steady_peak_bytes: int | None
    memory_peak_bytes: int | None
    utilisation_mean: float | None
    utilisation_max: float | None
    memory_utilisation_mean: float | None
    power_mean_w: float | None
    power_max_w: float | None
    energy_source: str | None
    energy_joules_per_request: float | None
    temperature_max_c: int | None
    sm_clock_mean_mhz: float | None
    throttle_reasons: tuple[str, ...]
    throttled_fraction: float | None
    other_processes_max: int | None
    other_processes_fraction: float | None
    reading_mean_ms: float

    def to_json(self) -> dict:
        return {**self.__dict__, "throttle_reasons": list(self.throttle_reasons)}


def gpu_use(record: GpuRecord, start_ns: int, end_ns: int, answered: int) -> GpuUse | None:
    """From the samples of the measured period, and of starting; None without a GPU or a sample.

    `answered` is how many requests ended in the period: energy is told for each of them.
    """
    if not record.gpus or not len(record.columns.get("at_ns", ())):
        return None
    during = between(record.columns, "at_ns", start_ns, end_ns)
    starting = between(record.columns, "at_ns", 0, record.ready_ns + 1)
    each = [_only(record.columns, gpu.index) for gpu in record.gpus]
    energy, source = _energy_j(each, start_ns, end_ns)
    power = _energy_by_power_j(each, start_ns, end_ns)
    duration_s = (end_ns - start_ns) / NS
    return GpuUse(
        count=len(record.gpus),
        name=" + ".join(dict.fromkeys(gpu.name for gpu in record.gpus)),
        memory_total_bytes=min(gpu.memory_bytes for gpu in record.gpus),
        samples=len(during["at_ns"]),
        **_memory(record.columns, starting, during),
        utilisation_mean=_mean(during, "utilisation_percent", 100),
        utilisation_max=_most(during, "utilisation_percent", 100),
        memory_utilisation_mean=_mean(during, "memory_utilisation_percent", 100),
        power_mean_w=power / duration_s if power is not None and duration_s else None,
        power_max_w=_power_max_w(during),
        energy_source=source,
        energy_joules_per_request=energy / answered if energy is not None and answered else None,
        temperature_max_c=most(during, "temperature_c"),
        sm_clock_mean_mhz=_mean(during, "sm_clock_mhz"),
        throttle_reasons=_reasons(during),
        throttled_fraction=_share(during, "throttle_reasons", THROTTLING),
        other_processes_max=most(during, "other_processes"),
        other_processes_fraction=_share(during, "other_processes"),
        reading_mean_ms=float(record.columns["read_ns"].mean()) / 1e6,
    )


def _only(columns: Columns, gpu: int) -> Columns:
    keep = columns["gpu"] == gpu
    return {name: values[keep] for name, values in columns.items()}


def _memory(columns: Columns, starting: Columns, during: Columns) -> dict:
    """The service's own where it was ever seen to hold any: NVML may see no processes at all."""
    own = bool(most(columns, "memory_own_bytes"))
    name = "memory_own_bytes" if own else "memory_used_bytes"
    startup, steady = most(starting, name), most(during, name)
    return {
        "memory_source": "processes" if own else "device",
        "memory_startup_peak_bytes": startup,
        "memory_steady_peak_bytes": steady,
        "memory_peak_bytes": largest(startup, steady),
    }


def _mean(columns: Columns, name: str, unit: float = 1) -> float | None:
    known = name in columns and len(columns[name])
    return float(columns[name].mean()) / unit if known else None


def _most(columns: Columns, name: str, unit: float) -> float | None:
    value = most(columns, name)
    return None if value is None else value / unit


def _share(columns: Columns, name: str, bits: int = -1) -> float | None:
    """Of the samples, how many have any of these bits (by default: are not zero)."""
    known = name in columns and len(columns[name])
    return float(((columns[name] & bits) != 0).mean()) if known else None


def _reasons(during: Columns) -> tuple[str, ...]:
    """Every reason that held at any sample."""
    seen = int(np.bitwise_or.reduce(during.get("throttle_reasons", np.zeros(0, "i8"))))
    return tuple(name for bit, name in CLOCK_REASONS.items() if seen & bit)


def _power_max_w(during: Columns) -> float | None:
    """The most at any sample, of all GPUs together: they are read one after another."""
    if "power_mw" not in during or not len(during["power_mw"]):
        return None
    gpus = len(np.unique(during["gpu"]))
    rounds = len(during["power_mw"]) // gpus
    return float(during["power_mw"][: rounds * gpus].reshape(rounds, gpus).sum(axis=1).max()) / 1e3


def _energy_j(each: list[Columns], start_ns: int, end_ns: int) -> tuple[float | None, str | None]:
    """The GPUs' own counters where all have one; else power over time."""
    counted = [counted_between(columns, "energy_mj", start_ns, end_ns) for columns in each]
    if None not in counted:
        return sum(counted) / 1e3, "counter"
    energy = _energy_by_power_j(each, start_ns, end_ns)
    return energy, None if energy is None else "power"


def _energy_by_power_j(each: list[Columns], start_ns: int, end_ns: int) -> float | None:
    """The integral of power over the period, straight lines between samples (trapezoidal rule)."""
    if end_ns <= start_ns or any(len(columns.get("power_mw", ())) < 2 for columns in each):
        return None
    return sum(_integral_j(columns, start_ns, end_ns) for columns in each)


def _integral_j(columns: Columns, start_ns: int, end_ns: int) -> float:
    at_ns = columns["at_ns"]
    inside = at_ns[(at_ns > start_ns) & (at_ns < end_ns)]
    # Taken off first: a float holds only 53 bits of a clock in nanoseconds.
    grid = np.concatenate([[start_ns], inside, [end_ns]]) - start_ns
    power_w = np.interp(grid, at_ns - start_ns, columns["power_mw"]) / 1e3
    return float(np.trapezoid(power_w, grid / NS))
