"""What is gained and lost by using one size instead of another, as far as it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from profiler.sizing.explanation import memory_text

#: Shares of throttled periods nearer than this are not told apart.
THROTTLING_TOLD_APART = 0.01


@dataclass(frozen=True)
class Option:
    """A size, and the measurement (as in RESULT) that stands for its cpu; None where none does."""

    cpu_millicores: int
    memory_bytes: int | None
    measurement: dict | None


@dataclass(frozen=True)
class Difference:
    """One respect in which two sizes differ. `before` is the other size's value."""

    what: str
    direction: Literal["gained", "lost", "same", "unknown"]
    text: str
    before: float | None = None
    after: float | None = None

    def to_json(self) -> dict:
        return asdict(self)


def differences(new: Option, old: Option) -> list[Difference]:
    """Of using `new` instead of `old`: cpu, memory, and what was measured of either.

    Latency and throughput differ where their 95 % intervals do not overlap; anything nearer is
    called the same. What one of them was not measured for is unknown.
    """
    found = [*_cpu(new, old), *_memory(new, old)]
    if new.cpu_millicores == old.cpu_millicores:
        return found
    return found + _service(new.measurement, old)


def _cpu(new: Option, old: Option) -> Iterator[Difference]:
    yield from _resource("cpu", new.cpu_millicores, old.cpu_millicores, cores_text, "cpu")


def _memory(new: Option, old: Option) -> Iterator[Difference]:
    if new.memory_bytes is not None and old.memory_bytes is not None:
        yield from _resource("memory", new.memory_bytes, old.memory_bytes, memory_text, "memory")


def _resource(what: str, new: int, old: int, write, noun: str) -> Iterator[Difference]:
    if new == old:
        return
    share = f"{abs(new - old) / old * 100:.0f} %"
    if new < old:
        yield Difference(what, "gained", f"saves {write(old - new)} of {noun} ({share})", old, new)
    else:
        yield Difference(what, "lost", f"takes {write(new - old)} more {noun} ({share})", old, new)


def cores_text(millicores: int) -> str:
    """0.2 cores, 1 core."""
    return f"{millicores / 1000:g} core{'' if millicores == 1000 else 's'}"


def _service(new: dict | None, old: Option) -> list[Difference]:
    """What was measured of either; a single unknown where one was not."""
    if new is None or old.measurement is None:
        where = cores_text(old.cpu_millicores)
        text = f"how the service does with {where} was not measured in this run"
        return [Difference("measurement", "unknown", text)]
    before = old.measurement
    found = (
        _objective(new, before), _latency(new, before), _throughput(new, before),
        _throttling(new, before),
    )  # fmt: skip
    return [difference for difference in found if difference]


VERBS = {"passed": "keeps", "failed": "does not keep", "undecided": "is not shown to keep"}


def _objective(new: dict, old: dict) -> Difference | None:
    if new["outcome"] == old["outcome"]:
        return None
    ranks = ("failed", "undecided", "passed")
    better = ranks.index(new["outcome"]) > ranks.index(old["outcome"])
    text = f"{VERBS[new['outcome']]} the objective; the other size {VERBS[old['outcome']]} it"
    return Difference("objective", "gained" if better else "lost", text)


def _latency(new: dict, old: dict) -> Difference | None:
    """At the objective's percentile, with the bound."""
    now, then = new.get("latency_at_percentile_ms"), old.get("latency_at_percentile_ms")
    bound = new.get("bound") or {}
    if now is None or then is None or not bound:
        return None
    here, there = (row["latency_at_percentile_interval_ms"] for row in (new, old))
    name = f"p{bound['percentile']:g}"
    asked = bound.get("latency_ms")
    objective = "" if asked is None else f" (objective {asked:.4g} ms)"
    direction = _direction(here, there, less_is_better=True)
    if direction == "same":
        text = f"{name} {_ms(now, here)} against {_ms(then, there)}: no difference shown{objective}"
    else:
        text = f"{name} {_ms(now, here)} instead of {_ms(then, there)}{objective}"
    return Difference("latency", direction, text, then, now)


def _ms(value: float, interval: list) -> str:
    low, high = interval
    ends = "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"
    return f"{value:.3g} ms{ends}"


def _direction(new: list, old: list, *, less_is_better: bool) -> Literal["gained", "lost", "same"]:
    """By intervals, an open end reaching as far as it can: apart or not told apart."""
    new_low, new_high = _ends(new)
    old_low, old_high = _ends(old)
    if new_high < old_low:
        return "gained" if less_is_better else "lost"
    if new_low > old_high:
        return "lost" if less_is_better else "gained"
    return "same"


def _ends(interval: list) -> tuple[float, float]:
    low, high = interval
    return (float("-inf") if low is None else low, float("inf") if high is None else high)


def _throughput(new: dict, old: dict) -> Difference | None:
    here, there = new.get("throughput_interval_rps"), old.get("throughput_interval_rps")
    now, then = new.get("achieved_rps"), old.get("achieved_rps")
    if not here or not there or now is None or then is None:
        return None
    direction = _direction(
        [here["low"], here["high"]], [there["low"], there["high"]], less_is_better=False
    )
    if direction == "same":
        return None
    text = f"{now:.4g} requests/s instead of {then:.4g}"
    return Difference("throughput", direction, text, then, now)


def _throttling(new: dict, old: dict) -> Difference | None:
    now, then = new.get("throttled_fraction"), old.get("throttled_fraction")
    if now is None or then is None or abs(now - then) < THROTTLING_TOLD_APART:
        return None
    text = f"{now * 100:.0f} % of periods are throttled instead of {then * 100:.0f} %"
    return Difference("throttling", "lost" if now > then else "gained", text, then, now)
