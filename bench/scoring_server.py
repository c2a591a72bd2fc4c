"""A minute of full load on the scoring server, which closes the connection after each answer.

A client that lets closed connections pile up (TIME-WAIT) slows down as it goes; wrk is measured
beside. The service is made and started as a run does it, in a container. What a request costs it
in CPU at the beginning and at the end tells whether it is the service that changes, or its host.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.kit import peers, script
from bench.kit.containers import LABELS, engine, spec_of
from bench.kit.cores import CAPACITY
from bench.kit.load import put_load
from bench.kit.report import Goal, Report, said
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
SECONDS, PART_S, REPEATS = 60, 10, 3
QUICK_SECONDS, QUICK_PART_S, QUICK_REPEATS = 9, 3, 1
GOAL = Goal(0.05, "share")
BODY = b'{"data": [1, 2, 3]}'


@dataclass(frozen=True)
class Minute:
    """One load, its first part and its last: answers per second, the service's CPU a request."""

    first_rps: float
    last_rps: float
    failed: int | None = None
    first_cpu_ms: float | None = None
    last_cpu_ms: float | None = None


def bench(report: Report) -> None:
    whole = (SECONDS, PART_S, REPEATS)
    seconds, part_s, repeats = (
        (QUICK_SECONDS, QUICK_PART_S, QUICK_REPEATS) if report.quick else whole
    )
    table = report.table(
        f"Closed loop, {CONNECTIONS} at a time, {seconds} s, a new connection for each request",
        "", f"requests/s, first {part_s} s", f"last {part_s} s",
        "service's CPU per request, first", "last", "failed",
        figure="slower at the end by",
    )  # fmt: skip
    with engine(), scoring_service() as service:
        ours = [by_us(service, seconds, part_s) for _ in range(repeats)]
        tell(table, "Model Profiler", ours, GOAL)
        if peers.has("wrk", report):
            tell(table, "wrk", [by_wrk(service, seconds, part_s)], None)


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


def by_us(service: Service, seconds: int, part_s: int) -> Minute:
    row = Row(1, BODY, None, "application/json", "POST", "/score", ())
    with (
        tempfile.TemporaryDirectory(prefix="mp-bench-") as folder,
        Driver([row], cores=CAPACITY.driver_cores, work_dir=Path(folder)) as driver,
        ThreadPoolExecutor(1) as beside,
    ):
        driver.connect(service.address)
        stage = Stage("closed", concurrency=CONNECTIONS)
        put_load(driver, stage, 2.0)  # the first requests warm it up
        reading = beside.submit(cpu_ms_at, service, (0, part_s, seconds - part_s, seconds))
        columns = put_load(driver, stage, seconds + 0.1).columns
        cpu_ms = reading.result()
    answered = columns["outcome"] == OK
    at_s = (columns["finished_ns"][answered] - columns["scheduled_ns"][0]) / 1e9
    counts = np.bincount(at_s[at_s < seconds].astype(int), minlength=seconds)
    first, last = counts[:part_s], counts[-part_s:]
    return Minute(
        float(np.median(first)),
        float(np.median(last)),
        int((~answered).sum()),
        (cpu_ms[1] - cpu_ms[0]) / first.sum(),
        (cpu_ms[3] - cpu_ms[2]) / last.sum(),
    )


def cpu_ms_at(service: Service, moments_s: Sequence[float]) -> list[float]:
    """The service's CPU time so far, read at each of these seconds from now."""
    began = time.monotonic()
    read = []
    for moment_s in moments_s:
        time.sleep(max(0.0, began + moment_s - time.monotonic()))
        read.append(service.read_usage().cpu_ns / 1e6)
    return read


def by_wrk(service: Service, seconds: int, part_s: int) -> Minute:
    """wrk for a part at a time, without a rest."""
    url = f"http://{service.address.host}:{service.address.port}/score"
    began = time.monotonic()
    rates = []
    while not rates or time.monotonic() - began < seconds - part_s / 2:
        rates.append(peers.wrk(url, CONNECTIONS, part_s, body=BODY).rps)
    return Minute(rates[0], rates[-1])


def tell(table, name: str, minutes: list[Minute], goal: Goal | None) -> None:
    table.row(
        name,
        f"{statistics.median(one.first_rps for one in minutes):,.0f}",
        f"{statistics.median(one.last_rps for one in minutes):,.0f}",
        _middle_ms([one.first_cpu_ms for one in minutes]),
        _middle_ms([one.last_cpu_ms for one in minutes]),
        "not told" if minutes[0].failed is None else str(sum(one.failed for one in minutes)),
        values=[1 - one.last_rps / one.first_rps for one in minutes],
        unit="share",
        goal=goal,
    )


def _middle_ms(values: list[float | None]) -> str:
    return "not read" if None in values else said(statistics.median(values), "ms")


if __name__ == "__main__":
    script.run(bench, name="scoring_server", title="No decay on a server that closes connections")
