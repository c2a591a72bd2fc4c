"""The smallest memory limit within which each service keeps its objective, with cpu to spare.

A service may survive a limit and read its files again for each request there, and be too slow.
Tried from the smallest limit that survives upwards by 2,000 requests to fresh services, as each
point of the truth is. The cpu is a step more than the smallest that passes in all repetitions: at
that one the minute decides as much as the memory does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit.report import circumstances, say
from bench.sizing.catalogue import spec_of
from bench.sizing.command import add_time, parsed, parser, stopper
from bench.sizing.memory_truth import STEP_BYTES
from bench.sizing.stage import Stage, staged
from bench.sizing.truth import REQUESTS, known, point
from bench.sizing.truth_file import FOLDER, Truth
from profiler.errors import Cancelled, RunFailed
from profiler.spec import Limits
from profiler.units import MIB

#: So many fresh services must keep it.
STARTS = 3
#: So often at most it is the machine that is too slow, as the largest memory does not help either.
MOST_SLOW = 5
#: What arrivals are drawn for here, by number: those of the truth (truth.DRAWN_FOR) are others.
DRAWN_FOR = 10


def main() -> int:
    by = parser(__doc__)
    add_time(by)
    by.add_argument("--out", type=Path, default=FOLDER, help="folder of the truth")
    options = parsed(by)
    should_stop = stopper(options.max_minutes)
    for name in options.services:
        if should_stop():
            break
        truth = known(name, options.out, REQUESTS, afresh=False)
        if truth.memory is None or truth.passes_always_millicores is None:
            say(f"{name}: left out, as its truth (truth.py, memory_truth.py) is not whole")
            continue
        if truth.memory.get("kept", {}).get("cpu_millicores") == with_room(truth):
            continue
        say(f"\n{name} at {with_room(truth)}m")
        try:
            truth.memory["kept"] = found(name, truth, should_stop)
        except (Cancelled, TooSlow) as stopped:
            say(f"stopped; this service begins anew next time. {stopped}")
            continue
        truth.write(options.out)
        say(f"  keeps it from {truth.memory['kept']['least_bytes'] // MIB} MiB")
    return 0


def with_room(truth: Truth) -> int:
    """The size of the grid after the one that passes always; that one where it is the largest."""
    larger = [size for size in truth.points if size > truth.passes_always_millicores]
    return min(larger, default=truth.passes_always_millicores)


class TooSlow(Exception):
    """The machine is: the largest memory does not keep the objective either."""


def found(name: str, truth: Truth, should_stop: Callable[[], bool]) -> dict:
    """The smallest limit, and everything that was tried."""
    spec, began, tries = spec_of(name), time.monotonic(), []
    facts, cpu, limit = circumstances(), with_room(truth), truth.memory["least_bytes"]
    with staged(spec, should_stop) as stage:

        def keeps(memory_bytes: int) -> bool:
            tries.append(once(stage, cpu, memory_bytes, (DRAWN_FOR, len(tries))))
            tell(tries[-1])
            return tries[-1]["outcome"] == "passed"

        while not is_enough(keeps, limit, spec.limits.memory_bytes):
            limit += STEP_BYTES
    return {
        "least_bytes": limit,
        "cpu_millicores": cpu,
        "tries": tries,
        "took_s": round(time.monotonic() - began, 1),
        "circumstances": facts,
    }


def is_enough(keeps: Callable[[int], bool], memory_bytes: int, largest_bytes: int) -> bool:
    """Whether so many fresh services keep the objective within this limit.

    One that does not tells of the limit only where the largest memory keeps it right after.
    """
    kept = slow = 0
    while kept < STARTS:
        if keeps(memory_bytes):
            kept += 1
        elif keeps(largest_bytes):
            return False
        elif (slow := slow + 1) == MOST_SLOW:
            raise TooSlow("The largest memory did not keep the objective either.")
    return True


def once(stage: Stage, cpu_millicores: int, memory_bytes: int, draw: tuple[int, ...]) -> dict:
    """A fresh service within this limit, started and warmed up at the largest cpu."""
    try:
        with stage.service(Limits(stage.spec.limits.cpu_millicores, memory_bytes)) as rig:
            taken = point(stage, rig, cpu_millicores, REQUESTS, draw)
    except RunFailed as failure:
        return {"memory_bytes": memory_bytes, "outcome": "failed", "died_of": failure.code}
    told = ("outcome", "over_bound", "counted", "latency_ms", "cpu_seconds_per_request")
    return {"memory_bytes": memory_bytes, "died_of": None, **{name: taken[name] for name in told}}


def tell(tried: dict) -> None:
    seen = tried["died_of"] or f"{tried['over_bound']} of {tried['counted']} over"
    say(f"  {tried['memory_bytes'] // MIB} MiB {tried['outcome']}: {seen}")


if __name__ == "__main__":
    sys.exit(main())
