"""Raw columns as tables for people and other tools: units in the names, times from a start.

A table is a dict of columns of equal length, as raw columns are. docs/raw-data.md lists them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from profiler.samples import OUTCOMES, Columns
from profiler.units import NS

MS = 1_000_000

#: The column that orders each series; `at_ns` where none is named. A dataset's rows have no time.
CLOCKS = {"requests": "scheduled_ns", "rows": "row"}
OUTCOME_NAMES = np.array(OUTCOMES)


def clock_of(series: str) -> str:
    return CLOCKS.get(series, "at_ns")


def tables(series: str, parts: Iterable[Columns], start_ns: int) -> Iterator[Columns]:
    """A table for each part, of which the first begins the series; empty parts are left out.

    All have the columns of the first. `start_ns` is where the measured time begins: what is before
    it has negative seconds.
    """
    before: Columns | None = None
    first, names = 1, None
    for columns in parts:
        count = len(columns[clock_of(series)])
        if not count:
            continue
        table = tabulate(series, columns, start_ns, first=first, before=before)
        names = names or list(table)
        yield {name: table.get(name, np.full(count, np.nan)) for name in names}
        before = {name: values[-1:] for name, values in columns.items()}
        first += count


def tabulate(
    series: str, columns: Columns, start_ns: int, *, first: int = 1, before: Columns | None = None
) -> Columns:
    """One part of a series as a table.

    `first` is the number of its first entry; `before` holds the one entry that came before it,
    for what is told per sample from the kernel's cumulative counters.
    """
    if series == "rows":
        return columns  # facts of the dataset, of no time
    clock = columns[clock_of(series)]
    numbers = {"number": np.arange(first, first + len(clock))}
    if series == "requests":
        return numbers | _requests(columns, start_ns)
    since = _since_previous(columns, before) if series == "usage" else {}
    return numbers | {"at_s": _seconds(clock, start_ns)} | since | columns


def _requests(columns: Columns, start_ns: int) -> Columns:
    scheduled, sent, finished = (
        columns[name] for name in ("scheduled_ns", "sent_ns", "finished_ns")
    )
    told = {
        "scheduled_s": _seconds(scheduled, start_ns),
        "latency_ms": (finished - scheduled) / MS,
        "latency_from_send_ms": (finished - sent) / MS,
        "outcome": OUTCOME_NAMES[np.minimum(columns["outcome"], len(OUTCOMES) - 1)],
    }
    return told | {name: values for name, values in columns.items() if name != "outcome"}


def _seconds(clock: np.ndarray, start_ns: int) -> np.ndarray:
    return (clock - start_ns) / NS


#: Cumulative counters of usage, and the name of what each gained since the sample before.
GAINED = {
    "periods": "periods_since_previous",
    "throttled_periods": "throttled_periods_since_previous",
    "throttled_ns": "throttled_ns_since_previous",
}


def _since_previous(columns: Columns, before: Columns | None) -> Columns:
    """What each sample adds to the one before it; NaN for the very first."""
    elapsed_ns = _gained("at_ns", columns, before)
    with np.errstate(divide="ignore", invalid="ignore"):
        millicores = _gained("cpu_ns", columns, before) / elapsed_ns * 1000
    millicores[~np.isfinite(millicores)] = np.nan
    gains = {
        told: _gained(name, columns, before) for name, told in GAINED.items() if name in columns
    }
    return {"cpu_millicores_since_previous": millicores} | gains


def _gained(name: str, columns: Columns, before: Columns | None) -> np.ndarray:
    values = columns[name]
    previous = before[name][-1] if before else values[0]
    gained = np.diff(values, prepend=previous).astype("f8")
    if before is None:
        gained[0] = np.nan
    return gained
