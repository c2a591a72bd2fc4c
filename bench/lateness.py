"""How late the driver sends, with real-time priority and without it.

The driver's own word, and beside it when the kernel received each request, which is the server's:
it cannot be earlier than the sending was.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.kit import script, truth
from bench.kit.cores import CAPACITY
from bench.kit.load import driver_process, numbered, put_load, without_priority
from bench.kit.report import Goal, Report, said
from bench.kit.truth_server import SOURCE, TruthServer, compiled, work_folder
from profiler.load.driver import Driver
from profiler.spec import Stage
from profiler.units import NS_PER_MS

RATES_RPS = (200, 1000, 2000, 5000)
#: The rate that the goals are for.
JUDGED_RPS = 5000
GOALS = {"p99": (99.0, Goal(0.1, "ms")), "p99.9": (99.9, Goal(1.0, "ms"))}
SECONDS, REPEATS = 5, 3
QUICK_SECONDS, QUICK_REPEATS = 2, 1


def bench(report: Report) -> None:
    table = report.table(
        "Sent less due, Poisson arrivals",
        "rate", "priority", "", "received by the kernel less due", "driver busy",
        figure="late by",
    )  # fmt: skip
    with work_folder() as folder:
        program = compiled(SOURCE, folder)
        for priority in ("real-time", "ordinary"):
            rows = numbered(round(max(RATES_RPS) * SECONDS * 1.3))
            with Driver(rows, cores=CAPACITY.driver_cores, work_dir=folder) as driver:
                if priority == "ordinary":
                    without_priority(driver_process().pid)
                for rate_rps in RATES_RPS:
                    keep_time(driver, program, rate_rps, priority, report, table)


def keep_time(
    driver: Driver, program: Path, rate_rps: int, priority: str, report: Report, table
) -> None:
    seconds, repeats = (QUICK_SECONDS, QUICK_REPEATS) if report.quick else (SECONDS, REPEATS)
    late, received, busy = [], [], []
    for seed in range(repeats):
        with TruthServer(program) as server:
            driver.connect(server.address)
            loaded = put_load(driver, Stage("open", rate_rps=rate_rps), seconds, seed=seed)
        columns = loaded.columns
        due_ns = truth.due_times(columns, rate_rps, seed, loaded.asked_ns)
        late.append((columns["sent_ns"] - due_ns) / NS_PER_MS)
        received.append(truth.received_ms(due_ns, server.log))
        busy.append(loaded.report.busy_fraction)
    if priority == "real-time" and not loaded.report.realtime:
        report.note("Real-time priority is not permitted here: both halves are without it.")
        priority = "refused"
    for name, (percent, goal) in GOALS.items():
        arrived = np.median([truth.percentile(values, percent) for values in received])
        table.row(
            f"{rate_rps:,}/s",
            priority,
            name,
            said(float(arrived), "ms"),
            said(float(np.median(busy)), "share"),
            values=[truth.percentile(values, percent) for values in late],
            unit="ms",
            goal=goal if rate_rps == JUDGED_RPS and priority != "ordinary" else None,
        )


if __name__ == "__main__":
    script.run(bench, name="lateness", title="The driver is on time")
