"""The smallest memory limit that each service survives: ten starts and loads of it.

Found by bisection of real starts in steps of 16 MiB, and kept beside the truth about cpu. Every
start sends each row once, warms up and then loads the service for some seconds. A service that
lives and does not answer, because it reads its own code again and again, has not survived.
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
from bench.sizing.stage import Stage, staged
from bench.sizing.truth import REQUESTS, known
from bench.sizing.truth_file import FOLDER
from profiler.errors import REQUESTS_FAILED, Cancelled, RunFailed
from profiler.rig import DRAIN_S
from profiler.samples import OK
from profiler.spec import Limits
from profiler.units import MIB

STEP_BYTES = 16 * MIB
STARTS = 10
LOAD_S = 3.0


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
        if truth.memory is not None:
            continue
        say(f"\n{name}")
        try:
            truth.memory = found(name, should_stop)
        except Cancelled:
            say("stopped; this service begins anew next time")
            break
        truth.write(options.out)
        say(f"  survives from {truth.memory['least_bytes'] // MIB} MiB")
    return 0


def found(name: str, should_stop: Callable[[], bool]) -> dict:
    """The smallest limit, and every start that was made."""
    spec, began = spec_of(name), time.monotonic()
    facts, tries = circumstances(), []
    with staged(spec, should_stop) as stage:

        def survives(steps: int) -> bool:
            tries.append(start_once(stage, steps * STEP_BYTES))
            say(f"  {steps * STEP_BYTES // MIB} MiB: {tries[-1]['died_of'] or 'survived'}")
            return tries[-1]["died_of"] is None

        low, high = held_bytes(stage) // STEP_BYTES, spec.limits.memory_bytes // STEP_BYTES
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if survives(middle) else (middle, high)
        while not all(survives(high) for _ in range(STARTS)):
            high += 1
    return {
        "least_bytes": high * STEP_BYTES,
        "starts": STARTS,
        "load_s": LOAD_S,
        "tries": tries,
        "took_s": round(time.monotonic() - began, 1),
        "circumstances": facts,
    }


def held_bytes(stage: Stage) -> int:
    """What the kernel cannot drop of a service that is warm: no smaller limit needs trying."""
    with stage.service(stage.spec.limits) as rig:
        usage = rig.service.read_usage(complete=True)
        return (usage.memory_anon_bytes or 0) + (usage.memory_shmem_bytes or 0)


def start_once(stage: Stage, memory_bytes: int) -> dict:
    """One start and load at the largest cpu, and what it died of; None where it lived."""
    size = Limits(stage.spec.limits.cpu_millicores, memory_bytes)
    died_of = None
    try:
        with stage.service(size) as rig:
            rig.driver.start(rig.load)
            try:
                rig.control.sleep(LOAD_S)
            finally:
                rig.driver.stop(DRAIN_S)
            rig.refuse_gone()
            if (rig.driver.results()["outcome"] != OK).any():
                died_of = REQUESTS_FAILED
    except RunFailed as failure:
        died_of = failure.code
    return {"memory_bytes": memory_bytes, "died_of": died_of}


if __name__ == "__main__":
    sys.exit(main())
