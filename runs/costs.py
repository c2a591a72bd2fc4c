"""What a size costs: by the hour, and for every 1,000 requests that it answers."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.units import GIB

#: Hours that 1,000 requests take at one a second.
HOURS_PER_1000_AT_1_RPS = 1000 / 3600


@dataclass(frozen=True)
class Prices:
    """Prices of an hour: of a core, of a GiB (2^30 bytes) of memory, of a GPU (None: unknown)."""

    core_hour: float
    gib_hour: float
    gpu_hour: float | None
    currency: str

    def cost_per_hour(
        self, cpu_millicores: int | None, memory_bytes: int | None, gpus: int = 0
    ) -> float | None:
        """Of keeping a service of this size for an hour; None where a part or its price is unknown.

        What is paid for is the size, whether or not the service uses it.
        """
        if not cpu_millicores or not memory_bytes or (gpus and self.gpu_hour is None):
            return None
        for_gpus = gpus * self.gpu_hour if gpus else 0.0
        return (
            cpu_millicores / 1000 * self.core_hour
            + memory_bytes / GIB * self.gib_hour
            + for_gpus
        )  # fmt: skip

    def cost_per_1000(
        self,
        cpu_millicores: int | None,
        memory_bytes: int | None,
        rps: float | None,
        gpus: int = 0,
    ) -> float | None:
        """Of 1,000 requests at `rps`, the requests a second that it answers at this size."""
        per_hour = self.cost_per_hour(cpu_millicores, memory_bytes, gpus)
        if per_hour is None or not rps:
            return None
        return per_hour * HOURS_PER_1000_AT_1_RPS / rps
