"""p50 and p99 of closed loops, against the server's own log of the same requests.

The truth of a request runs from its receipt by the kernel, which stamps it, to its answer. What
this leaves out of a client's view is the way there and back, and the making of a connection.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import peers, script, truth
from bench.kit.cores import CAPACITY
from bench.kit.load import numbered, put_load
from bench.kit.report import Goal, Report, said
from bench.kit.truth_server import SOURCE, TruthServer, compiled, work_folder
from profiler.load.driver import Driver
from profiler.samples import OK
from profiler.spec import Stage

CONNECTIONS = (1, 8, 64)
SERVICE_MS = (5, 50)
PERCENTILES = {"p50": 50.0, "p99": 99.0}
SHARE, LEAST_MS = 0.03, 0.2
SECONDS, REPEATS = 2, 3
QUICK_SECONDS, QUICK_REPEATS = 1, 1


@dataclass(frozen=True)
class Case:
    """`alone` is a server that answers one request after the other."""

    connections: int
    service_ms: int
    closes: bool
    alone: bool = False

    def server(self, program: Path) -> TruthServer:
        kind = "work_ms" if self.alone else "delay_ms"
        return TruthServer(program, closes=self.closes, **{kind: self.service_ms})

    @property
    def cells(self) -> tuple[str, ...]:
        service = f"{self.service_ms} ms{', one at a time' if self.alone else ''}"
        return service, str(self.connections), "a new one each" if self.closes else "kept"


@dataclass(frozen=True)
class Seen:
    """Percentiles in ms of one load: the truth, and what a load tester says."""

    truth: dict[str, float]
    told: dict[str, float]

    def error_ms(self, name: str) -> float:
        return abs(self.told[name] - self.truth[name])


def cases() -> list[Case]:
    all_at_once = [
        Case(connections, service_ms, closes)
        for closes in (False, True)
        for service_ms in SERVICE_MS
        for connections in CONNECTIONS
    ]
    return [*all_at_once, Case(8, 5, closes=False, alone=True)]


def bench(report: Report) -> None:
    seconds, repeats = (QUICK_SECONDS, QUICK_REPEATS) if report.quick else (SECONDS, REPEATS)
    table = report.table(
        "Closed loop against the server's log",
        "service time", "at a time", "connections", "", "truth", "ours", "wrk off by",
        figure="ours off by",
    )  # fmt: skip
    with_wrk = peers.has("wrk", report)
    with work_folder() as folder:
        program = compiled(SOURCE, folder)
        rows = numbered(round(64 / 0.005 * seconds * 1.2))
        with Driver(rows, cores=CAPACITY.driver_cores, work_dir=folder) as driver:
            for case in cases():
                ours = [by_us(case, program, driver, seconds) for _ in range(repeats)]
                theirs = [by_wrk(case, program, seconds) for _ in range(repeats * with_wrk)]
                tell(table, case, ours, theirs)


def by_us(case: Case, program: Path, driver: Driver, seconds: float) -> Seen:
    """Only requests that were answered: those under way at the end are in neither."""
    with case.server(program) as server:
        driver.connect(server.address)
        columns = put_load(driver, Stage("closed", concurrency=case.connections), seconds).columns
    answered = columns["outcome"] == OK
    log = server.log.of(columns["row"][answered])
    return Seen(_named(log.from_arrival_ms), _named(truth.told_ms(columns)[answered]))


def by_wrk(case: Case, program: Path, seconds: float) -> Seen:
    with case.server(program) as server:
        told = peers.wrk(server.url, case.connections, seconds)
    return Seen(_named(server.log.from_arrival_ms), {"p50": told.p50_ms, "p99": told.p99_ms})


def _named(values: np.ndarray) -> dict[str, float]:
    return {name: truth.percentile(values, percent) for name, percent in PERCENTILES.items()}


def tell(table, case: Case, ours: list[Seen], theirs: list[Seen]) -> None:
    for name in PERCENTILES:
        true_ms = float(np.median([one.truth[name] for one in ours]))
        told_ms = float(np.median([one.told[name] for one in ours]))
        wrk = [one.error_ms(name) for one in theirs]
        table.row(
            *case.cells, name, said(true_ms, "ms"), said(told_ms, "ms"),
            said(float(np.median(wrk)), "ms") if wrk else "not here",
            values=[one.error_ms(name) for one in ours],
            goal=Goal(max(SHARE * true_ms, LEAST_MS), "ms"),
        )  # fmt: skip


if __name__ == "__main__":
    script.run(bench, name="closed_loop", title="Closed loops are told as they were")
