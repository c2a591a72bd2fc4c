"""The lines of evidence under a verdict: what limits it, the proof, memory, work, GPUs, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING
from profiler.units import GIB
from runs import formatting
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.run_costs import cost_words
from runs.tagged_sizes import tagged


@dataclass(frozen=True)
class Fact:
    """A line of evidence: what it is about, what was found, and the numbers behind it."""

    label: str
    text: str
    detail: str = ""


def facts_of(
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
    row = _unkept_below(advised, measurements)
    if row is None:
        return Fact("Limited by", "Nothing that was tried", "no smaller size was measured to fail")
    if not row.valid:
        where = "its verification" if row.phase == VERIFYING else "the search"
        text = f"{formatting.cpu(row.cpu_millicores)} could not be judged in {where}"
        return Fact("Limited by", text, " ".join(row.data["validity"]["reasons"]))
    data = row.data
    found = []
    if data["throttled_fraction"]:
        found.append(f"{formatting.percent(data['throttled_fraction'])} of periods are throttled")
    if data["latency_at_percentile_ms"] is not None:
        name = formatting.percentile_name(data["bound"]["percentile"])
        found.append(f"{name} is {formatting.latency(data['latency_at_percentile_ms'])}")
    text = f"CPU. At {formatting.cpu(row.cpu_millicores)}, {' and '.join(found) or 'it fails'}"
    return Fact("Limited by", text, "; ".join(data["outcome_reasons"]))


def _unkept_below(advised: int, measurements: Sequence[Measurement]) -> Measurement | None:
    """By which the largest size below the advised one that was given up was given up."""
    by_size: dict[int, list[Measurement]] = {}
    for row in measurements:
        if row.cpu_millicores < advised:
            by_size.setdefault(row.cpu_millicores, []).append(row)
    for _, rows in sorted(by_size.items(), reverse=True):
        if not _is_kept(rows[-1]):
            telling = [row for row in rows if row.valid and not _is_kept(row)]
            return telling[-1] if telling else rows[-1]
    return None


def _is_kept(row: Measurement) -> bool:
    return row.valid and row.outcome == "passed"


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
    pressure = facts.get("pressure") or {}
    held = pressure.get("held_bytes")
    if held and run.advice["memory_bytes"] == facts["needed_bytes"]:
        what = (
            "cannot be dropped or is mapped" if pressure.get("with_mapped") else "cannot be dropped"
        )
        decides, decisive = f"What {what} decides: at most", held
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
