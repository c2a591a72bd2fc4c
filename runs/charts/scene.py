"""What the charts of one measurement have in common, and the payload they become."""

from __future__ import annotations

from dataclasses import dataclass

from runs import formatting
from runs.charts import marks
from runs.charts.marks import NOTHING_MARKED, ROOM_FOR_A_WORD, Marks
from runs.charts.parts import Figure, shade, split_narrow, text, upright
from runs.charts.span import Span

#: Where the name of a series goes when there is no room beside its end.
INSIDE = {"xanchor": "right", "xshift": -6}


@dataclass(frozen=True)
class Scene:
    """What a measurement's charts have in common.

    `caption` says what was measured ("verifying at 500m, 160 MiB"); `percentile` and `bound_ms`
    are the objective's, `bound_ms` None while it is not known. `span` is the range of time that is
    looked at closer, None for all of it.
    """

    caption: str
    cpu_millicores: int
    memory_bytes: int
    percentile: float
    bound_ms: float | None
    limits_enforced: bool = True
    marks: Marks = NOTHING_MARKED
    span: Span | None = None

    def ends(self, first_s: float, last_s: float) -> tuple[float, float]:
        """Of the time axis: those of all that there is, unless a part is looked at.

        A kill for memory may come after the last sample; it is in sight all the same.
        """
        if self.span:
            return self.span.from_s, self.span.to_s
        return first_s, max([last_s, *self.marks.oom_s])

    @property
    def bound_label(self) -> str:
        name = formatting.percentile_name(self.percentile)
        return f"{name} ≤ {formatting.bound(self.bound_ms)} ms"


@dataclass(frozen=True)
class Chart:
    """What the page's script draws. `readings` are texts for the cursor, at `cursor_s`.

    `units` name x and y of its traces in a CSV file, where only traces with a name are written;
    `table`, if there is one, is written instead: its columns' names, then its rows.
    """

    figure: Figure
    footer: list[str]
    cursor_s: list[float]
    readings: list[str]
    units: tuple[str, str] = ("x", "y")
    table: list[list] | None = None

    def to_json(self) -> dict:
        wide, narrow = split_narrow(self.figure["layout"])
        return {
            "figure": {**self.figure, "layout": wide},
            "narrow": narrow,
            "footer": self.footer,
            "cursor": {"at_s": self.cursor_s, "readings": self.readings},
            "time": wide["xaxis"]["range"] if self.units[0] == TIME else None,
            "units": self.units,
            "table": self.table,
        }


#: The name of seconds from the start of the measured time in a file.
TIME = "time_s"


def shown_words(shown: int, total: int, what: str) -> str:
    if shown >= total:
        return f"all {total:,} {what} shown"
    return f"{shown:,} of {total:,} {what} shown, peaks kept"


def frame(figure_layout: dict, scene: Scene, first_s: float, last_s: float) -> None:
    """Phases before zero shaded and named, what was measured above the plot, and all marks."""
    for name, begin, end in scene.marks.phases(first_s, last_s):
        figure_layout["shapes"] += [shade(begin, end), upright(end)]
        if end - begin > ROOM_FOR_A_WORD * (last_s - first_s):
            word = above(name, begin, narrow={"visible": False})
            figure_layout["annotations"].append(word)
    if last_s > 0:
        figure_layout["annotations"].append(above(scene.caption, max(first_s, 0)))
    marks.draw(scene.marks, figure_layout, first_s, last_s)


def above(content: str, x: float, **options: object) -> dict:
    """A word over the plot, from this second on."""
    place = {"yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 2}
    return text(content, x, 1, **place, **options)
