"""A minute of full load on the scoring server, which closes the connection after each answer.

A client that lets closed connections pile up (TIME-WAIT) slows down as it goes; wrk is measured
beside. The service is made and started as a run does it, in a container.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.kit import peers, script
from bench.kit.containers import LABELS, engine, spec_of
from bench.kit.cores import CAPACITY
from bench.kit.load import put_load
from bench.kit.report import Goal, Report
from profiler.control import Control
from profiler.dataset import Row
from profiler.load.driver import Driver
from profiler.samples import OK
from profiler.service import Service
from profiler.services.prepared import prepared
from profiler.services.readiness import wait_ready
from profiler.spec import Environment, ScoredConfig, Stage

SOURCE = script.ROOT / "examples" / "echo" / "service"
CONNECTIONS = 8
SECONDS, PART_S = 60, 10
QUICK_SECONDS, QUICK_PART_S = 9, 3
GOAL = Goal(0.05, "share")
BODY = b'{"data": [1, 2, 3]}'


def bench(report: Report) -> None:
    seconds, part_s = (QUICK_SECONDS, QUICK_PART_S) if report.quick else (SECONDS, PART_S)
    table = report.table(
        f"Closed loop, {CONNECTIONS} at a time, {seconds} s, a new connection for each request",
        "", f"requests/s, first {part_s} s", f"last {part_s} s", "failed",
        figure="slower at the end by",
    )  # fmt: skip
    with engine(), scoring_service() as service:
        rates, failed = our_rates(service, seconds, part_s)
        tell(table, "Model Profiler", rates, str(failed), GOAL)
        if peers.has("wrk", report):
            rates = wrk_rates(service, seconds, part_s)
            tell(table, "wrk", rates, "not told", None)


@contextmanager
def scoring_service() -> Iterator[Service]:
    """The echo example on azureml-inference-server-http, ready."""
    spec = spec_of(ScoredConfig("score.py", SOURCE, Environment()))
    control = Control(lambda event: None, lambda: False)
    with (
        tempfile.TemporaryDirectory(prefix="mp-bench-") as folder,
        prepared(spec, control, LABELS, Path(folder)) as start,
        start(spec.limits, ()) as service,
    ):
        wait_ready(service, spec.limits, timeout_s=60, check=lambda: None)
        yield service


def our_rates(service: Service, seconds: int, part_s: int) -> tuple[list[float], int]:
    """Answers per second in the first and in the last part, and how many requests failed."""
    row = Row(1, BODY, None, "application/json", "POST", "/score", ())
    with (
        tempfile.TemporaryDirectory(prefix="mp-bench-") as folder,
        Driver([row], cores=CAPACITY.driver_cores, work_dir=Path(folder)) as driver,
    ):
        driver.connect(service.address)
        stage = Stage("closed", concurrency=CONNECTIONS)
        put_load(driver, stage, 2.0)  # the first requests warm it up
        columns = put_load(driver, stage, seconds).columns
    answered = columns["outcome"] == OK
    at_s = (columns["finished_ns"][answered] - columns["scheduled_ns"][0]) / 1e9
    return ends(at_s, seconds, part_s), int((~answered).sum())


def ends(at_s: np.ndarray, seconds: int, part_s: int) -> list[float]:
    """Median count of the whole seconds of the first part, and of the last."""
    counts = np.bincount(at_s[at_s < seconds].astype(int), minlength=seconds)
    return [float(np.median(counts[:part_s])), float(np.median(counts[-part_s:]))]


def wrk_rates(service: Service, seconds: int, part_s: int) -> list[float]:
    """wrk for a part at a time, without a rest."""
    url = f"http://{service.address.host}:{service.address.port}/score"
    began = time.monotonic()
    rates = []
    while not rates or time.monotonic() - began < seconds - part_s / 2:
        rates.append(peers.wrk(url, CONNECTIONS, part_s, body=BODY).rps)
    return [rates[0], rates[-1]]


def tell(table, name: str, rates: list[float], failed: str, goal: Goal | None) -> None:
    first, last = rates
    table.row(
        name, f"{first:,.0f}", f"{last:,.0f}", failed,
        values=[1 - last / first], unit="share", goal=goal,
    )  # fmt: skip


if __name__ == "__main__":
    script.run(bench, name="scoring_server", title="No decay on a server that closes connections")
