"""How far a run is: its phases, its place in the queue, what its answer will about be."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.events import PHASES
from profiler.sizing.evidence import REFERENCE
from runs import formatting
from runs.models import ProfileRun
from runs.models.run_queryset import CANCEL_PATIENCE
from runs.run_duration import Part, expected_of, left_of, waiting


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


def left(run: ProfileRun) -> Part | None:
    """How much longer a live run takes, from what is known of others; None once it stops."""
    if run.is_finished or run.is_cancelling:
        return None
    if run.state == ProfileRun.State.RUNNING:
        return left_of(run, expected_of([run])[run])
    ahead = list(ProfileRun.objects.ahead_of(run).for_waiting())
    return waiting(run, expected_of(ahead)) if ahead else None


def estimate_words(run: ProfileRun) -> str:
    """What a live run's answer will about be; nothing once there is the answer."""
    found = run.estimate
    if not found or run.is_finished:
        return ""
    after = "the first measurement" if found["phase"] == REFERENCE else "the warm-up"
    return (
        f"Estimate, until it is measured: {_about(found)}, by a replay of "
        f"{formatting.count(found['requests'])} requests of {after}. Often a step off."
    )


def _about(estimate: dict) -> str:
    """A rate or a size, and where a replay keeps the objective at none, that."""
    if "rate_rps" in estimate:
        rate_rps = estimate["rate_rps"]
        return (
            f"about {formatting.rate(rate_rps)} requests/s"
            if rate_rps
            else "no rate keeps the objective"
        )
    cpu_millicores = estimate["cpu_millicores"]
    if not cpu_millicores:
        return "no size up to the largest keeps the objective"
    return f"about {formatting.cpu(cpu_millicores)} of CPU"


def live_context(run: ProfileRun) -> dict:
    """What runs/_live.html needs; `seen` changes when a measurement begins or ends."""
    ordinal = (run.current or {}).get("ordinal")
    return {
        "run": run,
        "steps": steps(run),
        "queue_words": queue_words(run),
        "left": left(run),
        "cancel_patience_s": CANCEL_PATIENCE.total_seconds(),
        "estimate": estimate_words(run),
        "seen": f"{run.state}-{run.measurements.count()}-{ordinal}",
    }
