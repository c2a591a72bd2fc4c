"""A run's answer in the order a sceptic asks for it: the size, whether it holds, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from profiler.sizing.evidence import REFERENCE, SIZING
from profiler.units import GIB
from runs import formatting
from runs.applying import DECLINED, needs_confirmation, why_refused
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.run_costs import cost_words
from runs.tagged_sizes import meant_gib, sensible_number
from runs.variants import of_the_advised


@dataclass(frozen=True)
class Fact:
    """A line of evidence: what it is about, what was found, and the numbers behind it."""

    label: str
    text: str
    detail: str = ""


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
        facts=_facts(run, measurements, models, behind),
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


def tagged(models: Sequence[RegisteredModel], key: str) -> float | None:
    """What all the models' tags ask for; None unless they agree on a number.

    Memory as it was meant, before a tag rounded it up.
    """
    said = {model.tags.get(key, "") for model in models}
    value = sensible_number(said.pop()) if len(said) == 1 else None
    return meant_gib(value) if value is not None and key.endswith("InGb") else value


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


# --- Evidence -----------------------------------------------------------------------------------
def _facts(
    run: ProfileRun,
    measurements: Sequence[Measurement],
    models: Sequence[RegisteredModel],
    behind: Measurement | None,
) -> list[Fact]:
    facts = [_limited_by(run, measurements), _verified(run, behind), _memory(run, measurements)]
    if behind is not None:
        facts += [_work(behind), _gpu(behind)]
    facts.append(_cost(run, measurements, models, behind))
    return [fact for fact in facts if fact is not None]


def _limited_by(run: ProfileRun, measurements: Sequence[Measurement]) -> Fact | None:
    """What happened at the next smaller size, or at the next higher rate."""
    advised = run.advice["cpu_millicores"]
    if not advised:
        return None
    if run.advice.get("capacity_rps") is not None:
        return _rate_limited_by(run.advice["capacity_rps"], measurements)
    smaller = [
        row
        for row in measurements
        if row.cpu_millicores < advised and row.valid and row.outcome != "passed"
    ]
    if not smaller:
        return Fact("Limited by", "Nothing that was tried", "no smaller size was measured to fail")
    row = max(smaller, key=lambda candidate: candidate.cpu_millicores)
    data = row.data
    found = []
    if data["throttled_fraction"]:
        found.append(f"{formatting.percent(data['throttled_fraction'])} of periods are throttled")
    if data["latency_at_percentile_ms"] is not None:
        name = formatting.percentile_name(data["bound"]["percentile"])
        found.append(f"{name} is {formatting.latency(data['latency_at_percentile_ms'])}")
    text = f"CPU. At {formatting.cpu(row.cpu_millicores)}, {' and '.join(found) or 'it fails'}"
    return Fact("Limited by", text, "; ".join(data["outcome_reasons"]))


def _rate_limited_by(rate_rps: float, measurements: Sequence[Measurement]) -> Fact:
    higher = [
        row
        for row in measurements
        if row.valid and row.outcome != "passed" and row.data["nominal_rps"] > rate_rps
    ]
    if not higher:
        return Fact("Limited by", "Nothing that was tried", "no higher rate was measured to fail")
    row = min(higher, key=lambda candidate: candidate.data["nominal_rps"])
    name = formatting.percentile_name(row.data["bound"]["percentile"])
    at = f"At {formatting.rate(row.data['nominal_rps'])} requests/s"
    text = f"{at}, {name} is {formatting.latency(row.data['latency_at_percentile_ms'])}"
    return Fact("Limited by", text, "; ".join(row.data["outcome_reasons"]))


def _verified(run: ProfileRun, row: Measurement | None) -> Fact | None:
    if row is None or not run.advice["cpu_millicores"]:
        return None
    if row.phase != "verifying":
        return Fact("Verified", "Not at this size in a service started for it")
    data = row.data
    where = "container" if data["limits_enforced"] else "process"
    seconds = formatting.duration(data["duration_s"])
    notes = []
    if data["startup_s"] is not None:
        notes.append(f"ready in {formatting.duration(data['startup_s'])}")
    if data["oom_kills"] is not None:
        notes.append(f"{data['oom_kills']} OOM kills" if data["oom_kills"] else "no OOM kill")
    return Fact("Verified", f"Fresh {where} at exactly this size, {seconds}", ", ".join(notes))


def _memory(run: ProfileRun, measurements: Sequence[Measurement]) -> Fact | None:
    """The peaks that the advised memory was worked out from (see profiler.sizing.advice)."""
    kept = [
        row.data
        for row in measurements
        if row.valid and row.outcome == "passed" and row.phase in (REFERENCE, SIZING)
    ]
    startup = _most(kept, "memory_startup_peak_bytes")
    before = [row.data for row in measurements if row.phase == REFERENCE]
    load = [_most(kept, "memory_steady_peak_bytes"), _most(before, "memory_warmup_peak_bytes")]
    facts = (run.result or {}).get("memory") or {}
    load.append((facts.get("counted") or {}).get("load_peak_bytes"))
    under_load = max((value for value in load if value is not None), default=None)
    known = [value for value in (startup, under_load) if value is not None]
    if not known or not run.advice["memory_bytes"]:
        return None
    leak = "memory leaks" if any(data["memory_leaks"] for data in kept) else "no leak"
    if run.advice.get("capacity_rps") is not None:
        limit = formatting.memory(run.advice["memory_bytes"])
        return Fact("Memory", f"Peak {formatting.memory(max(known))} of {limit}", leak)
    decides = f"{'Start-up' if startup == max(known) else 'Load'} decides: peak"
    decisive = max(known)
    held = (facts.get("pressure") or {}).get("held_bytes")
    if held and run.advice["memory_bytes"] == facts["needed_bytes"]:
        decides, decisive = "What cannot be dropped decides: at most", held
    elif run.advice["memory_bytes"] < decisive and facts.get("needed_bytes"):
        decides, decisive = "Lowering the limit decides: needed", facts["needed_bytes"]
    policy = run.followed_policy
    text = (
        f"{decides} {formatting.memory(decisive)} and "
        f"{formatting.percent(policy.memory_margin)}, up to the next "
        f"{formatting.memory(policy.memory_step_bytes)}"
    )
    said = f"under load {formatting.memory(under_load)}, {leak}; policy {policy.name}"
    return Fact("Memory", text, said)


def _most(kept: Sequence[dict], name: str) -> int | None:
    return max((data[name] for data in kept if data.get(name) is not None), default=None)


def _work(row: Measurement) -> Fact | None:
    """What one request costs."""
    data = row.data
    if data["cpu_seconds_per_request"] is None:
        return None
    cost = formatting.latency(data["cpu_seconds_per_request"] * 1000)
    text = f"{cost} of CPU a request, {formatting.rate(data['achieved_rps'])} requests/s"
    used = formatting.cpu(data["cpu_millicores_used"])
    return Fact("Work", text, f"{used} used of {formatting.cpu(row.cpu_millicores)}")


def _gpu(row: Measurement) -> Fact | None:
    """What the service made of its GPUs."""
    gpu = row.data.get("gpu")
    if not gpu:
        return None
    name = gpu["name"] if gpu["count"] == 1 else f"{gpu['count']} GPUs, {gpu['name']}"
    peak = f"peak {formatting.memory(gpu['memory_peak_bytes'])}"
    return Fact(
        "GPU",
        f"{name}: {peak} of {formatting.memory(gpu['memory_total_bytes'])}",
        f"busy {formatting.percent(gpu['utilisation_mean'])} of the time, "
        f"{formatting.power(gpu['power_mean_w'])}, "
        f"{formatting.energy(gpu['energy_joules_per_request'])} a request",
    )


def _cost(
    run: ProfileRun,
    measurements: Sequence[Measurement],
    models: Sequence[RegisteredModel],
    behind: Measurement | None,
) -> Fact | None:
    """What the advised size costs, and what it saves."""
    if not run.advice["cpu_millicores"]:
        return None
    cores, gib = tagged(models, "requestedCpu"), tagged(models, "requestedMemoryInGb")
    asked = (cores and round(cores * 1000), gib and round(gib * GIB))
    largest = next((row for row in measurements if row.phase == REFERENCE), None)
    return Fact("Cost", *cost_words(run, behind, largest, asked))
