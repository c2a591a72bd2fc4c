"""A/B: how often a service made 5 % slower is found out, and what is said where it is not.

The noise floor is measured first, as `python -m profiler aa` does by default. Then both services
run in turns, each run a fresh container.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import script
from bench.kit.in_turns import alone, burning, pairs_of, together
from bench.kit.report import Goal, Report, said
from profiler.measuring.comparison import Comparison

SLOWER = 0.05
PAIRS, FLOOR_PAIRS = 20, 5
QUICK_PAIRS, QUICK_FLOOR_PAIRS = 2, 2
GOAL = Goal(0.9, "share", at_least=True)
#: How many pairs are compared as one.
GROUPS = (5, 10, 20)


def bench(report: Report) -> None:
    pairs_wanted = QUICK_PAIRS if report.quick else PAIRS
    with burning() as service:
        base, slower = service.spec("base"), service.spec("slower", SLOWER)
        floor_pairs = QUICK_FLOOR_PAIRS if report.quick else FLOOR_PAIRS
        floor = service.measure(base, floor_pairs)["noise_floor"]
        pairs = pairs_of(service.measure(base, pairs_wanted, against=slower))
    report.note(f"{len(pairs)} of {pairs_wanted} pairs may be believed, both runs of them.")
    if floor is None or len(pairs) < 2:
        raise script.NotHere("It needs a quiet host: too few runs may be believed.")
    table = report.table(
        f"A service made {SLOWER:.0%} slower, by p95",
        "", "comparisons", "difference shown", "found", "said how much more it takes",
        figure="found, or said",
    )  # fmt: skip
    tell(table, "one run a side, with the noise floor",
         [alone(pair, floor) for pair in pairs])  # fmt: skip
    for size in GROUPS:
        groups = [pairs[at : at + size] for at in range(0, len(pairs) - size + 1, size)]
        if groups:
            tell(table, f"{size} pairs together", [together(group) for group in groups])


def tell(table, how: str, comparisons: list[Comparison]) -> None:
    found = [comparison.verdict == "worse" for comparison in comparisons]
    said_more = [bool(comparison.primary.needed) for comparison in comparisons]
    either = [one or other for one, other in zip(found, said_more, strict=True)]
    relative = statistics.median(comparison.primary.relative for comparison in comparisons)
    table.row(
        how, str(len(comparisons)), said(relative, "share"),
        said(statistics.mean(found), "share"), needed(comparisons),
        values=[statistics.mean(either)], goal=GOAL,
    )  # fmt: skip


def needed(comparisons: list[Comparison]) -> str:
    """The median of what the comparisons that found nothing ask for, in their own units."""
    asked = [comparison.primary.needed for comparison in comparisons if comparison.primary.needed]
    parts = []
    for name, unit in (("runs", "runs a side"), ("seconds", "s of load a side")):
        values = [one[name] for one in asked if one.get(name) is not None]
        if values:
            parts.append(f"{statistics.median(values):.0f} {unit}")
    return ", or ".join(parts) or "-"


if __name__ == "__main__":
    script.run(bench, name="slower_service", title="A slower service is found out")
