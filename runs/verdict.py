"""A run's answer in the order a sceptic asks for it: the size, whether it holds, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from profiler.units import GIB
from runs import formatting
from runs.applying import DECLINED, needs_confirmation, why_refused
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.tagged_sizes import tagged
from runs.variants import of_the_advised
from runs.verdict_facts import Fact, facts_of


@dataclass(frozen=True)
class Change:
    """What the model's tags ask for now, and by how much the advice differs."""

    now: str
    direction: str
    percent: str


@dataclass(frozen=True)
class Capacity:
    """What a size was found to take, and how many of it share a peak, as written on the page."""

    rate: str
    replicas: str
    peak: str
    each: str


@dataclass(frozen=True)
class Verdict:
    """Everything the first card of a finished run says."""

    standing: str
    reasons: list[str]
    explanation: str
    size: dict[str, tuple[str, str]]
    capacity: Capacity | None
    cpu_change: Change | None
    memory_change: Change | None
    gpu_change: Change | None
    kept: bool | None
    headline: str
    detail: str
    facts: list[Fact]
    locked: str | None
    needs_confirmation: bool


def decisive(run: ProfileRun, measurements: Sequence[Measurement]) -> Measurement | None:
    """The measurement that a run's charts show first.

    The last at the advised cpu (its verification, where there was one), of a capacity the last at
    that rate; without an advice the last of all.
    """
    measurements = of_the_advised(run, measurements)
    if run.advice and run.advice.get("cpu_millicores"):
        at_size = [
            row for row in measurements if row.cpu_millicores == run.advice["cpu_millicores"]
        ]
        if (rate_rps := run.advice.get("capacity_rps")) is not None:
            at_size = [row for row in at_size if row.data["nominal_rps"] == rate_rps]
        if at_size:
            return at_size[-1]
    return measurements[-1] if measurements else None


def verdict(
    run: ProfileRun, measurements: Sequence[Measurement], models: Sequence[RegisteredModel]
) -> Verdict | None:
    """None when the run gave no advice."""
    advice = run.advice
    if not advice:
        return None
    measurements = of_the_advised(run, measurements)
    behind = decisive(run, measurements)
    cpu_change, memory_change, gpu_change = changes(models, advice)
    return Verdict(
        standing=advice["standing"],
        reasons=list(advice["reasons"]),
        explanation=advice.get("explanation") or "",
        size=_size(advice),
        capacity=_capacity(run),
        cpu_change=cpu_change,
        memory_change=memory_change,
        gpu_change=gpu_change,
        kept=_kept(behind),
        headline=_headline(behind),
        detail=_detail(behind),
        facts=facts_of(run, measurements, models, behind),
        locked=_locked(run),
        needs_confirmation=needs_confirmation(run),
    )


def _locked(run: ProfileRun) -> str | None:
    """Why the size cannot be applied; a declined advice says it on the same card already."""
    if run.advice["standing"] == DECLINED:
        return "The advice was declined, so there is no size to apply."
    return why_refused(run)


def _size(advice: dict) -> dict[str, tuple[str, str]]:
    """Number and unit apart, since the verdict sets them in different sizes."""
    size = {}
    if advice["cpu_millicores"]:
        size["cpu"] = formatting.cpu_parts(advice["cpu_millicores"])
    if advice["memory_bytes"]:
        size["memory"] = (formatting.mebibytes(advice["memory_bytes"]), "MiB")
    if advice.get("gpu_memory_bytes"):
        size["gpu"] = (formatting.mebibytes(advice["gpu_memory_bytes"]), "MiB")
    return size


def _capacity(run: ProfileRun) -> Capacity | None:
    """None for a run that did not ask for it, or did not find it."""
    advice = run.advice
    if advice.get("capacity_rps") is None:
        return None
    asked = advice.get("replicas") is not None and run.peak_rps is not None
    return Capacity(
        rate=formatting.rate(advice["capacity_rps"]),
        replicas=formatting.count(advice["replicas"]) if asked else "",
        peak=formatting.rate(run.peak_rps) if asked else "",
        each=formatting.rate(advice["rps_per_replica"]) if asked else "",
    )


def changes(models: Sequence[RegisteredModel], size: dict) -> list[Change | None]:
    """How a size's cpu, memory and GPU memory differ from what the models' tags ask for."""
    parts = (
        ("requestedCpu", 1000, "cpu_millicores", formatting.cpu),
        ("requestedMemoryInGb", GIB, "memory_bytes", formatting.memory),
        ("requestedGpuMemoryInGb", GIB, "gpu_memory_bytes", formatting.memory),
    )
    return [
        _change(tagged(models, tag), unit, size.get(key), write) for tag, unit, key, write in parts
    ]


def _change(
    tag: float | None, unit: int, advised: int | None, write: Callable[[float], str]
) -> Change | None:
    """Against the tag, when there is one and it says something else."""
    if tag is None or not advised or round(tag * unit) == advised:
        return None
    now = tag * unit
    share = abs(advised - now) / now
    return Change(write(now), "less" if advised < now else "more", formatting.percent(share))


def _kept(row: Measurement | None) -> bool | None:
    """Whether the objective was kept; None when nobody knows."""
    if row is None or not row.valid or row.outcome == "undecided":
        return None
    return row.outcome == "passed"


def objective_words(bound: dict) -> str:
    """p99 ≤ 50 ms, and the throughput where it is asked for."""
    parts = []
    if bound.get("latency_ms") is not None:
        name = formatting.percentile_name(bound["percentile"])
        parts.append(f"{name} ≤ {formatting.bound(bound['latency_ms'])} ms")
    if bound.get("min_throughput_rps") is not None:
        parts.append(f"at least {formatting.rate(bound['min_throughput_rps'])} requests/s")
    return ", ".join(parts)


def load_words(data: dict) -> str:
    """200 requests/s, or 4 at a time."""
    if data.get("nominal_rps") is not None:
        return f"{formatting.rate(data['nominal_rps'])} requests/s"
    if data.get("concurrency"):
        return "one request at a time" if data["concurrency"] == 1 else (
            f"{data['concurrency']} requests at a time"
        )  # fmt: skip
    return "its load"


def _headline(row: Measurement | None) -> str:
    if row is None:
        return "Nothing was measured"
    words = {True: "Keeps", False: "Fails", None: "Not decided:"}[_kept(row)]
    objective = objective_words(row.data.get("bound") or {})
    return f"{words} {objective}" if objective else f"{words} the objective"


def _detail(row: Measurement | None) -> str:
    if row is None:
        return ""
    data = row.data
    parts = []
    if data["latency_at_percentile_ms"] is not None:
        name = formatting.percentile_name(data["bound"]["percentile"])
        measured = f"{name} {formatting.latency(data['latency_at_percentile_ms'])}"
        high = data["latency_at_percentile_interval_ms"][1]
        parts.append(measured + (f", at most {formatting.latency(high)}" if high else ""))
    requests = formatting.count(data["requests"])
    if data["bound"]["latency_ms"] is not None:
        over = formatting.count(data["over_bound"])
        decided = formatting.count(data["decided_at_requests"] or data["requests"])
        parts.append(f"{over} of {decided} requests over the bound, {load_words(data)}")
    else:
        parts.append(f"{requests} requests, {load_words(data)}")
    return ". ".join(parts) + "."
