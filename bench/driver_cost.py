"""What a request costs the load tester in CPU, and how many it can send, beside its peers.

All ask the same server, one after the other in every round, from the same core. Ours is judged
whole: the driver's process and the engine's part, which takes down what the driver records. The
driver's process alone is shown too.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import peers, script
from bench.kit.cores import CAPACITY
from bench.kit.load import numbered, put_load
from bench.kit.peers import Told
from bench.kit.report import Goal, Report, said
from bench.kit.truth_server import SOURCE, TruthServer, compiled, work_folder
from profiler.load.driver import Driver
from profiler.spec import Stage

CONNECTIONS = 32
SECONDS, REPEATS = 3, 3
QUICK_SECONDS, QUICK_REPEATS = 1, 1
#: Ours over theirs, at most.
MOST_OF = {"wrk": 1.5, "Locust": 1 / 8, "requests": 1 / 30}
OURS = "Model Profiler"
ALONE = "its driver's process alone"
OPEN_RPS = 1000


def bench(report: Report) -> None:
    with work_folder() as folder:
        program = compiled(SOURCE, folder)
        rows = numbered(1)
        with Driver(rows, cores=CAPACITY.driver_cores, work_dir=folder) as driver:
            compare(report, program, driver, CONNECTIONS, closes=False, everyone=True)
            compare(report, program, driver, 1, closes=False, everyone=False)
            compare(report, program, driver, CONNECTIONS, closes=True, everyone=False)
            compare(report, program, driver, 1, closes=True, everyone=False)
            open_loop(report, program, driver)


def compare(
    report: Report, program: Path, driver: Driver, connections: int, *, closes: bool, everyone: bool
) -> None:
    """Closed loop, as fast as each can. With `everyone`, the slow ones too, and the goals."""
    seconds, repeats = _length(report)
    found: dict[str, list[Told]] = {OURS: [], ALONE: []}
    with TruthServer(program, closes=closes) as server:
        driver.connect(server.address)
        asked = _peers(report, server.url, connections, seconds, closes, everyone)
        for _ in range(repeats):
            for name, ask in asked.items():
                found.setdefault(name, []).append(ask())
            whole, alone = ours(driver, Stage("closed", concurrency=connections), seconds)
            found[OURS].append(whole)
            found[ALONE].append(alone)
    where = "a new one for each request" if closes else "kept"
    table = report.table(
        f"Closed loop, {connections} at a time, connections: {where}",
        "", "requests/s", "CPU per 1,000 requests",
        figure=f"CPU of {OURS} over its",
    )  # fmt: skip
    for name, told in found.items():
        most = MOST_OF.get(name) if everyone else None
        table.row(
            name,
            f"{statistics.median(one.rps for one in told):,.0f}",
            said(statistics.median(one.cpu_s_per_1000 for one in told) * 1000, "ms"),
            values=[] if name in (OURS, ALONE) else [
                ours.cpu_s_per_1000 / theirs.cpu_s_per_1000
                for ours, theirs in zip(found[OURS], told, strict=True)
            ],
            unit="times",
            goal=Goal(most, "times") if most else None,
        )  # fmt: skip


def _peers(
    report: Report, url: str, connections: int, seconds: float, closes: bool, everyone: bool
) -> dict[str, Callable[[], Told]]:
    found = {}
    if peers.has("wrk", report):
        found["wrk"] = lambda: peers.wrk(url, connections, seconds)
    if peers.has("hey", report):
        found["hey"] = lambda: peers.hey(url, connections, seconds, closes=closes)
    if everyone and (python := peers.environment(report)):
        found["Locust"] = lambda: peers.locust(python, url, connections, seconds)
        found["requests"] = lambda: peers.threads(python, url, connections, seconds)
    return found


def ours(driver: Driver, stage: Stage, seconds: float) -> tuple[Told, Told]:
    """All that it costs, and the driver's process alone."""
    loaded = put_load(driver, stage, seconds)
    took_s = loaded.requests / loaded.rps
    whole_s = loaded.driver_cpu_s + loaded.engine_cpu_s
    return tuple(Told(loaded.requests, took_s, cpu) for cpu in (whole_s, loaded.driver_cpu_s))


def open_loop(report: Report, program: Path, driver: Driver) -> None:
    """What being on time costs: the driver wakes early for each request and looks round."""
    seconds, repeats = _length(report)
    table = report.table(
        f"{OURS} alone, open loop", "rate", "of it the engine's part",
        figure="CPU per 1,000 requests",
    )  # fmt: skip
    with TruthServer(program) as server:
        driver.connect(server.address)
        stage = Stage("open", rate_rps=OPEN_RPS)
        loads = [put_load(driver, stage, seconds, seed=seed) for seed in range(repeats)]
    part = [one.engine_cpu_s / (one.driver_cpu_s + one.engine_cpu_s) for one in loads]
    table.row(
        f"{OPEN_RPS:,}/s",
        said(statistics.median(part), "share"),
        values=[(one.driver_cpu_s + one.engine_cpu_s) / one.requests * 1e6 for one in loads],
        unit="ms",
    )


def _length(report: Report) -> tuple[float, int]:
    return (QUICK_SECONDS, QUICK_REPEATS) if report.quick else (SECONDS, REPEATS)


if __name__ == "__main__":
    script.run(bench, name="driver_cost", title="The driver costs little")
