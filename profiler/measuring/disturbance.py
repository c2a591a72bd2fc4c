"""What disturbed a measurement from outside of the service, from plain dicts of HostNoise."""

from __future__ import annotations

from profiler.measuring.findings import Finding
from profiler.units import MIB

#: Shares of the service's cores' time that others may take: the hypervisor, and other programs.
STEAL_LIMIT, OUTSIDE_LIMIT = 0.05, 0.10
#: Memory moved to or from swap on the host: under this it is leftovers, over it memory was short.
SWAP_LIMIT_BYTES = MIB
#: Share of the time that tasks of the host waited for a core, beyond the service's own waiting.
PRESSURE_LIMIT = 0.25


def host_noise(noise: dict) -> tuple[Finding, ...]:
    """What was taken from the service: its cores' time, or memory."""
    steal, outside = noise.get("steal_fraction"), noise.get("outside_busy_fraction")
    found = [
        _taken("host-steal", "the hypervisor took", steal, STEAL_LIMIT),
        _taken("host-busy", "other programs used", outside, OUTSIDE_LIMIT),
        _swapping(noise.get("swapped_bytes")),
    ]
    return tuple(finding for finding in found if finding)


def _taken(code: str, who: str, share: float | None, limit: float) -> Finding | None:
    if share is None or share <= limit:
        return None
    return Finding(
        code,
        f"The host was noisy: {who} {share:.0%} of the service's cores' time, where {limit:.0%} "
        "is the most.",
    )


def _swapping(swapped_bytes: int | None) -> Finding | None:
    if swapped_bytes is None or swapped_bytes <= SWAP_LIMIT_BYTES:
        return None
    return Finding(
        "host-swapping",
        f"The host was short of memory: it moved {swapped_bytes / MIB:.3g} MiB to or from swap, "
        f"where {SWAP_LIMIT_BYTES / MIB:g} MiB is the most.",
    )


def changed_midway(noise: dict) -> Finding | None:
    """Cores, their limits or governor were not the same at the end as at the beginning."""
    changes = noise.get("changed") or []
    if not changes:
        return None
    return Finding(
        "changed-midway", f"The host changed while it was measured: {'; '.join(changes)}."
    )


def host_pressure(noise: dict, own_fraction: float | None) -> Finding | None:
    """Tasks waited for cores all over the host, where the service's own waiting is known."""
    host = noise.get("cpu_pressure_fraction")
    if host is None or own_fraction is None or host - own_fraction <= PRESSURE_LIMIT:
        return None
    return Finding(
        "host-pressure",
        f"Other programs of the host waited for a core {host:.0%} of the time, the service "
        f"{own_fraction:.0%}: more than {PRESSURE_LIMIT:.0%} apart.",
    )
