"""What the compare page shows: what makes runs unlike, then their numbers with verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from profiler.measuring.compared import Compared
from profiler.measuring.comparison import Comparison
from runs import applying, formatting
from runs.comparing import Against, RunComparison
from runs.costs import Prices
from runs.models import Measurement, PriceList, ProfileRun
from runs.run_costs import HOW_TO_SET, advised_costs
from runs.variants import of_the_advised
from runs.verdict import load_words

#: A number and its unit stay on one line.
SPACE = "\N{NO-BREAK SPACE}"
TITLES = {"measuring": "At the largest size", "verifying": "At the verified size"}


@dataclass(frozen=True)
class Cell:
    """A run's value of a metric, with its difference from the base: `tone` is what it means."""

    value: str
    tone: str = ""
    arrow: str = ""
    change: str = ""
    interval: str = ""
    words: str = ""
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether a difference from the base was shown, or is plain to see."""
        return bool(self.tone or self.change) or self.words == "differs"

    @property
    def words_of_change(self) -> str:
        """The difference in one line, for a spreadsheet."""
        parts = (self.words, self.change, self.interval, self.reason)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Row:
    label: str
    is_primary: bool
    base: str
    cells: list[Cell]


@dataclass(frozen=True)
class Part:
    """One phase's card: its rows, and for each run that has them a verdict and notes."""

    phase: str
    title: str
    rows: list[Row]
    notes: list[str]


@dataclass(frozen=True)
class UnlikeRow:
    """A circumstance that differs somewhere; None in `others` is "same"."""

    what: str
    base: str
    others: list[str | None]
    spoils: bool


def page_context(found: RunComparison, *, only_differences: bool = False) -> dict:
    """`only_differences` leaves out rows in which no run differs from the base.

    What is noted of several parts is told once, in `notes`.
    """
    prices = PriceList.objects.current()
    kept = _differing if only_differences else list
    parts = [
        replace(part, rows=kept(part.rows)) for phase in TITLES if (part := _part(found, phase))
    ]
    told = Counter(note for part in parts for note in part.notes)
    of_all = [note for note, times in told.items() if times > 1]
    return {
        "only_differences": only_differences,
        "settings": kept(_settings(found)),
        "comparison": found,
        "columns": found.runs,
        "names": ",".join(run.name for run in found.runs),
        "unlike": _unlike(found),
        "verdicts": [_verdict(other) for other in found.others],
        "sizes": kept(_sizes(found, prices)),
        "how_to_set_prices": "" if prices else HOW_TO_SET,
        "notes": of_all,
        "parts": [
            replace(part, notes=[note for note in part.notes if note not in of_all])
            for part in parts
        ],
    }


def tables(context: dict) -> list[tuple[str, list[Row]]]:
    """The page's tables in their order, by title."""
    parts = [(part.title, part.rows) for part in context["parts"]]
    return [("Settings", context["settings"]), ("Advised size", context["sizes"]), *parts]


def _differing(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if any(cell.differs for cell in row.cells)]


def _settings(found: RunComparison) -> list[Row]:
    """What the runs were asked: the same words as elsewhere, so that equal ones look equal."""
    asked = {
        "Model": lambda run: ", ".join(model.ref for model in run.models.all()) or "none",
        "Config": lambda run: run.config.ref,
        "Dataset": lambda run: run.dataset.ref,
        "Target": lambda run: run.target.name,
        "Load": lambda run: _load_words(run),
        "Objective": applying.objective_text,
    }
    rows = []
    for label, words in asked.items():
        base, *others = (words(run) for run in found.runs)
        cells = [Cell(other, words="same" if other == base else "differs") for other in others]
        rows.append(Row(label, False, base, cells))
    return rows


def _load_words(run: ProfileRun) -> str:
    row = next(iter(run.compared_measurements), None)
    return load_words(row.data) if row else formatting.UNKNOWN


def _verdict(other: Against) -> dict:
    """The sentence about a run, of its measurement at the largest size."""
    comparison = next(iter(other.by_phase.values()), None)
    if comparison is None:
        return {"run": other.run, "word": "not judged", "tone": "", "text": other.why_not}
    return {
        "run": other.run,
        "word": comparison.verdict,
        "tone": {"better": "pass", "worse": "fail"}.get(comparison.verdict, ""),
        "text": comparison.summary,
    }


def _unlike(found: RunComparison) -> list[UnlikeRow]:
    """Every circumstance that differs from the base in any run; what spoils a verdict first."""
    told = [
        {item.what: item for one in other.by_phase.values() for item in one.unlike}
        for other in found.others
    ]
    rows = []
    for what in dict.fromkeys(name for items in told for name in items):
        some = next(items[what] for items in told if what in items)
        others = [items[what].new if what in items else None for items in told]
        rows.append(UnlikeRow(what, some.base, others, some.spoils))
    return sorted(rows, key=lambda row: not row.spoils)


def _sizes(found: RunComparison, prices: Prices | None) -> list[Row]:
    """The advised sizes, where any was: answers, not measured numbers, so without intervals."""
    if not any((run.advice or {}).get("cpu_millicores") for run in found.runs):
        return []
    return [
        _size_row(found, "CPU", "cpu_millicores", formatting.cpu),
        _size_row(found, "Memory", "memory_bytes", formatting.memory),
        *(_cost_rows(found, prices) if prices else ()),
    ]


def _size_row(found: RunComparison, label: str, key: str, written: Callable[..., str]) -> Row:
    return _changes(label, [(run.advice or {}).get(key) for run in found.runs], written)


def _changes(label: str, values: Sequence[float | None], written: Callable[..., str]) -> Row:
    base, *others = values
    cells = [Cell(written(value), **_size_change(base, value, written)) for value in others]
    return Row(label, False, written(base), cells)


def _cost_rows(found: RunComparison, prices: Prices) -> list[Row]:
    """By today's prices for all of them."""
    costs = [advised_costs(run, prices, _at_advised(run)) for run in found.runs]
    written = partial(formatting.money, currency=prices.currency)
    return [
        _changes("Cost per hour", [per_hour for per_hour, _ in costs], written),
        _changes("Cost for 1,000 requests", [per_1000 for _, per_1000 in costs], written),
    ]


def _at_advised(run: ProfileRun) -> Measurement | None:
    """The last of the compared measurements that was taken at the advised cpu."""
    cpu = (run.advice or {}).get("cpu_millicores")
    taken = of_the_advised(run, run.compared_measurements)
    found = [row for row in taken if row.cpu_millicores == cpu]
    return found[-1] if found else None


def _size_change(base: float | None, value: float | None, written: Callable[..., str]) -> dict:
    if base is None or value is None:
        return {}
    if value == base:
        return {"words": "the same"}
    less = value < base
    return {
        "tone": "pass" if less else "fail",
        "arrow": "arrow-down" if less else "arrow-up",
        "change": formatting.percent(abs(value - base) / base),
        "interval": f"{written(abs(value - base))} {'less' if less else 'more'}",
    }


def _part(found: RunComparison, phase: str) -> Part | None:
    """The phase's numbers; None where no run can be held against the base in it."""
    comparisons = [other.by_phase.get(phase) for other in found.others]
    first = next((one for one in comparisons if one), None)
    if first is None:
        return None
    rows = [_row(number, row, comparisons) for number, row in enumerate(first.metrics)]
    return Part(phase, TITLES[phase], rows, _notes(found, comparisons))


def rows_of(found: RunComparison) -> list[Row]:
    """The last phase in which all can be held against the base: the proof, where there was one."""
    parts = [part for phase in TITLES if (part := _part(found, phase))]
    return parts[-1].rows if parts else []


def _notes(found: RunComparison, comparisons: Sequence[Comparison | None]) -> list[str]:
    """Each note once; with the run it is about where it is not about all."""
    told: dict[str, list[str]] = {}
    for other, one in zip(found.others, comparisons, strict=True):
        for note in one.notes if one else ():
            told.setdefault(note, []).append(other.run.name)
    return [
        note if len(names) == len(found.others) else f"{', '.join(names)}: {note}"
        for note, names in told.items()
    ]


def _row(number: int, first: Compared, comparisons: Sequence[Comparison | None]) -> Row:
    cells = [
        Cell(formatting.UNKNOWN, words="not measured at this size")
        if one is None
        else _cell(one.metrics[number])
        for one in comparisons
    ]
    is_percentile = first.label[1].isdigit()
    label = first.label if is_percentile else first.label[0].upper() + first.label[1:]
    return Row(label, first.is_primary, written(first.unit, first.base), cells)


def _cell(row: Compared) -> Cell:
    value, interval = written(row.unit, row.new), _interval(row)
    if row.verdict not in ("better", "worse"):
        return Cell(value, words=row.verdict, interval=interval, reason=row.reason)
    more = row.absolute > 0
    return Cell(
        value,
        tone="pass" if row.verdict == "better" else "fail",
        arrow="arrow-up" if more else "arrow-down",
        change=_size_of(row, row.absolute if row.relative is None else row.relative),
        interval=interval,
        words=row.verdict,
    )


def _interval(row: Compared) -> str:
    """The difference in the metric's unit and its relative interval."""
    if row.absolute is None:
        return ""
    if not row.absolute and not row.low and not row.high:
        return "equal"
    more = "more" if row.absolute > 0 else "less"
    amount = written(row.unit, abs(row.absolute)) if row.relative is not None else ""
    change = f"{amount} {more}; " if amount else ""
    if row.low is None:
        return change.removesuffix("; ")
    return f"{change}{_signed(row, row.low)} to {_signed(row, row.high)}"


def _size_of(row: Compared, value: float) -> str:
    return f"{abs(value) * 100:.1f}{SPACE}points" if row.relative is None else _percent(abs(value))


def _signed(row: Compared, value: float) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""  # noqa: RUF001 (a minus)
    return sign + _size_of(row, value)


def _percent(share: float) -> str:
    return f"{share * 100:.0f}{SPACE}%" if share >= 0.1 else f"{share * 100:.1f}{SPACE}%"


#: How a metric's unit is written on pages.
WRITTEN = {
    "ms": formatting.latency,
    "s": lambda seconds: formatting.latency(None if seconds is None else seconds * 1000),
    "bytes": formatting.memory,
    "requests/s": lambda rate: f"{formatting.rate(rate)}/s",
    "share": formatting.percent,
}


def written(unit: str, value: float | None) -> str:
    return formatting.UNKNOWN if value is None else WRITTEN[unit](value)
