"""The payload part of a run's page: classes of rows, worst rows, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runs import formatting
from runs.models import Measurement, ProfileRun

DASH = "–"  # noqa: RUF001 (an en dash)
#: Why a row is listed: words, the tone of its badge, and whether it is a claim.
STANDINGS = {
    "failing": ("failed", "fail"),
    "slow": ("slow", "warn"),
    "slowest_seen": ("slowest seen", ""),
}


@dataclass(frozen=True)
class Bar:
    """A share with its interval, in percent of a bar's width."""

    value: float
    low: float
    width: float


@dataclass(frozen=True)
class ClassLine:
    """A line of the class table; `latency` is (text, is an estimate, is over the bound) by name."""

    name: str
    data: dict
    cpu_bar: Bar | None
    cpu_interval: str
    cost_ms: str
    cost_interval: str
    error_share: float
    latency: list[tuple[str, bool, bool]]


@dataclass(frozen=True)
class RowLine:
    """A line of the worst rows; `url` leads to its body where a page shows it."""

    data: dict
    url: str
    words: str
    tone: str


@dataclass(frozen=True)
class PayloadCard:
    """`is_quiet`: nothing but one line to say. `has_chart`: bodies differ in size."""

    sentence: str
    classes: list[ClassLine]
    rows: list[RowLine]
    has_chart: bool
    is_quiet: bool
    has_labels: bool
    class_word: str
    cpu_not_told: str
    background: str
    claims: bool
    has_errors: bool


def payload_card(run: ProfileRun, shown: Measurement | None) -> PayloadCard | None:
    """Of the measurement shown; None where it tells nothing of its rows (an older one)."""
    data = shown.data.get("payload") if shown else None
    if not data:
        return None
    bound = shown.data["bound"] or {}
    rows = [_row_line(run, row) for row in data["worst_rows"]]
    classes = [_class_line(one, bound) for one in data["classes"]]
    differ = data["bytes_max"] > data["bytes_min"]
    claims = any(row.tone for row in rows)
    background = data["background_millicores"]
    return PayloadCard(
        sentence=data["sentence"],
        classes=classes if len(classes) > 1 else [],
        rows=rows,
        has_chart=differ,
        is_quiet=not (differ or claims or len(classes) > 1),
        has_labels=any(row["label"] is not None for row in data["worst_rows"]),
        class_word="Label" if data["kind"] == "label" else "Body size",
        cpu_not_told=data["cpu_not_told"],
        background="" if background is None else formatting.cpu(background),
        claims=claims,
        has_errors=any(one["errors"] for one in data["classes"]),
    )


def _class_line(one: dict, bound: dict) -> ClassLine:
    share, cost = one["cpu_share"], one["cpu_seconds_per_request"]
    judged = formatting.percentile_name(bound.get("percentile") or 0)
    most_ms = bound.get("latency_ms")
    levels = {name: one["latency_ms"][name] for name in ("p50", "p95", "p99")}
    return ClassLine(
        name=one["name"],
        data=one,
        cpu_bar=_bar(share) if share else None,
        cpu_interval=_between(share, formatting.percent) if share else "",
        cost_ms=_milliseconds(cost["value"]) if cost else "",
        cost_interval=_between(cost, _milliseconds) if cost else "",
        error_share=one["errors"] / one["requests"] if one["requests"] else 0.0,
        latency=[
            (
                formatting.milliseconds(value),
                value is not None and name in one["latency_estimates"],
                name == judged and most_ms is not None and (value or 0) > most_ms,
            )
            for name, value in levels.items()
        ],
    )


def _milliseconds(seconds: float) -> str:
    return formatting.milliseconds(seconds * 1000)


def _bar(share: dict) -> Bar:
    low, high = share["low"] * 100, share["high"] * 100
    return Bar(round(share["value"] * 100, 2), round(low, 2), round(max(high - low, 0.5), 2))


def _between(estimate: dict, written: Callable[[float], str]) -> str:
    return f"{written(estimate['low']).removesuffix(' %')}{DASH}{written(estimate['high'])}"


def _row_line(run: ProfileRun, row: dict) -> RowLine:
    shown = {entry["number"] for entry in run.dataset.preview}
    address = run.dataset.get_absolute_url()
    words, tone = STANDINGS[row["standing"]]
    return RowLine(row, f"{address}#row-{row['row']}" if row["row"] in shown else "", words, tone)
