"""Recorded arrivals: the times at which requests once came, to be sent at the same times again."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from profiler.spec import Stage
from profiler.spec_fields import shown

#: Columns of a CSV that hold the times, the first of these that is there.
COLUMNS = ("at_s", "time", "timestamp")
ARRIVALS_MAX = 1_000_000
#: The rate that a recording may have, on average: that of any open stage.
RATE_RPS = (0.01, 100_000)
LONGEST_S = 86_400
#: Numbers from here on are seconds since 1970 (this one is in 2001); smaller ones are seconds since
#: the recording began.
_EPOCH_S = 1e9
#: Numbers from here on (the year 5138 in seconds) are milliseconds or finer.
_FINER_THAN_SECONDS = 1e11
#: Digits kept of an offset in seconds: nanoseconds.
_DIGITS = 9


class WrongArrivals(ValueError):
    """Why these are no recorded arrivals, and where."""


def read_arrivals(lines: Iterable[str], most: int = ARRIVALS_MAX) -> list[float]:
    """The times of a recording as seconds from its beginning, in order.

    A time a line, `#` begins a comment; or CSV with a column named as in COLUMNS. A time is seconds
    since the recording began, or absolute (seconds since 1970, or ISO 8601): then the recording
    begins with its first arrival. Raises WrongArrivals with the line number.
    """
    column, zero = None, 0.0
    times: list[float] = []
    for number, cells in _rows(lines):
        if not times and column is None and (named := _column(cells)) is not None:
            column = named
            continue
        # Without a header a line is one time: the 0 of "0,5" is not what was meant.
        text = ",".join(cells) if column is None else "".join(cells[column : column + 1])
        try:
            at_s = _seconds(text)
            if not times:
                zero = at_s if _is_absolute(at_s) else 0.0
            else:
                _refuse_order(text, at_s, zero, times[-1])
        except WrongArrivals as wrong:
            raise WrongArrivals(f"line {number}: {wrong}") from None
        times.append(at_s - zero)
        if len(times) > most:
            raise WrongArrivals(f"line {number}: more than {most:,} arrivals; cut the recording")
    return times


def recorded_stage(times: list[float], speed: float = 1.0) -> Stage:
    """The stage that sends a request at each of these times, `speed` times as fast.

    It lasts until a mean gap after its last arrival, so that its rate is the recording's mean.
    Raises WrongArrivals where the times have no rate, or one that cannot be sent.
    """
    if len(times) < 2 or times[-1] <= times[0]:
        raise WrongArrivals("two arrivals at different times are the least")
    if times[0] < 0:
        raise WrongArrivals("the first arrival is before 0; count from the recording's beginning")
    offsets = tuple(round(at_s / speed, _DIGITS) for at_s in times)
    duration_s = offsets[-1] + (offsets[-1] - offsets[0]) / (len(offsets) - 1)
    rate_rps = len(offsets) / duration_s if duration_s else math.inf
    low, high = RATE_RPS
    if not low <= rate_rps <= high:
        raise WrongArrivals(
            f"{rate_rps:.3g} arrivals a second on average, where {low:g} to {high:g} can be sent; "
            'choose another "speed"'
        )
    if duration_s > LONGEST_S:
        raise WrongArrivals(
            f"the recording lasts {duration_s:.0f} s, and {LONGEST_S} s are the most; cut it, or "
            'choose a higher "speed"'
        )
    return Stage(
        "open", rate_rps=rate_rps, arrivals="recorded", duration_s=duration_s, times_s=offsets
    )


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that says something."""
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].lstrip("\ufeff").strip()
        if text:
            try:
                yield number, next(csv.reader([text], skipinitialspace=True))
            except csv.Error as error:
                raise WrongArrivals(f"line {number}: is not CSV: {error}") from error


def _column(cells: list[str]) -> int | None:
    """Which column of a CSV holds the times, when these cells are its header."""
    names = [cell.strip().lower() for cell in cells]
    found = [names.index(name) for name in COLUMNS if name in names]
    return found[0] if found else None


def _is_absolute(at_s: float) -> bool:
    return abs(at_s) >= _EPOCH_S


def _refuse_order(text: str, at_s: float, zero: float, before: float) -> None:
    """A time that cannot follow the one above it."""
    if _is_absolute(at_s) != bool(zero):
        kind = "seconds since the beginning" if zero else "an absolute time"
        raise WrongArrivals(f"{shown(text)} is {kind}, unlike those above it; write all alike")
    if at_s - zero < before:
        raise WrongArrivals(f"{shown(text)} is before the time above it; sort the times")


def _seconds(text: str) -> float:
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        return _since_1970(text)
    if not math.isfinite(value):
        raise WrongArrivals(f"{shown(text)} is not a finite number")
    if abs(value) >= _FINER_THAN_SECONDS:
        raise WrongArrivals(f"{shown(text)} cannot be seconds; divide milliseconds by 1000")
    return value


def _since_1970(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        raise WrongArrivals(
            f"{shown(text)} is no time; write seconds or ISO 8601, or name the column of a CSV "
            f"{columns} in its first line"
        ) from None
    # Without a time zone it is taken as UTC: only differences count.
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
