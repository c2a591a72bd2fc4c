"""Our driver under a bench: numbered requests, and what a load of them cost in CPU."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

from profiler.dataset import Row
from profiler.load.driver import Driver, DriverReport
from profiler.samples import Columns
from profiler.spec import Load, Stage

MODULE = "profiler.load.driver_process"


def numbered(count: int) -> list[Row]:
    """Requests that the truth server can tell apart: GET /1, GET /2, ..."""
    return [Row(number, b"", None, "", "GET", f"/{number}", ()) for number in range(1, count + 1)]


@dataclass(frozen=True)
class Loaded:
    """A load that is over. CPU-seconds: of the driver's process, and of ours, which takes down
    what that one records. `asked_ns` is when we told the driver to begin."""

    asked_ns: int
    columns: Columns
    report: DriverReport
    driver_cpu_s: float
    engine_cpu_s: float

    @property
    def requests(self) -> int:
        return len(self.columns["finished_ns"])

    @property
    def rps(self) -> float:
        """Answers per second between the first and the last."""
        finished_ns = self.columns["finished_ns"]
        return (len(finished_ns) - 1) / ((finished_ns.max() - finished_ns.min()) / 1e9)


def put_load(driver: Driver, stage: Stage, seconds: float, *, seed: int = 0) -> Loaded:
    """This stage for some seconds; all answers are waited for."""
    process = driver_process()
    before = cpu_s(process.pid), time.process_time()
    asked_ns = time.monotonic_ns()
    driver.start(Load((stage,), seed=seed))
    time.sleep(seconds)
    report = driver.stop(drain_s=5.0)
    after = cpu_s(process.pid), time.process_time()
    used = (after[0] - before[0], after[1] - before[1])
    return Loaded(asked_ns, driver.results(), report, *used)


def driver_process() -> psutil.Process:
    """The process of the driver that is open: a child of ours."""
    children = psutil.Process().children()
    return next(child for child in children if MODULE in child.cmdline())


def cpu_s(pid: int) -> float:
    """The CPU time of a process, all its threads, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def without_priority(pid: int) -> None:
    """As the process would run for a user who is permitted no real-time priority."""
    os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
