"""What runs said of sizes they did not measure, against the truth; and of too many threads."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.kit.report import Goal, Report
from bench.sizing.case import Case
from bench.sizing.catalogue import spec_of
from profiler.sizing.latency_model import LatencyModel

#: Of the percentile's error at a size that was not measured.
GOALS = {"95": Goal(0.10, "share"), "99": Goal(0.20, "share")}
#: The services whose configs ask for more threads than the quota allows, and the diagnosis's code.
OVER_QUOTA = ("threads", "onnx")
MISMATCH = "threads-over-quota"


def tell_predictions(report: Report, cases: list[Case]) -> None:
    """Each run's model of latency at the sizes of the grid that the run itself did not measure."""
    table = report.table(
        "Latency predicted at a size that was not measured, against brute force",
        "service", "", "predictions", "of runs",
        figure="error",
    )  # fmt: skip
    for percentile, goal in GOALS.items():
        every: list[float] = []
        for case in cases:
            found = [list(errors(case, run, percentile)) for run in case.runs]
            flat = [error for of_run in found for error in of_run]
            every += flat
            counts = str(len(flat)), f"{sum(map(bool, found))} of {len(found)}"
            table.row(case.name, f"p{percentile}", *counts, values=flat, unit="share")
        table.row("all", f"p{percentile}", str(len(every)), "", values=every, goal=goal)
        itself = [error for case in cases for error in own_errors(case, percentile)]
        table.row("brute force itself", f"p{percentile}", "", "", values=itself, unit="share")
    report.note(
        "Predictions are of sizes that keep up with the load. A run has none where it says that "
        "its model does not describe the service, or where it measured every size that keeps up."
    )


def errors(case: Case, run: dict, percentile: str) -> Iterator[float]:
    """By what share a run's predictions are off the median of the truth's repetitions."""
    model = LatencyModel.from_json(run.get("latency_model"))
    if model is None:
        return
    rate = spec_of(case.name).load.stages[0].rate_rps
    measured = {m["cpu_millicores"] for m in run["measurements"]}
    for cpu in case.grid:
        truth = case.keeps_up(cpu)
        if cpu in measured or not truth:
            continue
        predicted = model.predict(cpu, rate, percentile)
        true = statistics.median(one["latency_ms"][f"p{percentile}"] for one in truth)
        yield 1.0 if predicted.overloaded else abs(predicted.latency_ms / true - 1)


def own_errors(case: Case, percentile: str) -> Iterator[float]:
    """By what share each repetition of the truth is off the median of the others."""
    for cpu in case.grid:
        values = [one["latency_ms"][f"p{percentile}"] for one in case.keeps_up(cpu)]
        for place, value in enumerate(values):
            others = values[:place] + values[place + 1 :]
            yield abs(value / statistics.median(others) - 1)


def tell_fixes(report: Report, cases: list[Case]) -> None:
    chosen = [case for case in cases if case.name in OVER_QUOTA]
    if not chosen:
        return
    table = report.table(
        "Threads over the quota: found, named and fixed with the re-measured gain",
        "service", "runs", "gain of the last",
        figure="found and re-measured",
    )  # fmt: skip
    for case in chosen:
        found = [mended for run in case.runs if (mended := fix_of(run))]
        share = len(found) / len(case.runs)
        table.row(
            case.name, str(len(case.runs)), found[-1]["gain"] if found else "",
            values=[share], goal=Goal(1.0, "share", at_least=True),
        )  # fmt: skip


def fix_of(run: dict) -> dict | None:
    """The diagnosis of threads over the quota with a fix that was measured."""
    named = (one for one in run.get("diagnoses", ()) if one["code"] == MISMATCH)
    return next((one for one in named if one["fix"] and one["remeasured"]), None)
