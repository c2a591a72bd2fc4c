"""Time from start to ready against cpu: what was measured, a model of it, and when it is slow.

docs/startup.md has the formula. Starting costs cpu, which a quota stretches, and waiting, which it
does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement
from profiler.sizing.evidence import REFERENCE, VERIFYING
from profiler.sizing.explanation import cpu_text

#: A start is slow at a size when it takes this many times what the largest size takes, and this
#: many seconds: below that nobody waits for a replica.
SLOW_FACTOR, SLOW_S = 1.5, 5.0


@dataclass(frozen=True)
class StartPoint:
    """One fresh start: `cpu_seconds` until it was ready; None where that is not known."""

    cpu_millicores: int
    seconds: float
    cpu_seconds: float | None

    def to_json(self) -> dict:
        return {**vars(self), "measured": True}


@dataclass(frozen=True)
class StartModel:
    """`wait_s` whatever the size, and `cpu_s` of work on at most `cores` cores at a time.

    `error_share` is by how much it was off at worst, as a share of what was measured; None where a
    single start was.
    """

    wait_s: float
    cpu_s: float
    cores: float
    error_share: float | None = None

    def seconds(self, cpu_millicores: int) -> float:
        return self.wait_s + self.cpu_s / min(cpu_millicores / 1000, self.cores)


def starts_of(measurements: Sequence[Measurement]) -> list[StartPoint]:
    """Every fresh start that became ready: the reference's, and each of the verification's."""
    points = []
    for m in measurements:
        if m.phase not in (REFERENCE, VERIFYING) or m.startup_s is None:
            continue
        point = StartPoint(m.cpu_millicores, m.startup_s, m.startup_cpu_s)
        if point not in points:  # a measurement that was repeated in the same service
            points.append(point)
    return points


def model_of(points: Sequence[StartPoint]) -> StartModel | None:
    """The model that fits these starts; None where their cpu time is not known."""
    known = [point for point in points if point.cpu_seconds]
    if not known:
        return None
    # One core, unless more were surely used at once.
    cores = max(1.0, *(point.cpu_seconds / point.seconds for point in known))
    waits = [
        point.seconds - point.cpu_seconds / min(point.cpu_millicores / 1000, cores)
        for point in known
    ]
    cpu_s = sum(point.cpu_seconds for point in known) / len(known)
    model = StartModel(max(sum(waits) / len(known), 0.0), cpu_s, cores)
    if len({point.cpu_millicores for point in known}) == 1:
        return model
    errors = [abs(model.seconds(p.cpu_millicores) - p.seconds) / p.seconds for p in known]
    return StartModel(model.wait_s, cpu_s, cores, max(errors))


def is_slow(seconds: float, at_largest_s: float) -> bool:
    return seconds >= SLOW_S and seconds > SLOW_FACTOR * at_largest_s


def halving_size(
    model: StartModel | None, starts: Sequence[StartPoint], points: Sequence[int], here: StartPoint
) -> int | None:
    """The smallest size of the grid that starts in half the time it takes `here`.

    As measured, where it was, else as the model has it. None where none does: the rest is waiting,
    or work that more cores do not share.
    """
    measured = {start.cpu_millicores: start.seconds for start in starts}
    for point in points:
        seconds = measured.get(point) or (model.seconds(point) if model else None)
        if point > here.cpu_millicores and seconds and seconds <= here.seconds / 2:
            return point
    return None


@dataclass(frozen=True)
class StartAdvice:
    """What starting at the advised size is like; `halving_millicores` where it is slow."""

    seconds: float
    at_largest_s: float
    largest_millicores: int
    cpu_millicores: int
    model: StartModel | None
    halving_millicores: int | None

    @property
    def is_slow(self) -> bool:
        return is_slow(self.seconds, self.at_largest_s)


def start_advice(
    measurements: Sequence[Measurement], points: Sequence[int], cpu_millicores: int
) -> StartAdvice | None:
    """Of a size that was started afresh, else as the model has it; None where neither is known."""
    starts = starts_of(measurements)
    if not starts:
        return None
    model, largest = model_of(starts), max(starts, key=lambda start: start.cpu_millicores)
    here = [start.seconds for start in starts if start.cpu_millicores == cpu_millicores]
    if not here and model is None:
        return None
    seconds = max(here) if here else model.seconds(cpu_millicores)
    halving = None
    if is_slow(seconds, largest.seconds):
        here = StartPoint(cpu_millicores, seconds, None)
        halving = halving_size(model, starts, points, here)
    return StartAdvice(
        seconds, largest.seconds, largest.cpu_millicores, cpu_millicores, model, halving
    )


def startup_facts(
    measurements: Sequence[Measurement],
    more_starts: Sequence[StartPoint],
    points: Sequence[int],
    advised_millicores: int | None,
) -> dict | None:
    """RESULT's `startup`; None before anything was started.

    `more_starts` were made after the search, to see whether the size that should halve it does.
    """
    starts = starts_of(measurements)
    if not starts:
        return None
    model = model_of([*starts, *more_starts])
    measured = {start.cpu_millicores for start in (*starts, *more_starts)}
    predicted = [
        {"cpu_millicores": point, "seconds": model.seconds(point), "cpu_seconds": model.cpu_s,
         "measured": False}
        for point in (points if model else ()) if point not in measured
    ]  # fmt: skip
    told = [start.to_json() for start in (*starts, *more_starts)]
    advice = advised_millicores and start_advice(measurements, points, advised_millicores)
    halving = _halving(advice, [*starts, *more_starts]) if advice else None
    warning = _warning(advice, halving) if advice and advice.is_slow else None
    return {
        "points": sorted([*told, *predicted], key=lambda point: point["cpu_millicores"]),
        "model": vars(model) if model else None,
        "advised_millicores": advised_millicores,
        "advised_s": advice.seconds if advice else None,
        "largest_s": starts[0].seconds,
        "warning": warning.to_json() if warning else None,
        "halving": halving,
    }


def _halving(advice: StartAdvice, starts: Sequence[StartPoint]) -> dict | None:
    size = advice.halving_millicores
    if size is None:
        return None
    measured = [start.seconds for start in starts if start.cpu_millicores == size]
    seconds = max(measured) if measured else advice.model.seconds(size)
    return {"cpu_millicores": size, "seconds": seconds, "measured": bool(measured)}


def _warning(advice: StartAdvice, halving: dict | None) -> Finding:
    said = (
        f"Starting takes {advice.seconds:.3g} s at {cpu_text(advice.cpu_millicores)} cpu, "
        f"{advice.seconds / advice.at_largest_s:.2g} times the {advice.at_largest_s:.3g} s at "
        f"{cpu_text(advice.largest_millicores)} cpu"
    )
    if advice.model:
        said += f"; {advice.model.cpu_s:.2g} s of starting is cpu time, which a quota stretches"
    if halving is None:
        return Finding(
            "slow-start-at-size",
            f"{said}. No size that is allowed would halve it.",
            "Give more cpu while it starts where the platform can, or scale ahead of need.",
        )
    how = "took, measured," if halving["measured"] else "would take, as predicted,"
    size = f"{cpu_text(halving['cpu_millicores'])} cpu"
    return Finding(
        "slow-start-at-size", f"{said}. At {size} a start {how} {halving['seconds']:.3g} s."
    )
