"""What the benchmarks keep of a run's RESULT, and what other rules would have said of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING
from profiler.units import MIB

#: The phases of a run that look for the size, and those that every run of a ready image has.
SEARCH = ("measuring", "sizing")
WARM = ("starting", "checking", "warming", "measuring", "sizing", "verifying")


def facts_of(result: Mapping) -> dict:
    """Everything that is judged later, of one RESULT document."""
    advice = result["advice"] or {}
    measurements = result["measurements"]
    return {
        "started_at": result["circumstances"].get("started_at"),
        "engine_version": result["circumstances"].get("engine_version"),
        "state": result["state"],
        "error": result["error"] and result["error"]["message"],
        "standing": advice.get("standing"),
        "reasons": advice.get("reasons"),
        "cpu_millicores": advice.get("cpu_millicores"),
        "memory_bytes": advice.get("memory_bytes"),
        "estimate_millicores": (result["estimate"] or {}).get("cpu_millicores"),
        "phases_s": _seconds(result["phases"]),
        "search_requests": sum(_sent(m) for m in measurements if _is_of_search(m)),
        "requests": sum(map(_sent, measurements)),
        "reference": _reference(measurements),
        "latency_model": result["latency_model"],
        "diagnoses": [
            {name: found[name] for name in ("code", "gain", "fix", "saving", "remeasured")}
            for found in result["diagnoses"]
        ],
        "measurements": [
            {
                "phase": m["phase"],
                "cpu_millicores": m["cpu_millicores"],
                "outcome": m["outcome"],
                "valid": m["validity"]["valid"],
                "requests": m["requests"],
                "p95_ms": m["latency_ms"]["p95"],
                "cpu_seconds_per_request": m["cpu_seconds_per_request"],
            }
            for m in measurements
        ],
    }


def _is_of_search(measurement: Mapping) -> bool:
    """Whether it looked for the size of the config as it was given, not of a fix for it."""
    return measurement["phase"] in (REFERENCE, SIZING) and not measurement["variant"]


def _seconds(phases: list[dict]) -> dict[str, float]:
    found: dict[str, float] = {}
    for phase in phases:
        found[phase["phase"]] = round(found.get(phase["phase"], 0.0) + phase["seconds"], 3)
    return found


def _sent(measurement: Mapping) -> int:
    """Requests sent for a measurement, those before the measured period too.

    Of a service's first measurement also those of its warm-up: a reference, or a verification.
    """
    sent = (measurement["driver"] or {}).get("sent", 0)
    fresh = measurement["phase"] in (REFERENCE, VERIFYING)
    return sent + ((measurement["warmup"] or {}).get("requests", 0) if fresh else 0)


def _reference(measurements: list[dict]) -> dict | None:
    """Use at the largest size: what rules that read a history of use have to go by."""
    believed = [m for m in measurements if m["phase"] == REFERENCE and m["validity"]["valid"]]
    if not believed:
        return None
    last = believed[-1]
    return {
        "p50_ms": last["latency_ms"]["p50"],
        "cpu_windows_millicores": [
            round(window["cpu_millicores_used"], 1)
            for window in last["windows"]
            if window["cpu_millicores_used"] is not None
        ],
        "cpu_used_max_millicores": last["cpu_millicores_used_max"],
        # As those rules read it: what is mapped is in use, and not in the working set.
        "memory_peak_bytes": last["memory_working_set_peak_bytes"],
    }


# ---- other rules ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """A rule of another tool: from use at the largest size to a size."""

    name: str
    cpu: Callable[[dict], float]
    memory: Callable[[dict], float]


#: Each tool's own least sizes, in millicores and bytes: of the Vertical Pod Autoscaler, and of KRR
#: (its settings cpu_min_value and memory_min_value).
VPA_FLOORS = (25, 250_000_000)
KRR_FLOORS = (10, 100_000_000)

RULES = (
    Rule(
        "VPA: p90 of use x 1.15",
        lambda use: max(_percentile(use, 90) * 1.15, VPA_FLOORS[0]),
        lambda use: max(use["memory_peak_bytes"] * 1.15, VPA_FLOORS[1]),
    ),
    Rule(
        "KRR: p95 of cpu, most memory x 1.15",
        lambda use: max(_percentile(use, 95), KRR_FLOORS[0]),
        lambda use: max(use["memory_peak_bytes"] * 1.15, KRR_FLOORS[1]),
    ),
    Rule(
        "most used (Azure ML v1)",
        lambda use: use["cpu_used_max_millicores"],
        lambda use: use["memory_peak_bytes"],
    ),
)


def _percentile(use: dict, percent: float) -> float:
    """Nearest-rank, of the use in windows of a second."""
    return float(np.percentile(use["cpu_windows_millicores"], percent, method="inverted_cdf"))


@dataclass(frozen=True)
class Judged:
    """A size against the truth. `slack` is what of it was not needed, as a share of what was;
    None where the objective breaks, or the service dies.
    """

    breaks: bool
    slack: float | None


def judged_cpu(millicores: float, once: int, always: int, grid: tuple[int, ...]) -> Judged:
    """In the size's favour: it counts as the next size of the grid, and as broken only where that
    one passed in no repetition.
    """
    on_grid = next((point for point in grid if point >= millicores - 1e-9), grid[-1])
    breaks = on_grid < once
    return Judged(breaks, None if breaks else max(millicores / always - 1, 0.0))


def judged_memory(size_bytes: float, least_bytes: int) -> Judged:
    """`least_bytes` is the smallest limit that survived."""
    breaks = size_bytes < least_bytes
    return Judged(breaks, None if breaks else size_bytes / least_bytes - 1)


def memory_allowance_bytes(least_bytes: int, margin: float) -> int:
    """How far above the smallest limit that survives an advice may lie: its margin and a step."""
    return math.ceil(least_bytes * margin) + 16 * MIB
