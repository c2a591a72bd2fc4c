"""What sampling a container's counters costs, as a share of a core."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.kit import script
from bench.kit.containers import container, engine, image_of, wait_for
from bench.kit.report import Goal, Report, said
from profiler.services.usage import UsageSampler

SECONDS, REPEATS = 10, 3
QUICK_SECONDS, QUICK_REPEATS = 2, 1
GOAL = Goal(0.01, "share")
#: Processes in the container beside its first.
CHILDREN = (0, 50)


@dataclass(frozen=True)
class Seen:
    """`share` of a core, samples a second, and the longest time between two of them."""

    share: float
    rate: float
    gap_ms: float


def bench(report: Report) -> None:
    seconds, repeats = (QUICK_SECONDS, QUICK_REPEATS) if report.quick else (SECONDS, REPEATS)
    table = report.table(
        "The sampler's thread, while nothing else goes on in its process",
        "processes in the container", "samples/s", "longest gap",
        figure="share of a core",
    )  # fmt: skip
    with engine() as client, image_of(client, "memory") as image:
        for children in CHILDREN:
            with container(client, image, CHILDREN=children) as service:
                wait_for(service, "done")
                seen = [sample(service, seconds) for _ in range(repeats)]
            table.row(
                str(children + 1),
                f"{np.median([one.rate for one in seen]):.1f}",
                said(float(np.median([one.gap_ms for one in seen])), "ms"),
                values=[one.share for one in seen],
                goal=GOAL,
            )


def sample(service, seconds: float) -> Seen:
    """The process's own CPU clock counts kernel time too, which reading the files mostly is."""
    with UsageSampler(service) as sampler:
        began, cpu_began = time.monotonic(), time.process_time()
        time.sleep(seconds)
        elapsed, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
        at_ns = sampler.all()["at_ns"]
    gaps_ms = np.diff(at_ns) / 1e6
    return Seen(cpu_s / elapsed, len(at_ns) / elapsed, float(gaps_ms.max()))


if __name__ == "__main__":
    script.run(bench, name="sampler", title="Sampling costs next to nothing")
