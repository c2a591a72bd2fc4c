"""What the charts of one measurement have in common, and the payload they become."""

from __future__ import annotations

from dataclasses import dataclass

from runs import formatting
from runs.charts.parts import Figure, shade, split_narrow, start_line, text

#: Where the name of a series goes when there is no room beside its end.
INSIDE = {"xanchor": "right", "xshift": -6}
#: The share of a chart's width that the word over its start-up takes.
ROOM_FOR_A_WORD = 0.06


@dataclass(frozen=True)
class Scene:
    """What a measurement's charts have in common.

    `caption` says what was measured ("verifying at 500m, 160 MiB"); `percentile` and `bound_ms`
    are the objective's, `bound_ms` None while it is not known.
    """

    caption: str
    cpu_millicores: int
    memory_bytes: int
    percentile: float
    bound_ms: float | None
    limits_enforced: bool = True

    @property
    def bound_label(self) -> str:
        name = formatting.percentile_name(self.percentile)
        return f"{name} ≤ {formatting.bound(self.bound_ms)} ms"


@dataclass(frozen=True)
class Chart:
    """What the page's script draws. `readings` are texts for the cursor, at `cursor_s`."""

    figure: Figure
    footer: list[str]
    cursor_s: list[float]
    readings: list[str]

    def to_json(self) -> dict:
        wide, narrow = split_narrow(self.figure["layout"])
        return {
            "figure": {**self.figure, "layout": wide},
            "narrow": narrow,
            "footer": self.footer,
            "cursor": {"at_s": self.cursor_s, "readings": self.readings},
        }


def frame(figure_layout: dict, scene: Scene, first_s: float, last_s: float) -> None:
    """Start-up to the left of zero, shaded; what was measured above the plot."""
    captions = figure_layout["annotations"]
    if first_s >= 0:
        captions.append(_above(scene.caption, first_s))
        return
    figure_layout["shapes"] += [shade(first_s, 0), start_line()]
    if -first_s > ROOM_FOR_A_WORD * (last_s - first_s):
        captions.append(_above("start", first_s, narrow={"visible": False}))
    captions.append(_above(scene.caption, 0))


def _above(content: str, x: float, **options: object) -> dict:
    place = {"yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 2}
    return text(content, x, 1, **place, **options)
