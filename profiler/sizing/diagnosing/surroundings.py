"""What surrounds a service: the driver, its rows, swap and neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.sizing.diagnosing.case import Case, findings
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.explanation import cpu_text, memory_text

#: A class that takes this share of the cpu, and this many times its share of the requests.
CLASS_CPU_SHARE, CLASS_FACTOR = 0.5, 1.5
#: From this share of a core on the driver takes something from a service on the same core.
DRIVER_SHARE = 0.05
NEIGHBOURS = ("host-steal", "host-busy", "host-pressure")


def causes(case: Case) -> Iterator[Diagnosis]:
    found = (_driver(case), _one_class(case), _swapping(case), _neighbour(case))
    return (diagnosis for diagnosis in found if diagnosis)


def _driver(case: Case) -> Diagnosis | None:
    """Driver and service on the same core: what one uses the other has to wait for."""
    target = case.spec.target
    shared = sorted(set(target.driver_cores) & set(target.service_cores))
    busy = max((m.driver.get("busy_fraction") or 0.0 for m in case.measurements), default=0.0)
    if not shared or busy < DRIVER_SHARE:
        return None
    return Diagnosis(
        "driver-shares-core",
        f"The driver had to share core {', '.join(map(str, shared))} with the service and used up "
        f"to {busy:.0%} of it: the service would be faster without, so sizes are on the safe side.",
        {"driver_busy_fraction": busy, "cores": shared},
    )


def _one_class(case: Case) -> Diagnosis | None:
    """One class of rows that takes most of the cpu, and more than its share."""
    payload = case.reference.payload
    for one in payload.classes if payload else ():
        share = one.cpu_share.value if one.cpu_share else None
        if share is None or share < CLASS_CPU_SHARE or share < CLASS_FACTOR * one.request_share:
            continue
        return Diagnosis(
            "one-class-takes-cpu",
            f"Rows of {one.name} take {share:.0%} of the cpu with {one.request_share:.0%} of the "
            "requests: the size is theirs.",
            {"class": one.name, "cpu_share": share, "request_share": one.request_share},
        )
    return None


def _swapping(case: Case) -> Diagnosis | None:
    """The service's own memory in swap, or the host's."""
    own = case.most("swap_peak_bytes") or 0
    host = max((m.noise.get("swapped_bytes") or 0 for m in case.measurements), default=0)
    on_host = case.disturbed(("host-swapping",))
    if not own and not on_host:
        return None
    whose = f"Up to {memory_text(own)} of the service's memory" if own else memory_text(host)
    return Diagnosis(
        "swapping",
        f"{whose} went to swap" + ("" if own else " and back on the host") + ".",
        {"swap_peak_bytes": own, "host_swapped_bytes": host},
    )


def _neighbour(case: Case) -> Diagnosis | None:
    """Others on the service's cores, by what the measurements say of the host's noise."""
    disturbed = case.disturbed(NEIGHBOURS)
    if not disturbed:
        return None
    worst = max(
        disturbed,
        key=lambda m: (
            (m.noise.get("outside_busy_fraction") or 0) + (m.noise.get("steal_fraction") or 0)
        ),
    )
    told = next(one.text for one in findings(worst) if one.code in NEIGHBOURS)
    return Diagnosis(
        "noisy-neighbour",
        f"{len(disturbed)} of {len(case.measurements)} measurements were disturbed by others on "
        f"the host, the worst at {cpu_text(worst.cpu_millicores)}: {told}",
        {
            "disturbed": len(disturbed),
            "measurements": len(case.measurements),
            "outside_busy_fraction": worst.noise.get("outside_busy_fraction"),
            "steal_fraction": worst.noise.get("steal_fraction"),
        },
    )
