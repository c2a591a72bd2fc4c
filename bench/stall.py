"""A server that stands still: what is said of its latency, against the truth.

The server stops for 200 ms at times that it writes down. The truth is computed from the schedule,
made anew from the load's seed, and from the server's own log of its answers.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import peers, script, truth
from bench.kit.cores import CAPACITY
from bench.kit.load import Loaded, numbered, put_load
from bench.kit.report import Goal, Report, said
from bench.kit.truth_server import SOURCE, TruthServer, compiled, work_folder
from profiler.load.driver import Driver
from profiler.spec import Stage

RATES_RPS = (200, 1000, 5000)
PERCENTILES = {"p99": 99.0, "p99.9": 99.9}
STALL_MS = 200
#: A stall in each so many seconds, somewhere in it: 4 % of the time.
EVERY_S = 5
SECONDS, REPEATS = 12, 3
QUICK_SECONDS, QUICK_REPEATS = 5, 1
WRK_CONNECTIONS = 32


@dataclass(frozen=True)
class Seen:
    """One load, in ms by percentile: the truth, what we say, and what others would."""

    truth: dict[str, float]
    ours: dict[str, float]
    service_alone: dict[str, float]
    lost: int

    def error(self, name: str) -> float:
        return abs(self.ours[name] / self.truth[name] - 1)


def bench(report: Report) -> None:
    seconds, repeats = (QUICK_SECONDS, QUICK_REPEATS) if report.quick else (SECONDS, REPEATS)
    table = report.table(
        f"Latency of a server that stalls {STALL_MS} ms in every {EVERY_S} s, Poisson arrivals",
        "rate", "", "truth", "ours", "server's own service time", "hey", "wrk",
        figure="ours is off by",
    )  # fmt: skip
    with work_folder() as folder:
        program = compiled(SOURCE, folder)
        for rate_rps in RATES_RPS:
            rows = numbered(round(rate_rps * seconds * 1.3) + 100)
            with Driver(rows, cores=CAPACITY.driver_cores, work_dir=folder) as driver:
                seen = [look(program, driver, rate_rps, seconds, seed) for seed in range(repeats)]
            others = [told_by_peer(program, name, rate_rps, seconds, report)
                      for name in ("hey", "wrk")]  # fmt: skip
            tell(table, rate_rps, seen, others)
            for lost in (one.lost for one in seen if one.lost):
                report.note(f"At {rate_rps}/s the server never saw {lost} of the requests.")
    report.note(
        "The server's own service time leaves out what waited for it: that is what omission hides. "
        f"hey keeps the rate with {peers.HEY_WORKERS} workers that wait for their answers. wrk "
        f"knows no rate, has {WRK_CONNECTIONS} connections that wait, and adds values it did not "
        "measure where an answer took long."
    )


def look(program: Path, driver: Driver, rate_rps: float, seconds: float, seed: int) -> Seen:
    with stalling(program, seconds, seed) as server:
        driver.connect(server.address)
        loaded = put_load(driver, Stage("open", rate_rps=rate_rps), seconds, seed=seed)
    return compare(loaded, server.log, rate_rps, seed)


def stalling(program: Path, seconds: float, seed: int) -> TruthServer:
    """A server whose stalls are each somewhere in a stretch of EVERY_S."""
    within_ms = EVERY_S * 1000 - STALL_MS - 1000
    offsets = np.random.default_rng([seed, STALL_MS]).integers(500, within_ms, 1000)
    begins = range(0, int(seconds * 1000), EVERY_S * 1000)
    at_ms = [begin + int(offset) for begin, offset in zip(begins, offsets, strict=False)]
    return TruthServer(program, stall_ms=STALL_MS, stalls_at_ms=at_ms)


def compare(loaded: Loaded, log: truth.ServerLog, rate_rps: float, seed: int) -> Seen:
    columns = loaded.columns
    due_ns = truth.due_times(columns, rate_rps, seed, loaded.asked_ns)
    true_ms = truth.latencies_ms(due_ns, log)
    seen = {
        "truth": true_ms[~np.isnan(true_ms)],
        "ours": truth.told_ms(columns),
        "service_alone": log.service_ms,
    }
    return Seen(
        **{
            view: {name: truth.percentile(values, p) for name, p in PERCENTILES.items()}
            for view, values in seen.items()
        },
        lost=int(np.isnan(true_ms).sum()),
    )


def told_by_peer(
    program: Path, name: str, rate_rps: float, seconds: float, report: Report
) -> peers.Told | None:
    if not peers.has(name, report):
        return None
    with stalling(program, seconds, seed=0) as server:
        if name == "hey":
            return peers.hey_at(server.url, rate_rps, seconds)
        return peers.wrk(server.url, WRK_CONNECTIONS, seconds)


def tell(table, rate_rps: int, seen: list[Seen], others: list[peers.Told | None]) -> None:
    goal = Goal(0.02 if rate_rps <= 1000 else 0.05, "share")
    for name in PERCENTILES:
        key = "p99_ms" if name == "p99" else "p999_ms"
        views = ("truth", "ours", "service_alone")
        table.row(
            f"{rate_rps:,}/s",
            name,
            *(said(float(np.median([getattr(one, view)[name] for one in seen])), "ms")
              for view in views),
            *("not here" if told is None else said(getattr(told, key), "ms") for told in others),
            values=[one.error(name) for one in seen],
            goal=goal,
        )  # fmt: skip


if __name__ == "__main__":
    script.run(bench, name="stall", title="A stall is not hidden")
