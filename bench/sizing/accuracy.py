"""How right the advised sizes are: the runs that were kept (runs.py) against the truth (truth.py).

Measures nothing itself. A service whose truth or runs are not there yet is left out with a word.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit import script
from bench.kit.report import Goal, Report
from bench.sizing import runs, soak
from bench.sizing.case import Case, case_of
from bench.sizing.catalogue import NAMES, spec_of
from bench.sizing.predictions import tell_fixes, tell_predictions
from bench.sizing.run_facts import (
    RULES,
    SEARCH,
    WARM,
    judged_cpu,
    judged_memory,
    memory_allowance_bytes,
)
from bench.sizing.truth_file import FOLDER
from profiler.units import MIB

WITHIN, EXACT, COST = (
    Goal(0.95, "share", at_least=True),
    Goal(0.60, "share", at_least=True),
    Goal(0.10, "share"),
)
WARM_GOAL = Goal(60.0, "s")
#: The goal of time is for services that take no longer for a request, in ms, at no lower rate.
SHORT_MS, BUSY_RPS = 20.0, 50.0


def bench(report: Report) -> None:
    tries = script.TRIES / "sizing"
    folders = (tries / "truth", tries / "runs") if report.quick else (FOLDER, runs.FOLDER)
    cases = [case for name in NAMES if (case := case_of(name, report, *folders)) is not None]
    if not cases:
        raise script.NotHere("No service has both its truth (truth.py) and its runs (runs.py).")
    tell_cpu(report, cases)
    tell_steadiness(report, cases)
    tell_cost(report, cases)
    tell_memory(report, cases)
    tell_memory_kept(report, cases)
    tell_soaks(report, cases)
    tell_rules(report, cases)
    tell_predictions(report, cases)
    tell_fixes(report, cases)


def tell_cpu(report: Report, cases: list[Case]) -> None:
    table = report.table(
        "Advised cpu against brute force",
        "service", "passes once", "passes always", "advised", "runs",
        figure="within",
    )  # fmt: skip
    for case in cases:
        table.row(
            case.name, f"{case.once}m", f"{case.always}m", _sizes(case), str(len(case.runs)),
            values=[_mean([case.is_within(run) for run in case.runs])], unit="share",
        )  # fmt: skip
    every = [(case, run) for case in cases for run in case.runs]
    within = _mean([case.is_within(run) for case, run in every])
    exact = _mean([run["cpu_millicores"] == case.always for case, run in every])
    count = str(len(every))
    table.row("all: within", "", "", "", count, values=[within], goal=WITHIN)
    table.row("all: exactly what passes always", "", "", "", count, values=[exact], goal=EXACT)
    verified = _mean([run["standing"] == "verified" for _, run in every])
    table.row("all: verified", "", "", "", count, values=[verified], unit="share")


def _sizes(case: Case) -> str:
    """Each advised size and how often."""
    found = [run["cpu_millicores"] for run in case.runs]
    sizes = sorted(set(found), key=lambda size: (size is None, size or 0))
    return ", ".join(
        f"{found.count(size)} x {'none' if size is None else f'{size}m'}" for size in sizes
    )


def tell_steadiness(report: Report, cases: list[Case]) -> None:
    """What the machine itself did to the truth: the same requests, at the same sizes."""
    table = report.table(
        "Cpu time of a request at the same size: the dearest repetition against the cheapest",
        "service", "sizes",
        figure="dearer by",
    )  # fmt: skip
    for case in cases:
        costs = [
            [one["cpu_seconds_per_request"] for one in taken]
            for cpu in case.grid
            if (taken := case.keeps_up(cpu))
        ]
        dearer = [max(of_size) / min(of_size) - 1 for of_size in costs]
        table.row(case.name, str(len(dearer)), values=dearer, unit="share")


def tell_cost(report: Report, cases: list[Case]) -> None:
    table = report.table(
        "Cost of the search against brute force, and time to a verified answer",
        "service", "", "brute force",
        figure="a run",
    )  # fmt: skip
    for case in cases:
        sent = [run["search_requests"] / case.brute_requests for run in case.runs]
        seconds = [_seconds(run, SEARCH) / case.brute_s for run in case.runs]
        requests = f"{case.brute_requests:,} requests (the truth {case.counted_requests:,})"
        table.row(case.name, "requests of the search", requests, values=sent, goal=COST)
        table.row(
            case.name, "time of the search", f"{case.brute_s:,.0f} s", values=seconds, goal=COST
        )
        answered = [run for run in case.runs if run["standing"] == "verified"]
        table.row(
            case.name, "from start to a verified answer", "",
            values=[_seconds(run, WARM) for run in answered],
            unit="s", goal=WARM_GOAL if _is_short(case) else None,
        )  # fmt: skip


def _is_short(case: Case) -> bool:
    slowest_ms = max((run["reference"] or {}).get("p50_ms", 0.0) for run in case.runs)
    return slowest_ms <= SHORT_MS and spec_of(case.name).load.nominal_rps >= BUSY_RPS


def tell_memory(report: Report, cases: list[Case]) -> None:
    table = report.table(
        "Advised memory against the smallest limit that survives ten starts and loads",
        "service", "survives", "",
        figure="advised above it",
    )  # fmt: skip
    for case in cases:
        if case.truth.memory is None:
            report.note(f"Not measured: {case.name}: its smallest memory (memory_truth.py).")
            continue
        least = case.truth.memory["least_bytes"]
        above = [(run["memory_bytes"] - least) / MIB for run in case.advised]
        allowed = Goal(memory_allowance_bytes(least, case.margin) / MIB, "MiB")
        table.row(case.name, f"{least // MIB} MiB", "the most", values=above, goal=allowed)
        table.row(
            case.name, f"{least // MIB} MiB", "the least", values=[min(above)] if above else [],
            goal=Goal(0.0, "MiB", at_least=True),
        )  # fmt: skip


def tell_memory_kept(report: Report, cases: list[Case]) -> None:
    table = report.table(
        "Advised memory against the smallest limit that keeps the objective",
        "service", "at", "keeps it",
        figure="advised above it",
    )  # fmt: skip
    for case in cases:
        kept = (case.truth.memory or {}).get("kept")
        if kept is None:
            report.note(f"Not measured: {case.name}: the memory that it is quick with "
                        "(memory_kept.py).")  # fmt: skip
            continue
        least = kept["least_bytes"]
        above = [(run["memory_bytes"] - least) / MIB for run in case.advised]
        allowed = Goal(memory_allowance_bytes(least, case.margin) / MIB, "MiB")
        table.row(
            case.name, f"{kept['cpu_millicores']}m", f"{least // MIB} MiB",
            values=above, goal=allowed,
        )  # fmt: skip


def tell_soaks(report: Report, cases: list[Case]) -> None:
    table = report.table(
        "The load at an advised size, the smallest in memory, for minutes",
        "service", "size", "minutes", "requests", "failed",
        figure="killed for memory",
    )  # fmt: skip
    for case in cases:
        found = soak.soaked(case.name)
        if found is None:
            report.note(f"Not measured: {case.name}: whether it lives for long (soak.py).")
            continue
        size = f"{found['cpu_millicores']}m, {found['memory_bytes'] // MIB} MiB"
        died = found["oom_kills"] is None
        table.row(
            case.name, size, f"{found['minutes']:g}", f"{found['requests']:,}",
            f"{found['errors']:,}",
            values=[] if died else [found["oom_kills"]], goal=Goal(0.0, "times"),
        )  # fmt: skip


def tell_rules(report: Report, cases: list[Case]) -> None:
    """Ours and others' sizes from the very same runs."""
    table = report.table(
        "Sizes by rules that go by use at the largest size, from the same runs",
        "rule", "", "sizes",
        figure="broken objectives, then slack of the others",
    )  # fmt: skip
    ours = [(case, run["cpu_millicores"], run["memory_bytes"])
            for case in cases for run in case.advised]  # fmt: skip
    _tell_rule(table, "this one", ours)
    used = [(case, run["reference"]) for case in cases for run in case.runs if run["reference"]]
    for rule in RULES:
        sizes = [(case, rule.cpu(use), rule.memory(use)) for case, use in used]
        _tell_rule(table, rule.name, sizes)


def _tell_rule(table, name: str, sizes: list[tuple[Case, float, float]]) -> None:
    cpu = [judged_cpu(cpu, case.once, case.always, case.grid) for case, cpu, _ in sizes]
    memory = [
        judged_memory(size, case.truth.memory["least_bytes"])
        for case, _, size in sizes
        if case.truth.memory
    ]
    for what, judged in (("cpu", cpu), ("memory", memory)):
        if not judged:
            continue
        broken = [one.breaks for one in judged]
        slack = [one.slack for one in judged if one.slack is not None]
        table.row(name, f"{what}: broken", str(len(judged)), values=[_mean(broken)], unit="share")
        table.row(name, f"{what}: slack", str(len(slack)), values=slack, unit="share")


def _seconds(run: dict, phases: tuple[str, ...]) -> float:
    return sum(run["phases_s"].get(phase, 0.0) for phase in phases)


def _mean(values: list) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    script.run(bench, name="sizing", title="Advised sizes are the ones that are enough")
