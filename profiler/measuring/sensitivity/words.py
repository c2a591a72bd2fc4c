"""What the rows' classes come to, in plain sentences: for the page, and as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiler.measuring.findings import Finding
from profiler.measuring.objective import Bound
from profiler.measuring.sensitivity.classes import SAME_SIZE

if TYPE_CHECKING:
    from profiler.measuring.sensitivity.payload import ClassResult, Payload

#: A class dominates when it surely takes more of the CPU than this, with fewer requests than that.
MOST_CPU, FEW_REQUESTS = 0.5, 0.2
#: A class is worth a sentence when its share of the CPU is this many times its share of requests.
DEAR = 1.5
#: p95 of two classes that differ by less than this factor are about the same.
ABOUT_THE_SAME = 1.2


def sentence(payload: Payload) -> str:
    """One or two sentences: which class stands out, and what size does to latency."""
    told = [_of_classes(payload)]
    if payload.size_relation is not None:
        told.append(payload.size_relation.sentence())
    if any(told):
        return " ".join(part for part in told if part)
    return _alike(payload)


def _alike(payload: Payload) -> str:
    low, high = size_text(payload.bytes_min), size_text(payload.bytes_max)
    labels = " and no labels" if payload.labels == 0 else ""
    if payload.bytes_min == payload.bytes_max:
        return f"All rows have the same size ({low}){labels}."
    if payload.bytes_max <= SAME_SIZE * payload.bytes_min:
        return f"All rows have about the same size ({low} to {high}){labels}."
    return "There were too few requests to tell whether latency depends on the body's size."


def _of_classes(payload: Payload) -> str:
    dear = [one for one in payload.classes if _is_dear(one)]
    if dear:
        one = max(dear, key=lambda found: found.cpu_share.value)
        share = one.cpu_share
        return (
            f"{rows_of(payload, one)} are {percent(one.request_share)} of the requests and take"
            f" {percent(share.value)} of the CPU ({percent(share.low)} to {percent(share.high)})."
        )
    known = [one for one in payload.classes if one.latency_ms["p95"] is not None]
    if len(known) < 2:
        return ""
    fastest = min(known, key=lambda one: one.latency_ms["p95"])
    slowest = max(known, key=lambda one: one.latency_ms["p95"])
    low, high = fastest.latency_ms["p95"], slowest.latency_ms["p95"]
    if high < ABOUT_THE_SAME * low:
        return f"All {len(known)} classes take about the same time: p95 {ms(low)} to {ms(high)} ms."
    return (
        f"p95 is {ms(low)} ms for {rows_of(payload, fastest, 'rows')} and {ms(high)} ms for"
        f" {rows_of(payload, slowest, 'rows')}."
    )


def _is_dear(one: ClassResult) -> bool:
    share = one.cpu_share
    return share is not None and (
        share.value > DEAR * one.request_share and share.low > one.request_share
    )


def rows_of(payload: Payload, one: ClassResult, noun: str = "Rows") -> str:
    return f"{noun} of {one.name}" if payload.kind == "size" else f'{noun} labelled "{one.name}"'


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size_text(size: float) -> str:
    units = iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1024 and unit != "GiB":
        size, unit = size / 1024, next(units)
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def findings(payload: Payload, bound: Bound) -> tuple[Finding, ...]:
    """What a reader should be warned of: docs/payload.md."""
    told = {
        "class-takes-most-cpu": dominating(payload),
        "class-breaks-bound": broken_by_one(payload, bound),
    }
    return tuple(Finding(code, text) for code, text in told.items() if text)


def dominating(payload: Payload) -> str | None:
    """A few requests that take most of the CPU: the size is theirs."""
    for one in payload.classes:
        share = one.cpu_share
        if share is not None and share.low > MOST_CPU and one.request_share < FEW_REQUESTS:
            return (
                f"{rows_of(payload, one)} take {percent(share.value)} of the CPU"
                f" ({percent(share.low)} to {percent(share.high)}) with"
                f" {percent(one.request_share)} of the requests: the size that is needed depends"
                " on how often they come."
            )
    return None


def broken_by_one(payload: Payload, bound: Bound) -> str | None:
    """Only one class breaks the bound, surely, and every other one keeps it."""
    if bound.latency_ms is None:
        return None
    known = [one for one in payload.classes if one.at_percentile_ms is not None]
    broken = [one for one in known if one.at_percentile_ms > bound.latency_ms]
    if len(known) < 2 or len(broken) != 1:
        return None
    low = broken[0].at_percentile_interval_ms.low
    if low is None or low <= bound.latency_ms:
        return None
    elsewhere = max(one.at_percentile_ms for one in known if one is not broken[0])
    return (
        f"The bound of {bound.latency_ms:g} ms is broken by"
        f" {rows_of(payload, broken[0], 'rows')} only: p{bound.percentile:g}"
        f" {ms(broken[0].at_percentile_ms)} ms there, at most {ms(elsewhere)} ms elsewhere."
    )
