"""Proves a size in a fresh service of exactly that size, starting included."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from profiler.errors import NO_GPU, PROFILER_ERROR, RunFailed
from profiler.load.driver import Driver
from profiler.measuring.measurement import Measurement
from profiler.probe import Waiting
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.sizing.evidence import VERIFYING, is_telling, is_unsteady
from profiler.sizing.explanation import size_text
from profiler.sizing.pressure import lacks_memory, needs_memory
from profiler.sizing.search import grid
from profiler.sizing.steps import step_up
from profiler.spec import Limits, Spec

#: The least load, in seconds, of a proof.
SHORTEST_S = 4.0


def verify(
    measurer: Measurer,
    spec: Spec,
    size: Limits,
    start: partial,
    driver: Driver,
    *,
    smaller: Sequence[Limits] = (),
) -> None:
    """Measure fresh services until a size is proven, from `size` up; few steps up are taken.

    `spec` is that of the variant of the config that `start` starts. `smaller` sizes, of the same
    cpu, are tried first, each once; where cpu is all that one lacks, steps go up from there.
    """
    control = measurer.control
    points, steps = grid(spec.limits.cpu_millicores, spec.policy), spec.policy.steps_up
    control.enter("verifying", f"starting afresh at {size_text(next(iter(smaller), size))}")
    for less in smaller:
        found = verify_at(measurer, spec, less, start, driver)
        if found.is_believed_pass:
            return
        if is_telling(found) and not lacks_memory(found, measurer.reference):
            size = step_up(less, points, spec.limits, policy=spec.policy) or size
            break
    for step in range(steps + 1):
        control.tell(f"verifying {size_text(size)}", step / (steps + 1))
        is_last = step == steps or step_up(size, points, spec.limits, policy=spec.policy) is None
        measurement = verify_at(measurer, spec, size, start, driver, patient=is_last)
        lacks = needs_memory(measurement, measurer.reference)
        if measurement.is_believed_pass or not (is_telling(measurement) or lacks):
            return  # proven, or nothing learnt: what cannot be believed calls for no more
        larger = step_up(size, points, spec.limits, out_of_memory=lacks, policy=spec.policy)
        if larger is None:
            return
        size = larger


def verify_at(
    measurer: Measurer,
    spec: Spec,
    size: Limits,
    start: partial,
    driver: Driver,
    *,
    patient: bool = False,
) -> Measurement:
    """The measurement of a fresh service; one that does not come up, or dies, has failed.

    What stays undecided is close to the bound, and so is what is not steady. Only the `patient`
    wait for the last look, and then measure it once more, for longer: where another step can be
    taken, its proof is quicker, and a promise that is not on the edge.
    """
    service = start(size)
    try:
        with service, Rig(spec, size, service, driver, measurer.control) as rig:
            rig.become_ready()
            rig.warm_up()
            if patient:
                found = measurer.probe(rig, VERIFYING, SHORTEST_S)
                return measurer.again_if_undecided(rig, found, SHORTEST_S)
            waiting = Waiting(gives_up=True)
            return measurer.probe(rig, VERIFYING, SHORTEST_S, waiting, leaves_open=is_unsteady)
    except RunFailed as failure:
        if failure.code in (PROFILER_ERROR, NO_GPU):
            raise
        return measurer.not_survived(VERIFYING, spec, size, failure)
