"""What makes measurements unlike: their circumstances, loads and sizes, before their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from profiler.units import MIB

#: A content hash is told by its first characters.
_HASH, SHORT_HASH = re.compile("[0-9a-f]{64}"), 12


@dataclass(frozen=True)
class Measured:
    """A measurement as plain data (Measurement.to_json()) with the circumstances of its run."""

    name: str
    measurement: dict
    circumstances: dict

    @cached_property
    def whole_windows(self) -> list[dict]:
        """The windows that count: not void, and as long as the longest."""
        windows = [window for window in self.measurement.get("windows", ()) if window["valid"]]
        longest = max((window["end_s"] - window["start_s"] for window in windows), default=0.0)
        return [w for w in windows if w["end_s"] - w["start_s"] > 0.99 * longest]


@dataclass(frozen=True)
class Unlike:
    """Something that is not the same on both sides. `spoils`: numbers so taken are not judged."""

    what: str
    base: str
    new: str
    spoils: bool

    def to_json(self) -> dict:
        return asdict(self)


def _circumstance(*keys: str) -> Callable[[Measured], object]:
    def read(side: Measured) -> object:
        value: object = side.circumstances
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return read


def _measured(key: str) -> Callable[[Measured], object]:
    return lambda side: side.measurement.get(key)


def _memory_mib(side: Measured) -> object:
    size = side.measurement.get("memory_bytes")
    return None if size is None else f"{size / MIB:.6g}"


def _percentile(side: Measured) -> object:
    return (side.measurement.get("bound") or {}).get("percentile")


def _service_core_count(side: Measured) -> object:
    cores = side.circumstances.get("service_cores")
    return None if cores is None else len(cores)


#: What is looked at, in the order told: its name, how to read it, and whether it spoils a verdict.
LOOKED_AT: tuple[tuple[str, Callable[[Measured], object], bool], ...] = (
    ("CPU model", _circumstance("cpu_model"), True),
    ("CPU size, millicores", _measured("cpu_millicores"), True),
    ("load, requests/s", _measured("nominal_rps"), True),
    ("load, concurrency", _measured("concurrency"), True),
    ("load", _circumstance("load"), True),
    ("dataset", _circumstance("dataset", "sha256"), True),
    ("kind of target", _circumstance("kind"), True),
    ("cores of the service", _service_core_count, True),
    ("objective's percentile", _percentile, True),
    ("host", _circumstance("host"), False),
    ("kernel", _circumstance("kernel"), False),
    ("memory size, MiB", _memory_mib, False),
    ("models", _circumstance("models"), False),
    ("code", _circumstance("code"), False),
    ("image", _circumstance("image_id"), False),
    ("environment", _circumstance("environment"), False),
    ("Docker version", _circumstance("docker_version"), False),
    ("cgroup version", _circumstance("cgroup_version"), False),
    ("engine version", _circumstance("engine_version"), False),
)


def unlike(base: Sequence[Measured], new: Sequence[Measured]) -> tuple[Unlike, ...]:
    """Every circumstance that differs between the sides; what one side does not know is skipped."""
    found = []
    for what, read, spoils in LOOKED_AT:
        values = [_values(side, read) for side in (base, new)]
        if all(values) and values[0] != values[1]:
            found.append(Unlike(what, _text(values[0]), _text(values[1]), spoils))
    return tuple(found)


def _values(side: Sequence[Measured], read: Callable[[Measured], object]) -> list[str]:
    known = (read(measured) for measured in side)
    return sorted({_plain(value) for value in known if value is not None})


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(value[key])}" for key in sorted(value)) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value).removeprefix("sha256:")
    return text[:SHORT_HASH] if _HASH.fullmatch(text) else text


def _text(values: list[str]) -> str:
    return " / ".join(values)
