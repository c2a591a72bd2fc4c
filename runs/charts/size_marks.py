"""Upright lines of the sizing curve: the advised size, and what the models' tags ask for now."""

from __future__ import annotations

from dataclasses import dataclass

from runs import formatting
from runs.charts.parts import bold, text
from runs.charts.sizes import Curve

#: Labels nearer than this part of the width stand one above the other.
LABEL_SHARE = 0.4
LABEL_HEIGHT_PX = 16


@dataclass(frozen=True)
class Mark:
    """A size to be marked; `short` names it on a narrow screen, `tint` is behind a badge."""

    cpu_millicores: int
    words: str
    short: str
    colour: str
    dash: str
    tint: str = ""


def marks(curve: Curve) -> list[Mark]:
    """The advised size first. A tag beyond the sizes measured has no place in the chart."""
    found = []
    if curve.advised_millicores:
        found.append(_advised(curve, curve.advised_millicores))
    sizes = {size.cpu_millicores for size in curve.tagged}
    for size in sorted(sizes - {curve.advised_millicores}):
        if size <= curve.largest_millicores:
            found.append(_tag(curve, size, alone=len(sizes) == 1))
    return found


def _advised(curve: Curve, size: int) -> Mark:
    written = f"Advised {formatting.cpu(size)}"
    if curve.advised_standing == "verified":
        return Mark(size, f"✓ {written}, verified", "✓ Verified", "token:pass", "solid",
                    "token:pass-tint")  # fmt: skip
    standing = f", {curve.advised_standing}" if curve.advised_standing else ""
    return Mark(size, written + standing, "Advised", "token:warn", "dash", "token:warn-tint")


def _tag(curve: Curve, size: int, *, alone: bool) -> Mark:
    """Which model it is, where models differ."""
    written = formatting.cpu(size)
    if alone:
        return Mark(size, f"Current tag {written}", "Tag", "token:ink-3", "dot")
    refs = [ref for tagged in curve.tagged if tagged.cpu_millicores == size
            for ref in tagged.models]  # fmt: skip
    whose = refs[0] if len(refs) == 1 else f"{refs[0]} and {len(refs) - 1} more"
    return Mark(size, f"{written}, tag of {whose}", refs[0], "token:ink-3", "dot")


def levels(curve: Curve) -> list[int]:
    """How high the label of each mark stands: the lowest place where it is clear of the others."""
    width = max(curve.position(curve.largest_millicores), 1.0)
    taken: list[tuple[float, int]] = []
    for mark in marks(curve):
        place = curve.position(mark.cpu_millicores)
        near = {level for other, level in taken if abs(place - other) < LABEL_SHARE * width}
        taken.append((place, next(level for level in range(len(taken) + 1) if level not in near)))
    return [level for _, level in taken]


def room_above(curve: Curve) -> int:
    """What the labels need above the plot beside the room for one, in pixels."""
    return LABEL_HEIGHT_PX * max(levels(curve), default=0)


def mark_sizes(curve: Curve, figure_layout: dict, foot: float) -> None:
    """Lines from `foot` of the height up, through the latencies alone, named above."""
    for mark, level in zip(marks(curve), levels(curve), strict=True):
        place = curve.position(mark.cpu_millicores)
        width = 2 if mark.dash == "solid" else 1.5
        figure_layout["shapes"].append(
            {
                "type": "line",
                "xref": "x",
                "x0": place,
                "x1": place,
                "yref": "paper",
                "y0": foot,
                "y1": 1,
                "layer": "below",
                "line": {"color": mark.colour, "width": width, "dash": mark.dash},
            }
        )
        above = {"yref": "paper", "yanchor": "bottom", "yshift": 4 + LABEL_HEIGHT_PX * level}
        badge = {"bgcolor": mark.tint, "borderpad": 1} if mark.tint else {}
        figure_layout["annotations"].append(
            text(mark.words, place, 1, font=bold(mark.colour), narrow={"text": mark.short},
                 **above, **badge)
        )  # fmt: skip
