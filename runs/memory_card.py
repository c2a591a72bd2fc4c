"""The memory part of a run's page: where its peaks come from, by row and by concurrency."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.measuring.growth import per_hour_text, time_text
from profiler.measuring.statistics import Estimate
from runs import formatting
from runs.models import ProfileRun

#: What kernels count memory in.
PAGE_BYTES = 4096


@dataclass(frozen=True)
class Line:
    """A period with its peaks; `width` is its peak in percent of the highest one's.

    `note` says of what the peak is, or why it does not count.
    """

    name: str
    peak_bytes: int
    anon_bytes: int | None
    file_bytes: int | None
    width: float
    decides: bool
    note: str = ""


@dataclass(frozen=True)
class MemoryCard:
    finding: str
    lines: list[Line]
    needed: str
    growth: str
    leaks: bool
    missing: list[str]


def memory_card(run: ProfileRun) -> MemoryCard | None:
    """Of the run's result; None for a run that is not finished, or of an earlier version."""
    memory = (run.result or {}).get("memory")
    if not memory:
        return None
    found = [
        each
        for each in (*_periods(memory), *_rows(memory), *_levels(memory))
        if each[2]["peak_bytes"] is not None
    ]
    highest = max((period["peak_bytes"] for _, _, period in found), default=1)
    counted = max(
        (value for value in memory["counted"].values() if value is not None), default=None
    )
    # What was needed when the limit was lowered may have been proven, and decides then.
    advised = (run.advice or {}).get("memory_bytes")
    is_less = None not in (advised, counted) and (
        advised < counted or advised == _enough_without_files(memory)
    )
    lines = []
    for name, note, period in found:
        peak = period["peak_bytes"]
        lines.append(
            Line(
                name, peak, period.get("anon_peak_bytes"), period.get("file_peak_bytes"),
                round(peak / highest * 100, 2), peak == counted and not is_less, note,
            )
        )  # fmt: skip
    return MemoryCard(
        _finding(lines, counted),
        lines,
        _needed_words(memory["pressure"]),
        _growth_words(memory["growth"]),
        bool(memory["growth"] and memory["growth"]["leaks"]),
        memory["missing"],
    )


def _enough_without_files(memory: dict) -> int | None:
    """The limit that did not hurt; None where there was none, or no such look."""
    pressure = memory["pressure"]
    return pressure["needed_bytes"] if pressure and pressure.get("held_bytes") else None


def _periods(memory: dict) -> list[tuple[str, str, dict]]:
    """Names, notes and peaks of what every run has."""
    load = memory["load"]
    before = {"peak_bytes": load["before_peak_bytes"]}
    return [
        ("Start", "", memory["start"]),
        ("Before the load", "each row once, and the warm-up", before),
        ("Load", "at the largest size", load),
    ]


def _rows(memory: dict) -> list[tuple[str, str, dict]]:
    return [
        (f"Row {sent['row']:,} alone", _sent_note(sent, f"{_size(sent)} body"), sent)
        for sent in memory["largest_rows"]
    ]


def _levels(memory: dict) -> list[tuple[str, str, dict]]:
    """The largest rows, so many at a time."""
    found = []
    for sent in memory["by_concurrency"]:
        counts = "" if sent["counts"] else "more than the load has, so not counted"
        name = f"Largest rows, {sent['concurrency']} at a time"
        found.append((name, _sent_note(sent, counts), sent))
    return found


def _size(sent: dict) -> str:
    return formatting.file_size(sent["body_bytes"])


def _sent_note(sent: dict, said: str) -> str:
    failed = f"{sent['errors']:,} of {sent['requests']:,} failed" if sent["errors"] else ""
    return ", ".join(part for part in (said, failed) if part)


def _finding(lines: list[Line], counted: int | None) -> str:
    if counted is None:
        return "could not be measured"
    highest = next((line.name for line in lines if line.peak_bytes == counted), "")
    where = f": {highest[0].lower()}{highest[1:]}" if highest else ""
    return f"{formatting.memory(counted)} at most{where}"


def _needed_words(pressure: dict | None) -> str:
    """What lowering the limit told; empty where that was not done."""
    if pressure is None:
        return ""
    touched, needed = pressure["touched_bytes"], pressure["needed_bytes"]
    hurt = [step for step in pressure["steps"] if not step["kept"]]
    if pressure.get("held_bytes"):
        return _look_words(pressure)
    said = f"Of {formatting.memory(touched)} touched, {formatting.memory(needed)} are needed"
    if needed is None:
        said = f"No limit up to {formatting.memory(touched)} was found to be enough"
    if hurt:
        highest = max(hurt, key=lambda step: step["memory_bytes"])
        said += f": at {formatting.memory(highest['memory_bytes'])} {highest['reason']}"
    return f"{said}. {pressure['ended']}".strip()


def _look_words(pressure: dict) -> str:
    """What the limits told that leave no room for files, or only for those that are mapped."""
    if not pressure["steps"]:
        return pressure["ended"]
    step = pressure["steps"][-1]
    limit, held = map(formatting.memory, (step["memory_bytes"], pressure["held_bytes"]))
    if not step["kept"]:
        return f"Files that were read are needed: without them, at {limit}, {step['reason']}."
    if pressure.get("with_mapped"):
        return (
            f"At most {held} cannot be dropped or are mapped files: at {limit}, with no room for "
            "others, nothing hurt."
        )
    return f"At most {held} cannot be dropped: at {limit}, with no room for files, nothing hurt."


def _growth_words(growth: dict | None) -> str:
    if growth is None:
        return ""
    slope = Estimate(**growth["bytes_per_s"])
    rate, time = per_hour_text(slope), formatting.duration(growth["over_s"])
    grown_bytes = _surely_grown(slope, growth["over_s"])
    if not growth["leaks"] and grown_bytes:
        return (
            f"Grew by {formatting.file_size(grown_bytes)} in {time} of load, {rate}: too little, "
            "or for too short a time, to be called a leak"
        )
    if not growth["leaks"]:
        return f"No growth shown in {time} of load: {rate}"
    until = growth["seconds_until_limit"]
    meets = f", {time_text(Estimate(**until))} until the limit" if until else ""
    return f"Leaks {rate}{meets}"


def _surely_grown(slope: Estimate, over_s: float) -> int:
    """Bytes; 0 where the interval reaches zero, or less than a page came."""
    grown = slope.value * over_s
    return round(grown) if slope.low > 0 and grown >= PAGE_BYTES else 0


def growth_word(data: dict) -> str:
    """Of one measurement, beside its chart; empty where growth is not known."""
    slope = data["memory_slope_bytes_per_s"]
    if data["memory_leaks"]:
        return "Memory leaks"
    if slope is None:
        return ""
    grown = _surely_grown(Estimate(**slope), data["duration_s"])
    return f"Grew by {formatting.file_size(grown)}, no leak" if grown else "No growth shown"
