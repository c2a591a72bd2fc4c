"""A/A: how often two runs of the very same service are called different.

Every run is a fresh container. Each pair is compared with the noise floor of the other pairs alone,
so that no run is judged by itself.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import script
from bench.kit.in_turns import alone, burning, floor_of, pairs_of, together, told_apart
from bench.kit.report import Goal, Report
from profiler.measuring.comparison import Comparison

PAIRS, QUICK_PAIRS = 40, 4
#: Pairs compared as one, as `aa --against` does.
GROUP = 5
GOAL = Goal(0.05, "share")


def bench(report: Report) -> None:
    pairs_wanted = QUICK_PAIRS if report.quick else PAIRS
    with burning() as service:
        found = service.measure(service.spec("same"), pairs_wanted)
    pairs = pairs_of(found)
    report.note(f"{len(pairs)} of {pairs_wanted} pairs may be believed, both runs of them.")
    if len(pairs) < 3:
        raise script.NotHere("It needs a quiet host: too few runs may be believed.")
    table = report.table(
        "Pairs of runs of the same service",
        "", "comparisons", "verdict on",
        figure="called different",
    )  # fmt: skip
    others = [floor_of(pairs[:index] + pairs[index + 1 :]) for index in range(len(pairs))]
    tell(table, "one run a side, with the noise floor",
         [alone(pair, floor) for pair, floor in zip(pairs, others, strict=True)], GOAL)  # fmt: skip
    tell(table, "one run a side, no floor known", [alone(pair, None) for pair in pairs], None)
    groups = [pairs[at : at + GROUP] for at in range(0, len(pairs) - GROUP + 1, GROUP)]
    if groups:
        tell(table, f"{GROUP} pairs together", [together(group) for group in groups], None)
    tell_floor(report, pairs)


def tell(table, how: str, comparisons: Sequence[Comparison], goal: Goal | None) -> None:
    own, of_any = zip(*(told_apart(comparison) for comparison in comparisons), strict=True)
    for what, claimed in (("p95, the objective's", own), ("any metric", of_any)):
        table.row(
            how, str(len(comparisons)), what,
            values=[statistics.mean(claimed)], unit="share", goal=goal,
        )  # fmt: skip


def tell_floor(report: Report, pairs: list) -> None:
    """What it takes for one run a side to count as different here."""
    table = report.table("The noise floor of this host", "metric", figure="two runs differ by")
    for metric, share in floor_of(pairs)["metrics"].items():
        table.row(metric, values=[share], unit="share")


if __name__ == "__main__":
    script.run(bench, name="identical_runs", title="Identical runs are not called different")
