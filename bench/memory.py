"""A spike and a ramp of memory in a container, as the engine reads them, against the program's log.

The program takes a known number of bytes at times that it writes down, with nothing else in its
container, and again with 500 MiB of file cache beside it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import script
from bench.kit.containers import container, engine, image_of, wait_for
from bench.kit.report import Goal, Report, said
from profiler.samples import Columns
from profiler.services.usage import UsageSampler
from profiler.units import MIB

SIZE_MIB, HOLD_MS, CACHE_MIB = 200, 50, 500
#: The kernel needs a page of table (4 KiB) for each 2 MiB of pages; it counts as the container's.
PAGE_TABLES_BYTES = SIZE_MIB * MIB // (2 * MIB) * 4096
REPEATS, QUICK_REPEATS = 5, 1
KERNEL_GOAL, PEAK_GOAL = Goal(1.0, "MiB"), Goal(0.03, "share")
LAG_GOAL = Goal(1.0, "samples")
#: What counts as seen: the kernel charges a container's memory in batches of 64 pages a core.
BATCH_BYTES = MIB


@dataclass(frozen=True)
class Held:
    """The program's log: when each step's pages were touched, and what it held afterwards."""

    begin_ns: np.ndarray
    end_ns: np.ndarray
    bytes: np.ndarray
    freed_ns: int

    @classmethod
    def read(cls, lines: list[list[str]]) -> Held:
        held = np.array([line[1:] for line in lines if line and line[0] == "held"], dtype=np.int64)
        freed = next(line for line in lines if line and line[0] == "freed")
        return cls(*held.T, int(freed[1]))


@dataclass(frozen=True)
class Seen:
    usage: Columns
    held: Held

    def before(self, name: str) -> float:
        """The column's median in the half second before the program took anything."""
        began_ns = self.held.begin_ns[0]
        at_ns = self.usage["at_ns"]
        quiet = (at_ns < began_ns) & (at_ns > began_ns - 500_000_000)
        return float(np.median(self.usage[name][quiet]))

    @property
    def true_growth(self) -> int:
        return int(self.held.bytes[-1]) + PAGE_TABLES_BYTES

    @property
    def kernel_off_mib(self) -> float:
        """The kernel's peak since it was reset, less what was there and what was taken."""
        true = self.before("memory_current_bytes") + self.true_growth
        return abs(float(self.usage["memory_kernel_peak_bytes"][-1]) - true) / MIB

    @property
    def peak_off(self) -> float:
        true = self.before("memory_working_set_bytes") + self.true_growth
        return abs(float(self.usage["memory_working_set_bytes"].max()) / true - 1)


def samples_behind(
    at_ns: np.ndarray, grown: np.ndarray, taken_ns: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """For each step, which sample after it is the first that shows it: 1 is the very next.

    `grown` are the bytes each sample at `at_ns` shows beyond those of before; `held` what the
    program held since `taken_ns`. A step that no sample shows counts as one more than there are.
    """
    behind = []
    for moment, size in zip(taken_ns, held, strict=True):
        after = grown[at_ns >= moment]
        shown = np.flatnonzero(after >= size - BATCH_BYTES)
        behind.append(int(shown[0]) + 1 if len(shown) else len(after) + 1)
    return np.array(behind)


def bench(report: Report) -> None:
    repeats = QUICK_REPEATS if report.quick else REPEATS
    table = report.table(
        f"{SIZE_MIB} MiB taken by a program in a container",
        "", "file cache beside", "measured", "truth",
        figure="off by",
    )  # fmt: skip
    with (
        engine() as client,
        image_of(client, "memory", cache_mib=CACHE_MIB) as image,
    ):
        for cache in (False, True):
            spikes = [take(client, image, "spike", cache) for _ in range(repeats)]
            ramps = [take(client, image, "ramp", cache) for _ in range(repeats)]
            tell(table, spikes, ramps, f"{CACHE_MIB} MiB" if cache else "none")


def take(client, image: str, plan: str, cache: bool) -> Seen:
    """One container that does as planned, sampled as a run samples it."""
    env = {"PLAN": plan, "CACHE": int(cache), "SIZE_MIB": SIZE_MIB, "HOLD_MS": HOLD_MS}
    with container(client, image, **env) as service, UsageSampler(service) as sampler:
        wait_for(service, "ready")
        service.reset_memory_peak()
        lines = wait_for(service, "done")
        time.sleep(0.1)
        return Seen(sampler.all(), Held.read(lines))


def tell(table, spikes: list[Seen], ramps: list[Seen], cache: str) -> None:
    spike = f"spike of {HOLD_MS} ms"
    for what, column, goal, off in (
        ("kernel's peak", "memory_current_bytes", KERNEL_GOAL, "kernel_off_mib"),
        ("working set's peak", "memory_working_set_bytes", PEAK_GOAL, "peak_off"),
    ):
        peak = "memory_kernel_peak_bytes" if column == "memory_current_bytes" else column
        measured = np.median([float(seen.usage[peak].max()) for seen in spikes])
        true = np.median([seen.before(column) + seen.true_growth for seen in spikes])
        table.row(
            f"{spike}, {what}", cache, said(measured / MIB, "MiB"), said(true / MIB, "MiB"),
            values=[getattr(seen, off) for seen in spikes], goal=goal,
        )  # fmt: skip
    behind = [_behind(seen) for seen in ramps]
    steps = sum(map(len, behind))
    at_once = sum(int((one == 1).sum()) for one in behind)
    table.row(
        "ramp, samples until a step shows", cache,
        f"{at_once} of {steps} steps in the next sample", f"{steps} steps",
        values=[float(one.max()) for one in behind], goal=LAG_GOAL,
    )  # fmt: skip


def _behind(seen: Seen) -> np.ndarray:
    grown = seen.usage["memory_working_set_bytes"] - seen.before("memory_working_set_bytes")
    return samples_behind(seen.usage["at_ns"], grown, seen.held.end_ns, seen.held.bytes)


if __name__ == "__main__":
    script.run(bench, name="memory", title="Memory is what the program took")
