"""The table of percentiles on a run's page."""

from __future__ import annotations

from dataclasses import dataclass

from runs import formatting
from runs.models import Measurement


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
