"""CPU-seconds of a container, as the engine counts them, against the processes' own clocks.

The truth is the sum of all processes' CPU clocks at their very ends, which the kernel tells their
parent, and the parent's own. Beside it is what each read of its own clock as the last thing it did:
the kernel's work of ending a process is not in that.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import statistics

from bench.kit import script
from bench.kit.containers import container, engine, image_of, wait_for
from bench.kit.report import Goal, Report
from profiler.measuring.consumption import counted_between
from profiler.services.usage import UsageSampler

REPEATS, QUICK_REPEATS = 3, 1
GOAL = Goal(0.01, "share")
#: The program rests before and after, so that the edges do not fall between two samples.
QUIET_NS = 500_000_000


@dataclass(frozen=True)
class Case:
    name: str
    cpu_millicores: int = 1000
    processes: int = 1
    threads: int = 1
    cpu_ms: int = 1500
    at_once: int = 1

    def env(self) -> dict[str, int]:
        return {
            "PROCESSES": self.processes,
            "THREADS": self.threads,
            "CPU_MS": self.cpu_ms,
            "AT_ONCE": self.at_once,
        }


CASES = (
    Case("1 process"),
    Case("4 processes at once", processes=4, cpu_ms=500, at_once=4),
    Case("2 processes of 4 threads", processes=2, threads=4, cpu_ms=250, at_once=2),
    Case("200 processes that end after 10 ms", processes=200, cpu_ms=10, at_once=4),
    Case("4 processes, throttled at 300m", 300, processes=4, cpu_ms=200, at_once=4),
)


@dataclass(frozen=True)
class Seen:
    true_s: float
    read_s: float
    measured_s: float

    @property
    def off(self) -> float:
        return abs(self.measured_s / self.true_s - 1)


def bench(report: Report) -> None:
    repeats = QUICK_REPEATS if report.quick else REPEATS
    table = report.table(
        "CPU-seconds of all processes in a container",
        "", "truth", "last read by themselves", "measured",
        figure="off by",
    )  # fmt: skip
    with engine() as client, image_of(client, "cpu") as image:
        for case in CASES:
            seen = [burn(client, image, case) for _ in range(repeats)]
            names = ("true_s", "read_s", "measured_s")
            medians = (statistics.median(getattr(one, name) for one in seen) for name in names)
            table.row(
                case.name, *(f"{seconds:.3f} s" for seconds in medians),
                values=[one.off for one in seen], goal=GOAL,
            )  # fmt: skip


def burn(client, image: str, case: Case) -> Seen:
    options = {"cpu_millicores": case.cpu_millicores, **case.env()}
    with container(client, image, **options) as service:
        with UsageSampler(service) as sampler:
            lines = wait_for(service, "done")
        used = next(line for line in lines if line and line[0] == "used")
        begin_ns, end_ns, read_ns, true_ns = map(int, used[1:])
        first_ns, last_ns = begin_ns - QUIET_NS, end_ns + QUIET_NS
        counted_ns = counted_between(sampler.all(), "cpu_ns", first_ns, last_ns)
    return Seen(true_ns / 1e9, read_ns / 1e9, counted_ns / 1e9)


if __name__ == "__main__":
    script.run(bench, name="cpu", title="CPU-seconds are what the processes used")
