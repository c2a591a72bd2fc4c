"""The truth about each service by brute force: every size of the grid, three times.

Each point is 2,000 requests at that size of a service that nobody waits for. A session that is
ended goes on where it was, point by point.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit.report import circumstances, said, say
from bench.sizing.catalogue import inputs_of, spec_of
from bench.sizing.command import add_time, in_turn, parsed, parser
from bench.sizing.fixed_probe import FixedProbe
from bench.sizing.stage import Stage, staged
from bench.sizing.truth_file import FOLDER, MOST_TRIES, Truth
from profiler.measuring.measurement import Measurement
from profiler.measuring.objective import resolve_bound
from profiler.rig import Rig
from profiler.sizing.search import grid

REQUESTS = 2000
FIGURES = (
    "requests",
    "errors",
    "aborted",
    "duration_s",
    "offered_rps",
    "achieved_rps",
    "cpu_seconds_per_request",
    "cpu_millicores_used",
    "throttled_fraction",
    "threads_max",
    "memory_working_set_peak_bytes",
)
#: What arrivals are drawn for here, by number: the engine's own (measurer.DRAWN_FOR) are others.
DRAWN_FOR = 9
PERCENTILES = ("mean", "p50", "p90", "p95", "p99", "max")


def main() -> int:
    by = parser(__doc__)
    add_time(by)
    by.add_argument("--requests", type=int, default=REQUESTS, help="of each point")
    by.add_argument("--out", type=Path, default=FOLDER, help="folder of the truth")
    by.add_argument("--afresh", action="store_true", help="forget what is known")
    return in_turn(parsed(by), take)


def known(name: str, folder: Path, requests: int, *, afresh: bool) -> Truth:
    """What is known of this service so far. SystemExit where that is of another one.

    Its smallest memory, which is another script's, is not taken `afresh`.
    """
    path, inputs = folder / f"{name}.json", inputs_of(name)
    bound = resolve_bound(spec_of(name).objective, None).to_json()
    if not path.exists():
        return Truth(name, inputs, bound, requests)
    truth = Truth.read(path)
    if afresh:
        memory = truth.memory if truth.inputs == inputs else None
        return Truth(name, inputs, bound, requests, memory=memory)
    if truth.inputs != inputs or truth.requests != requests:
        raise SystemExit(f"{path} is of other inputs or requests; begin anew with --afresh")
    return truth


def take(
    name: str,
    options: argparse.Namespace,
    should_stop: Callable[[], bool],
    tries: int = MOST_TRIES,
) -> None:
    """The points of a service that are still missing, each at most so many times."""
    truth = known(name, options.out, options.requests, afresh=options.afresh)
    spec = spec_of(name)
    points = grid(spec.limits.cpu_millicores)
    if next(truth.missing(points, tries), None) is None:
        say(f"{name}: all known: {conclusion(truth)}")
        return
    say(f"\n{name}")
    truth.sessions.append(circumstances())
    with staged(spec, should_stop) as stage, stage.service(spec.limits) as rig:
        while (cpu := next(truth.missing(points, tries), None)) is not None:
            repetition = len(truth.points.get(cpu, ()))
            taken = point(stage, rig, cpu, truth.requests, (DRAWN_FOR, repetition))
            taken["session"] = len(truth.sessions) - 1
            truth.points.setdefault(cpu, []).append(taken)
            truth.write(options.out)
            tell(cpu, taken)
    say(f"  {conclusion(truth)}")


def point(
    stage: Stage, rig: Rig, cpu_millicores: int, requests: int, draw: tuple[int, ...]
) -> dict:
    """One size, once; `draw` is which arrivals of the load's seed."""
    began = time.monotonic()
    stage.drain(rig)
    rig.resize(cpu_millicores)
    probe = FixedProbe(
        rig, resolve_bound(stage.spec.objective, None), count=requests,
        rows=stage.rows, distinct_rows=stage.summary.distinct_rows, draw=draw,
    )  # fmt: skip
    return record(probe.take(), probe.piled_up, time.monotonic() - began)


def record(measured: Measurement, piled_up: bool, took_s: float) -> dict:
    """What is kept of a measurement; `valid` by the engine's own rules."""
    told = measured.to_json()
    return {
        "outcome": measured.outcome,
        "over_bound": measured.over_bound,
        "counted": measured.decided_at_requests,
        "piled_up": piled_up,
        "valid": measured.validity.valid,
        "invalid_reasons": list(measured.validity.reasons),
        "latency_ms": {name: told["latency_ms"][name] for name in PERCENTILES},
        **{name: told[name] for name in FIGURES},
        "took_s": round(took_s, 2),
    }


def tell(cpu: int, taken: dict) -> None:
    p95, throttled = taken["latency_ms"]["p95"], taken["throttled_fraction"]
    line = (
        f"  {cpu:5d}m {taken['outcome']}: {taken['over_bound']} of {taken['counted']} over, "
        f"p95 {'unknown' if p95 is None else said(p95, 'ms')}, "
        f"{said((taken['cpu_seconds_per_request'] or 0) * 1000, 'ms')} cpu a request, "
        f"throttled {said(throttled or 0, 'share')}, {taken['took_s']} s"
    )
    say(line + ("" if taken["valid"] else f"; NOT believed: {' '.join(taken['invalid_reasons'])}"))


def conclusion(truth: Truth) -> str:
    return (
        f"passes in any repetition from {truth.passes_once_millicores}m, "
        f"in all from {truth.passes_always_millicores}m"
    )


if __name__ == "__main__":
    sys.exit(main())
