"""The start-up part of a run's page: time to ready against cpu, and a warning where it is slow."""

from __future__ import annotations

from dataclasses import dataclass

from runs import documentation, formatting
from runs.models import ProfileRun


@dataclass(frozen=True)
class StartupCard:
    """`warning` is empty where the advised size starts no slower than it has to."""

    finding: str
    points: list[dict]
    advised_millicores: int | None
    model: str
    warning: str
    advice: str
    rule_url: str


def startup_card(run: ProfileRun) -> StartupCard | None:
    """Of the run's result; None for a run that is not finished, or of an earlier version."""
    startup = (run.result or {}).get("startup")
    if not startup:
        return None
    warning = startup["warning"] or {}
    measured = [point for point in startup["points"] if point["measured"]]
    return StartupCard(
        finding=_finding(startup),
        points=measured,
        advised_millicores=startup["advised_millicores"],
        model=_model_words(startup["model"]),
        warning=warning.get("text", ""),
        advice=warning.get("advice", ""),
        rule_url=documentation.address("validity", warning.get("code", "")),
    )


def _finding(startup: dict) -> str:
    seconds, cpu = startup["advised_s"], startup["advised_millicores"]
    if seconds is None:
        return f"ready in {formatting.duration(startup['largest_s'])} at the largest size"
    return (
        f"ready in {formatting.duration(seconds)} at {formatting.cpu(cpu)}, "
        f"{formatting.duration(startup['largest_s'])} at the largest size"
    )


def _model_words(model: dict | None) -> str:
    if model is None:
        return ""
    said = (
        f"Model: {formatting.duration(model['wait_s'])} of waiting and "
        f"{formatting.duration(model['cpu_s'])} of CPU time"
    )
    if model["error_share"] is None:
        return f"{said}, from one size"
    return f"{said}, off by {formatting.percent(model['error_share'])} at most"
