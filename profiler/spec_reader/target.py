"""The `target` of a spec: where it runs, within what the host has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.spec import Target
from profiler.spec_fields import Table, shown

KEYS = (
    "kind",
    "name",
    "max_cpu_millicores",
    "max_memory_bytes",
    "service_cores",
    "driver_cores",
    "gpus",
)
KINDS = ("docker", "process")

#: The smallest size: a tenth of a core.
CPU_MILLICORES_MIN = 100
MEMORY_BYTES_MIN = 16 << 20


@dataclass(frozen=True)
class Capacity:
    """What a host has for services. `memory_bytes` is already only the part they may use."""

    service_cores: tuple[int, ...]
    driver_cores: tuple[int, ...]
    memory_bytes: int
    gpus: tuple[int, ...] = ()


def read_target(root: Table, capacity: Capacity) -> Target | None:
    """The target; what it leaves open is all that the host has."""
    table = root.table("target", KEYS, missing='write {"kind": "docker"}')
    if table is None:
        return None
    kind = table.choice("kind", KINDS, missing='write "docker" or "process"')
    service_cores, driver_cores = _read_cores(table, capacity)
    whole = 1000 * len(service_cores)
    return Target(
        kind=kind,
        service_cores=service_cores,
        driver_cores=driver_cores,
        max_cpu_millicores=table.integer(
            "max_cpu_millicores", CPU_MILLICORES_MIN, whole, whole, high_is="1000 a service core"
        ),
        max_memory_bytes=table.integer(
            "max_memory_bytes",
            MEMORY_BYTES_MIN,
            capacity.memory_bytes,
            capacity.memory_bytes,
            high_is="what this host has for services",
        ),
        gpus=_numbers(table, "gpus", capacity.gpus, capacity.gpus, "GPUs"),
        name=table.text("name", ""),
    )


def _read_cores(table: Table, capacity: Capacity) -> tuple[tuple[int, ...], tuple[int, ...]]:
    host = tuple(sorted({*capacity.service_cores, *capacity.driver_cores}))
    service = _numbers(table, "service_cores", host, (), "cores") or _without(
        capacity.service_cores, table.raw("driver_cores")
    )
    driver = _numbers(table, "driver_cores", host, (), "cores") or _without(
        capacity.driver_cores if not table.has("service_cores") else host, service
    )
    if table.has("driver_cores") and len(host) > 1 and set(service) & set(driver):
        table.add(
            "driver_cores",
            f"shares cores with service_cores ({shown(list(service))}); give it others, or leave it"
            " for one to be chosen",
        )
    return service, driver


def _without(cores: Sequence[int], taken: object) -> tuple[int, ...]:
    """`cores` less those taken; all of them when nothing would be left (a single core)."""
    taken = taken if isinstance(taken, list | tuple) else ()
    return tuple(core for core in cores if core not in taken) or tuple(cores)


def _numbers(
    table: Table, key: str, known: tuple[int, ...], default: tuple[int, ...], noun: str
) -> tuple[int, ...]:
    """A list of different numbers out of `known`."""
    if not table.has(key):
        return default
    numbers = table.rows(key)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or number not in known:
            has = ", ".join(map(str, known)) or "none"
            table.add(key, f"{shown(number)} is not one of this host's {noun} ({has})")
            return default
    if len(set(numbers)) < len(numbers):
        table.add(key, "names one twice; remove it")
    return tuple(sorted(set(numbers)))
