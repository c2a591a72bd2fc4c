"""What the samples of its GPUs say about a measurement: were they its own, and were they held back.

Rules, thresholds and why are in docs/validity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiler.measuring.findings import Finding

if TYPE_CHECKING:
    from profiler.measuring.gpu import GpuUse

#: Shares of the samples: with others' processes, and with clocks held down by heat or power.
SHARED_LIMIT, THROTTLED_LIMIT = 0.05, 0.05


def gpu_noise(gpu: GpuUse | None) -> tuple[Finding, ...]:
    """Other programs that computed on the service's GPUs."""
    share = gpu and gpu.other_processes_fraction
    if share is None or share <= SHARED_LIMIT:
        return ()
    return (
        Finding(
            "gpu-shared",
            f"The GPU was shared: up to {gpu.other_processes_max} processes that are not the "
            f"service's were on it in {share:.0%} of the samples, where {SHARED_LIMIT:.0%} is the "
            "most.",
        ),
    )


def gpu_warnings(gpu: GpuUse | None) -> tuple[Finding, ...]:
    """What a reader of the GPU's numbers should know."""
    if gpu is None:
        return ()
    found = []
    if (gpu.throttled_fraction or 0.0) > THROTTLED_LIMIT:
        found.append(
            Finding(
                "gpu-throttled",
                f"Heat or power held the GPU's clocks down in {gpu.throttled_fraction:.0%} of the "
                f"samples ({', '.join(gpu.throttle_reasons)}): it may be faster when cool.",
            )
        )
    if gpu.memory_source == "device":
        found.append(
            Finding(
                "gpu-processes-unseen",
                "No process of the service was seen on the GPU: its memory is told as all that "
                "was in use there.",
            )
        )
    return tuple(found)
