"""A size in the vocabulary of deployments: the tags that applying it writes."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from profiler.units import GIB

#: How well a size is known that was applied.
STANDING_TAG = "profile.standing"
#: Only of a size that somebody chose among the measured ones: the measurement's number in its run.
MEASUREMENT_TAG = "profile.measurement"
#: Only of a size of which somebody asked what rate it takes.
CAPACITY_TAG = "profile.capacityRps"
GPU_TAGS = ("requestedGpu", "requestedGpuMemoryInGb")
#: What deployment reads.
SIZE_TAGS = ("requestedCpu", "requestedMemoryInGb", *GPU_TAGS)
#: Which not every size has: one that has none takes away what an earlier one wrote.
SOMETIMES = (*GPU_TAGS, MEASUREMENT_TAG, CAPACITY_TAG)


def requested_cpu(cpu_millicores: int) -> str:
    """Cores as a decimal without trailing zeros: 300 -> "0.3", 1000 -> "1"."""
    return _decimal(Decimal(cpu_millicores) / 1000)


def requested_memory_in_gb(memory_bytes: int) -> str:
    """Units of 2^30 bytes, rounded up to five decimals: 160 MiB -> "0.15625"."""
    units = Decimal(memory_bytes) / GIB
    return _decimal(units.quantize(Decimal("0.00001"), rounding=ROUND_CEILING))


def rounded_sizes(
    cpu_millicores: int, memory_bytes: int, gpus: int = 0, gpu_memory_bytes: int | None = None
) -> dict[str, str]:
    """The tags that a deployment reads: two, and where it has GPUs their number and memory each."""
    sizes = {
        "requestedCpu": requested_cpu(cpu_millicores),
        "requestedMemoryInGb": requested_memory_in_gb(memory_bytes),
    }
    if gpus:
        sizes["requestedGpu"] = str(gpus)
    if gpus and gpu_memory_bytes is not None:
        sizes["requestedGpuMemoryInGb"] = requested_memory_in_gb(gpu_memory_bytes)
    return sizes


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tags(
    *,
    cpu_millicores: int,
    memory_bytes: int,
    run: str,
    standing: str,
    objective: str,
    image: str,
    dataset: str,
    date: str,
    by: str,
    gpus: int = 0,
    gpu_memory_bytes: int | None = None,
    measurement: int | None = None,
    capacity_rps: float | None = None,
) -> dict[str, str]:
    """The tags that applying a size writes to a model. `date` is UTC ISO 8601.

    `capacity_rps` is the highest rate that the size was found to take, where that was asked.
    """
    chosen = {} if measurement is None else {MEASUREMENT_TAG: str(measurement)}
    capacity = {} if capacity_rps is None else {CAPACITY_TAG: f"{capacity_rps:g}"}
    return {
        **rounded_sizes(cpu_millicores, memory_bytes, gpus, gpu_memory_bytes),
        "profile.run": run,
        STANDING_TAG: standing,
        "profile.objective": objective,
        "profile.image": image,
        "profile.dataset": dataset,
        "profile.date": date,
        "profile.by": by,
        **chosen,
        **capacity,
    }
