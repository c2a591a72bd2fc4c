"""What every chart over time marks: phases, throttled time, kills for memory, void windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler.samples import Columns
from profiler.units import NS
from runs.charts.parts import bold, shade, text
from runs.charts.series import stretches

#: What is read of the usage samples for it.
COLUMNS = ("at_ns", "periods", "throttled_periods", "oom_kills")
#: The height of the strip of throttled time, as a share of the plot's.
STRIP = 0.035
#: The share of a chart's width that a word above it takes.
ROOM_FOR_A_WORD = 0.06


@dataclass(frozen=True)
class Marks:
    """Seconds from the start of the measured time.

    `ready_s` is when a service that was started for the measurement was ready; `throttled` the
    stretches in which a CFS period was throttled; `void` the windows that do not count.
    """

    ready_s: float | None = None
    throttled: Sequence[tuple[float, float]] = ()
    oom_s: Sequence[float] = ()
    void: Sequence[tuple[float, float]] = ()

    def phases(self, first_s: float, last_s: float) -> list[tuple[str, float, float]]:
        """What came before the measured time, of what is shown: names with their ends."""
        ready_s = 0.0 if self.ready_s is None else min(self.ready_s, 0.0)
        named = [("start", first_s, ready_s), ("warm-up", ready_s, 0.0)]
        return [
            (name, *shown)
            for name, begin, end in named
            for shown in _within([(begin, end)], first_s, last_s)
        ]


NOTHING_MARKED = Marks()


def read(usage: Columns, start_ns: int, data: dict | None, start_up_s: float | None) -> Marks:
    """Of usage samples; `data` are the measurement's numbers, None while it is under way."""
    windows = (data or {}).get("windows", ())
    ready_s = None
    if data and start_up_s is not None and data.get("startup_s") is not None:
        ready_s = data["startup_s"] - start_up_s
    return Marks(
        ready_s=ready_s,
        throttled=_throttled(usage, start_ns),
        oom_s=_kills(usage, start_ns),
        void=[(one["start_s"], one["end_s"]) for one in windows if not one["valid"]],
    )


def _throttled(usage: Columns, start_ns: int) -> list[tuple[float, float]]:
    if "throttled_periods" not in usage:
        return []
    at_s = (usage["at_ns"] - start_ns) / NS
    edges = stretches(at_s)
    held = np.diff(usage["throttled_periods"][edges]) > 0
    found: list[tuple[float, float]] = []
    for begin, end in zip(at_s[edges[:-1]][held], at_s[edges[1:]][held], strict=True):
        touches = bool(found) and found[-1][1] == begin
        found.append((found.pop()[0] if touches else float(begin), float(end)))
    return found


def _kills(usage: Columns, start_ns: int) -> list[float]:
    """When the kernel's counter was first seen higher than before."""
    if "oom_kills" not in usage:
        return []
    risen = np.flatnonzero(np.diff(usage["oom_kills"]) > 0) + 1
    return [float(second) for second in (usage["at_ns"][risen] - start_ns) / NS]


# --- Drawing --------------------------------------------------------------------------------------
def draw(
    marks: Marks,
    figure_layout: dict,
    first_s: float,
    last_s: float,
    *,
    row: int = 0,
    colour: str = "token:throttled",
    whose: str = "",
) -> None:
    """All but the phases, which stand above the plot with what was measured.

    Of several runs each has its `row` and `colour` of throttled time; `whose` follows the words.
    """
    figure_layout["shapes"] += [_void(*span) for span in _within(marks.void, first_s, last_s)]
    if strip := _within(marks.throttled, first_s, last_s):
        figure_layout["shapes"].append(_strip(strip, row, colour))
    kills = [second for second in marks.oom_s if first_s <= second <= last_s]
    figure_layout["shapes"] += [_kill(second) for second in kills]
    if kills:
        word = ("OOM kill" if len(kills) == 1 else f"{len(kills)} OOM kills") + whose
        place = {"yref": "paper", "xanchor": "left", "yanchor": "top", "xshift": 3, "yshift": -14}
        figure_layout["annotations"].append(
            text(word, kills[0], 1, font=bold("token:fail"), bgcolor="token:card/0.8", **place)
        )


def _within(
    spans: Sequence[tuple[float, float]], first_s: float, last_s: float
) -> list[tuple[float, float]]:
    """What of them is shown, cut at the chart's ends."""
    cut = [(max(begin, first_s), min(end, last_s)) for begin, end in spans]
    return [(begin, end) for begin, end in cut if begin < end]


def _void(begin: float, end: float) -> dict:
    return {**shade(begin, end), "fillcolor": "token:warn-tint/0.6"}


def _strip(spans: Sequence[tuple[float, float]], row: int, colour: str) -> dict:
    """One shape for all of them: a chart can have hundreds."""
    low, high = f"{row * STRIP:.3f}", f"{(row + 1) * STRIP:.3f}"
    corners = (f"M{a:.4f},{low} L{a:.4f},{high} L{b:.4f},{high} L{b:.4f},{low} Z" for a, b in spans)
    return {
        "type": "path", "xref": "x", "yref": "paper", "path": " ".join(corners),
        "fillcolor": colour, "line": {"width": 0}, "layer": "above",
    }  # fmt: skip


def _kill(second: float) -> dict:
    return {
        "type": "line", "xref": "x", "x0": second, "x1": second, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": "token:fail", "width": 1.5},
    }  # fmt: skip
