"""What a run's page shows, gathered from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler import errors
from profiler.events import PHASES
from profiler.raw.formats import can_write_parquet
from profiler.sizing.evidence import REFERENCE
from runs import formatting, raw_data
from runs.charts.rates import Rates, one_per_rate
from runs.charts.scene import Scene
from runs.charts.size_points import kinds_shown
from runs.charts.sizes import Curve, one_per_size
from runs.diagnoses import advised_change, mends_of
from runs.driver_facts import driver_facts
from runs.memory_card import memory_card
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.payload_card import payload_card
from runs.policy_facts import policy_facts
from runs.remedies import remedy
from runs.size_table import size_table
from runs.startup_card import startup_card
from runs.tagged_sizes import tagged_sizes
from runs.usage_facts import cpu_pressure, usage_facts
from runs.variants import of_the_advised
from runs.verdict import decisive, objective_words, verdict

#: As much of a log as a page carries; the whole of it is one link away.
LOG_CHUNKS_ON_PAGE = 60


@dataclass(frozen=True)
class Step:
    """A phase in the stepper: done, now or to come; seconds once it began."""

    name: str
    state: str
    seconds: float | None


def steps(run: ProfileRun) -> list[Step]:
    """Phases can come again (a second start for the verification): the current one decides.

    Few runs have a fix to measure: the last phase shows only where it was entered.
    """
    seconds: dict[str, float] = {}
    for entry in run.phase_times or []:
        seconds[entry["phase"]] = seconds.get(entry["phase"], 0.0) + entry["seconds"]
    here = PHASES.index(run.phase) if run.phase in PHASES else -1
    if run.state == ProfileRun.State.SUCCEEDED:
        here = len(PHASES)
    shown = [name for name in PHASES if name != "diagnosing" or name in seconds]
    return [
        Step(name, "done" if place < here else "now" if place == here else "to-come",
             seconds.get(name))
        for place, name in enumerate(shown)
    ]  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A phase's part of the strip over the phases' times, in percent of its width."""

    name: str
    x: float
    width: float


def phase_strip(run: ProfileRun) -> list[Piece]:
    entries = run.phase_times or []
    total_s = sum(entry["seconds"] for entry in entries)
    pieces, at = [], 0.0
    for entry in entries if total_s else []:
        share = entry["seconds"] / total_s * 100
        pieces.append(Piece(entry["phase"], round(at, 2), round(max(share - 0.3, 0.2), 2)))
        at += share
    return pieces


def queue_words(run: ProfileRun) -> str:
    """Where a queued run stands in its target's queue."""
    if run.state != ProfileRun.State.QUEUED:
        return ""
    ahead = ProfileRun.objects.ahead_of(run).count()
    if not ahead:
        return f"Next on {run.target.name}; it begins as soon as a worker there is free."
    runs = "one run is" if ahead == 1 else f"{ahead} runs are"
    return f"{runs.capitalize()} before it on {run.target.name}."


def estimate_words(run: ProfileRun) -> str:
    """What a live run's answer will about be; nothing once there is the answer."""
    found = run.estimate
    if not found or run.is_finished:
        return ""
    about = (
        f"{formatting.rate(found['rate_rps'])} requests/s"
        if "rate_rps" in found
        else f"{formatting.cpu(found['cpu_millicores'])} of CPU"
    )
    after = "the first measurement" if found["phase"] == REFERENCE else "the warm-up"
    return (
        f"Estimate, until it is measured: about {about}, by a replay of "
        f"{formatting.count(found['requests'])} requests of {after}. Often a step off."
    )


def live_context(run: ProfileRun) -> dict:
    """What runs/_live.html needs; `seen` changes when a measurement begins or ends."""
    ordinal = (run.current or {}).get("ordinal")
    return {
        "run": run,
        "steps": steps(run),
        "queue_words": queue_words(run),
        "estimate": estimate_words(run),
        "seen": f"{run.state}-{run.measurements.count()}-{ordinal}",
    }


@dataclass(frozen=True)
class PercentileRow:
    """A line of the percentiles table, in ms as written on the page."""

    name: str
    measured: str
    interval: str
    from_send: str
    bound: str
    kept: bool | None
    #: Why it is only an estimate; empty where it is more.
    estimate: str


def percentile_rows(row: Measurement) -> list[PercentileRow]:
    """Every percentile with its interval, the mean and the maximum; the judged one has a bound."""
    data = row.data
    bound = data["bound"] or {}
    judged = formatting.percentile_name(bound.get("percentile", 0)).replace(".", "")
    rows = []
    for name in ("p50", "p90", "p95", "p99", "p999", "max", "mean"):
        low, high = data["latency_interval_ms"].get(name) or (None, None)
        is_judged = name == judged and bound.get("latency_ms") is not None
        rows.append(
            PercentileRow(
                name="p99.9" if name == "p999" else name,
                measured=formatting.milliseconds(data["latency_ms"][name]),
                interval=formatting.interval_ms(low, high),
                from_send=formatting.milliseconds(data["latency_from_send_ms"][name]),
                bound=formatting.bound(bound["latency_ms"]) if is_judged else "",
                kept=row.outcome == "passed" if is_judged else None,
                estimate=_estimate(data, name),
            )
        )
    return rows


def _estimate(data: dict, name: str) -> str:
    """What a percentile lacks; measurements of earlier versions only name those that lack it."""
    if name not in data["latency_estimates"]:
        return ""
    needed = data.get("latency_needed", {}).get(name)
    if needed is None:
        return "too few requests"
    requests, have = formatting.count(needed["requests"]), formatting.count(needed["have"])
    return f"{requests} requests needed, {have} seen"


#: Circumstances that are shown with a label, in this order; the rest is in the raw record.
CIRCUMSTANCES = {
    "host": "Host",
    "cpu_model": "CPU",
    "cores": "Cores",
    "service_cores": "Service's cores",
    "driver_cores": "Driver's cores",
    "memory_bytes": "Memory",
    "os": "System",
    "kernel": "Kernel",
    "cgroup_version": "cgroup",
    "docker_version": "Docker",
    "image": "Image",
    "image_id": "Image id",
    "environment": "Environment",
    "gpus": "GPUs",
    "nvidia_driver": "NVIDIA driver",
    "python": "Python",
    "limits_enforced": "Limits enforced",
    "egress": "Network outside",
    "load_before": "Load before",
    "engine_version": "Engine",
}
#: As much of a hash as tells it from others.
HASH_CHARACTERS = 19


def circumstance_facts(circumstances: dict) -> list[tuple[str, str]]:
    return [
        (label, _written(name, circumstances[name]))
        for name, label in CIRCUMSTANCES.items()
        if circumstances.get(name) not in (None, "", [], {})
    ]


def _written(name: str, value: object) -> str:
    if name == "memory_bytes":
        return formatting.memory(value)
    if name == "gpus":
        return ", ".join(f"{gpu['name']} ({gpu['index']})" for gpu in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {item:.2f}" if isinstance(item, float) else f"{key} {item}"
            for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)[:HASH_CHARACTERS] if name == "image_id" else str(value)


def curve_of(
    run: ProfileRun, measurements: Sequence[Measurement], models: Sequence[RegisteredModel]
) -> Curve | None:
    """What the sizing curve is drawn from; None before anything was measured."""
    measurements = of_the_advised(run, measurements)
    if not measurements or run.question == ProfileRun.Question.RATE:
        return None
    bound, advice = _last_bound(measurements), run.advice or {}
    standing_for = one_per_size(measurements)
    return Curve(
        measurements=standing_for,
        largest_millicores=max(row.cpu_millicores for row in measurements),
        percentile=bound.get("percentile", 95.0),
        bound_ms=bound.get("latency_ms"),
        advised_millicores=advice.get("cpu_millicores"),
        advised_standing=advice.get("standing", ""),
        others=[row for row in measurements if row not in standing_for],
        tagged=tagged_sizes(models),
        policy=run.followed_policy,
    )


def rates_of(run: ProfileRun, measurements: Sequence[Measurement]) -> Rates | None:
    """What latency against rate is drawn from; None for a run that did not search a rate."""
    if not measurements or run.question != ProfileRun.Question.RATE:
        return None
    bound = _last_bound(measurements)
    return Rates(
        measurements=one_per_rate(measurements),
        percentile=bound.get("percentile", 95.0),
        bound_ms=bound.get("latency_ms"),
        capacity_rps=(run.advice or {}).get("capacity_rps"),
    )


def _last_bound(measurements: Sequence[Measurement]) -> dict:
    """The objective's numbers; a relative one has them only after its reference was measured."""
    known = [row.data["bound"] for row in measurements if row.data["bound"]]
    return next((bound for bound in reversed(known) if bound["latency_ms"]), known[-1] if known
                else {})  # fmt: skip


def curve_finding(curve: Curve) -> str:
    """What the curve says, in words."""
    advised = curve.advised_millicores
    kept = [row for row in curve.measurements if row.outcome == "passed" and row.valid]
    below = [row for row in curve.measurements if advised and row.cpu_millicores < advised]
    if not kept:
        return "no size that was measured keeps the objective"
    if not advised:
        return f"{len(kept)} of {len(curve.measurements)} sizes keep the objective"
    size = formatting.cpu(advised)
    if below and below[-1].outcome != "passed":
        failing = formatting.cpu(below[-1].cpu_millicores)
        what = "does not" if below[-1].outcome == "failed" else "is undecided"
        return f"{size} is the smallest size that keeps the objective; {failing} {what}"
    return f"{size} keeps the objective, and is the smallest size that was measured"


def neighbours(curve: Curve) -> list[Measurement]:
    """The advised size between the sizes measured next to it, for the table beside the curve."""
    sizes = [row.cpu_millicores for row in curve.measurements]
    if curve.advised_millicores not in sizes:
        return []
    place = sizes.index(curve.advised_millicores)
    return list(curve.measurements[max(place - 1, 0) : place + 2])


def scene_of(run: ProfileRun, row: Measurement | None) -> Scene | None:
    """What the time charts show: a measurement, or the one under way."""
    if row is not None:
        bound = row.data["bound"] or {}
        return Scene(
            caption=f"{row.phase} at {_size(row.cpu_millicores, row.memory_bytes)}",
            cpu_millicores=row.cpu_millicores,
            memory_bytes=row.memory_bytes,
            percentile=bound.get("percentile", 95.0),
            bound_ms=bound.get("latency_ms"),
            limits_enforced=row.data["limits_enforced"],
        )
    if not run.current:
        return None
    now = run.current
    return Scene(
        caption=f"{now['phase']} at {_size(now['cpu_millicores'], now['memory_bytes'])}",
        cpu_millicores=now["cpu_millicores"],
        memory_bytes=now["memory_bytes"],
        percentile=run.objective.get("percentile", 95.0),
        bound_ms=run.objective.get("latency_ms"),
        limits_enforced=run.target.kind == "docker",
    )


def _size(cpu_millicores: int, memory_bytes: int) -> str:
    return f"{formatting.cpu(cpu_millicores)}, {formatting.memory(memory_bytes)}"


def gpu_shown(run: ProfileRun, row: Measurement | None) -> dict | None:
    """A measurement's GPU numbers; {} while one is measured of a service that has GPUs, else None.

    Measurements of before GPUs were measured have no such numbers.
    """
    if row is not None:
        return row.data.get("gpu")
    return {} if run.config.gpus else None


def log_tail(run: ProfileRun) -> tuple[str, int]:
    """The end of the run's log, and the index from which more will come."""
    newest = run.log_chunks.order_by("-index").values_list("index", "text")
    chunks = list(newest[:LOG_CHUNKS_ON_PAGE])
    if not chunks:
        return "", 0
    return "".join(text for _, text in reversed(chunks)), chunks[0][0] + 1


def shown_measurement(
    run: ProfileRun, measurements: Sequence[Measurement], wanted: str | None
) -> Measurement | None:
    """The measurement whose charts are shown: the one asked for, else the decisive one.

    None while a run is live: the one under way is shown then, once there is one.
    """
    for row in measurements:
        if wanted and wanted.isdecimal() and row.ordinal == int(wanted):
            return row
    if run.current and not run.is_finished:
        return None
    return decisive(run, measurements)


def _cpu_ms_per_request(row: Measurement | None) -> float | None:
    seconds = row.data["cpu_seconds_per_request"] if row else None
    return None if seconds is None else seconds * 1000


def _code(run: ProfileRun) -> str:
    """What a run's remedy goes by; one that was stopped for its time may bear no code."""
    timed_out = run.state == ProfileRun.State.TIMED_OUT
    return errors.TIMED_OUT if timed_out else run.error_code


def page_context(run: ProfileRun, wanted: str | None) -> dict:
    """Everything runs/run_detail.html needs; `wanted` is the ordinal of a measurement to show."""
    measurements, models = list(run.measurements.all()), list(run.models.all())
    shown = shown_measurement(run, measurements, wanted)
    curve = curve_of(run, measurements, models)
    log, log_next = log_tail(run)
    return {
        **live_context(run),
        "models": models,
        "measurements": measurements,
        "verdict": verdict(run, measurements, models) if run.is_finished else None,
        "curve": curve,
        "curve_finding": curve_finding(curve) if curve else "",
        "rates": rates_of(run, measurements),
        "neighbours": neighbours(curve) if curve else [],
        "curve_kinds": kinds_shown(curve) if curve else [],
        "size_table": size_table(run, curve) if curve else None,
        "shown": shown,
        "objective": objective_words(shown.data["bound"] or {}) if shown else "",
        "scene": scene_of(run, shown),
        "gpu": gpu_shown(run, shown),
        "usage_facts": usage_facts(shown.data) if shown else [],
        "cpu_pressure": cpu_pressure(shown.data) if shown else None,
        "percentiles": percentile_rows(shown) if shown else [],
        "is_open_loop": bool(shown and shown.data["offered_rps"] is not None),
        "cpu_ms_per_request": _cpu_ms_per_request(shown),
        "mends": mends_of(run),
        "advised_change": advised_change(run),
        "payload": payload_card(run, shown),
        "memory_use": memory_card(run),
        "startup": startup_card(run),
        "phase_strip": phase_strip(run),
        "circumstances": circumstance_facts(run.circumstances or {}),
        "policy_facts": policy_facts(run.followed_policy),
        "driver_facts": driver_facts(shown) if shown else [],
        "remedy": remedy(_code(run)),
        "raw": raw_data.kept(run, measurements),
        "raw_dropped": raw_data.dropped_words(run),
        "raw_until": raw_data.kept_until(run),
        "has_parquet": can_write_parquet(),
        "log": log,
        "log_next": log_next,
    }
