"""RESULT documents against each other: which of their measurements belong together, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from profiler.measuring.compared import Compared
from profiler.measuring.comparison import Comparison, compare
from profiler.measuring.unlike import Measured
from profiler.sizing.evidence import REFERENCE, VERIFYING, advised_variant

#: What each phase's measurement is of, for readers.
PHASES = {REFERENCE: "largest size", VERIFYING: "verified size"}


@dataclass(frozen=True)
class RunResult:
    """What a comparison takes of a run: its measurements as plain data, and its circumstances."""

    name: str
    measurements: Sequence[dict]
    circumstances: dict

    @classmethod
    def from_json(cls, name: str, result: object) -> RunResult:
        """The run of a RESULT document. ValueError says why it cannot be compared."""
        if not isinstance(result, dict) or not isinstance(result.get("measurements"), list):
            raise ValueError("is no result of a run: it has no list of measurements")
        run = cls.of(
            name, result.get("advice"), result["measurements"], result.get("circumstances") or {}
        )
        if run.measured(REFERENCE) is None:
            raise ValueError(
                "has no measurement at the largest size, so there is nothing to compare"
            )
        return run

    @classmethod
    def of(
        cls, name: str, advice: dict | None, measurements: Sequence[dict], circumstances: dict
    ) -> RunResult:
        """Only measurements of the variant of the config that the run advises are compared."""
        variant = advised_variant(advice, measurements)
        kept = [m for m in measurements if m.get("variant", {}) == variant]
        return cls(name, kept, circumstances)

    def measured(self, phase: str) -> Measured | None:
        """The phase's last measurement that may be believed, or else its last that has requests."""
        taken = [m for m in self.measurements if m.get("phase") == phase and m.get("requests")]
        believed = [m for m in taken if m["validity"]["valid"]]
        if not taken:
            return None
        return Measured(self.name, (believed or taken)[-1], self.circumstances)


def comparisons(
    base: Sequence[RunResult], new: Sequence[RunResult], noise_floor: dict | None = None
) -> Iterator[tuple[str, Comparison]]:
    """A comparison by phase: at the largest size, and at the verified size where that agrees.

    `noise_floor` is the target's; by default the one that the runs carry.
    """
    floor = noise_floor or carried_floor((*base, *new))
    for phase in PHASES:
        sides = [[run.measured(phase) for run in side] for side in (base, new)]
        taken = [one for side in sides for one in side]
        if None in taken or (phase == VERIFYING and len({_size(one) for one in taken}) > 1):
            continue
        yield phase, compare(*sides, noise_floor=floor)


def _size(measured: Measured) -> tuple[int, int]:
    return measured.measurement["cpu_millicores"], measured.measurement["memory_bytes"]


def carried_floor(runs: Sequence[RunResult]) -> dict | None:
    """The latest noise floor that the runs carry, where all were on one host; None otherwise."""
    if len({run.circumstances.get("host") for run in runs}) > 1:
        return None
    floors = [run.circumstances.get("noise_floor") for run in runs]
    return max((floor for floor in floors if floor), key=_measured_at, default=None)


def _measured_at(floor: dict) -> str:
    return floor["measured_at"]


# ---- for a terminal ----------------------------------------------------------------------------


def text(phase: str, comparison: Comparison) -> str:
    """The comparison in plain text: what is unlike, the metrics, the verdict, what limits it."""
    lines = [
        f"{', '.join(comparison.new)} against {', '.join(comparison.base)}, at the "
        f"{PHASES[phase]} ({comparison.units[0]} and {comparison.units[1]} {comparison.unit})",
        "",
    ]
    if comparison.unlike:
        lines += ["These runs are unlike:"]
        lines += [f"  {one.what}: {one.base} | {one.new}" for one in comparison.unlike] + [""]
    lines += list(_table(comparison.metrics))
    lines += ["", f"Verdict: {comparison.verdict}.", comparison.summary, *comparison.notes]
    return "\n".join(lines)


def _table(rows: Sequence[Compared]) -> Iterator[str]:
    header = ("metric", "base", "new", "difference", "95 % interval", "verdict")
    cells = [header, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        name, *numbers, verdict = row
        middle = (cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True))
        yield "  ".join([name.ljust(widths[0]), *middle, verdict]).rstrip()


def _cells(row: Compared) -> tuple[str, ...]:
    return (
        f"{row.label}, {row.unit}" + (" *" if row.is_primary else ""),
        _number(row.base),
        _number(row.new),
        _share(row, row.absolute if row.relative is None else row.relative),
        "-" if row.low is None else f"{_share(row, row.low)} to {_share(row, row.high)}",
        f"{row.verdict} ({row.reason})" if row.reason else row.verdict,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1e6 else f"{value:.0f}"


def _share(row: Compared, value: float | None) -> str:
    unit = "points" if row.unit == "share" else "%"
    return "-" if value is None else f"{100 * value:+.1f} {unit}"
