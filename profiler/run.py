"""The whole way: build, start, check, warm, measure, size, verify. The one module that joins the
pure parts with those that touch the world.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from profiler import events, noise_floor
from profiler.circumstances import HostNoise, aside, host_facts, input_facts
from profiler.control import Control
from profiler.dataset import read_dataset, summarise
from profiler.errors import (
    NO_GPU,
    OUT_OF_MEMORY,
    PROFILER_ERROR,
    TIMED_OUT,
    BudgetEnded,
    Cancelled,
    RunFailed,
)
from profiler.load.driver import Driver
from profiler.measuring.disturbance import host_noise
from profiler.measuring.measurement import Measurement, MeasurementContext, failed_to_start
from profiler.measuring.objective import resolve_bound
from profiler.measuring.sensitivity import RowFacts
from profiler.measuring.statistics import Outcome
from profiler.probe import Probe
from profiler.result import Result
from profiler.rig import Rig
from profiler.samples import between
from profiler.services.gpu_lock import reserved
from profiler.services.prepared import Start, prepared
from profiler.sizing.advice import (
    REFERENCE,
    SIZING,
    VERIFYING,
    Advice,
    Policy,
    advise,
    leaks,
    memory_needed,
    outcomes,
    step_up,
)
from profiler.sizing.quota_model import Estimate, demand_of, estimate
from profiler.sizing.search import Answer, grid, next_probe
from profiler.spec import MIB, Limits, ScoredConfig, Spec

#: The least load, in seconds, that counts: at the largest size (three windows must be steady), at
#: a size on the way (ten CFS periods), and for the proof.
REFERENCE_S, SIZING_S, VERIFYING_S = 4.0, 1.0, 4.0
#: From this share of the quota on, a backlog builds up too slowly for the shortest probe to see.
BUSY_SHARE, BUSY_S = 0.7, 4.0
#: A measurement that may not be believed is taken again, this often at most.
REPEATS = 2
#: Before that the host gets this many seconds to become quiet.
QUIET_LOOKS = 5


def profile(
    spec: Spec,
    *,
    run_id: str,
    work_dir: Path,
    attempt: int = 1,
    on_event: events.Listener = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    labels: dict[str, str] | None = None,
    floors: Path | None = None,
) -> Result:
    """Find the smallest size that keeps the objective, and prove it. Never raises for the user's.

    `labels` mark everything started; by default with the run and its attempt. `should_stop` is
    asked all the time: when it is true, everything is taken down and the result is cancelled.
    `floors` is the folder with the noise floors of this host's targets.
    """
    marks = labels or {"model-profiler.run": run_id, "model-profiler.attempt": str(attempt)}
    run = Run(spec, Control(on_event, should_stop), marks, work_dir, floors)
    result = run.to_its_end()
    result.name = run_id
    return result


class Run:
    """One execution of a spec, and what it has found so far."""

    def __init__(
        self,
        spec: Spec,
        control: Control,
        labels: dict[str, str],
        work_dir: Path,
        floors: Path | None = None,
    ) -> None:
        self.spec = spec
        self.floors = floors
        self.control = control
        self.labels = labels
        self.work_dir = work_dir
        self.points = grid(spec.limits.cpu_millicores)
        self.measurements: list[Measurement] = []
        #: Outcome by cpu size, as the search knows them.
        self.tried: dict[int, Outcome] = {}
        #: Where the search begins: what a replay of the first measurement says.
        self.estimate: Estimate | None = None
        self.circumstances: dict = {}
        self.limits_enforced = False

    def to_its_end(self) -> Result:
        """Every way of ending becomes a result; what was measured is kept in each."""
        try:
            self._go()
            return self._result("succeeded", advice=self._advise())
        except Cancelled:
            return self._result("cancelled")
        except BudgetEnded as ended:
            return self._out_of_time(str(ended))
        except RunFailed as failure:
            return self._result("failed", failure)
        except Exception as error:
            self.control.log(traceback.format_exc())
            message = f"The profiler itself failed: {type(error).__name__}: {error}"
            return self._result("failed", RunFailed(PROFILER_ERROR, message))

    # -- the phases --

    def _go(self) -> None:
        self.control.enter("building", "making what the service runs from")
        built_by = time.monotonic() + self.spec.budget.build_s
        rows = read_dataset(self.spec.dataset)
        self.summary = summarise(rows)
        self.rows = RowFacts.of(rows)
        self._note(host_facts() | input_facts(self.spec, self.summary))
        self._note(self._noise_floor())
        self.control.emit(events.SAMPLES, ordinal=0, series="rows", columns=self.rows.columns())
        with (
            prepared(self.spec, self.control, self.labels, self.work_dir) as start_with,
            reserved(self.spec, self.control, until=built_by) as gpus,
            aside(self.spec.target.driver_cores),
            Driver(
                rows,
                cores=self.spec.target.driver_cores,
                work_dir=self.work_dir,
                check=self.spec.answers,
            ) as driver,
        ):
            start = partial(start_with, gpus=gpus)
            self._measure_and_size(start, driver)
            if size := self._size_to_verify():
                self._verify(size, start, driver)
        self.control.leave()

    def _noise_floor(self) -> dict:
        """The target's noise floor as a circumstance, or why none is used."""
        if self.floors is None:
            return {"noise_floor": None, "noise_floor_reason": "not looked for"}
        floor, why_not = noise_floor.read(
            self.floors, self.circumstances, self.spec.target.kind, self.spec.target.service_cores
        )
        return {"noise_floor": floor} | ({} if floor else {"noise_floor_reason": why_not})

    def _measure_and_size(self, start: Start, driver: Driver) -> None:
        """Everything that one service can tell, begun at the largest size."""
        limits = self.spec.limits
        self.control.enter("starting", f"starting at the largest size, {_text(limits)}")
        self.control.start_budget(self.spec.budget.duration_s)
        with start(limits) as service, Rig(self.spec, limits, service, driver, self.control) as rig:
            rig.become_ready()
            self.limits_enforced = service.limits_enforced
            self._note(service.circumstances() | {"startup_s": rig.startup_s})
            self.control.enter("checking", f"sending each of {self.summary.rows} rows once")
            rig.check_rows(self.summary.rows)
            self.control.enter("warming", "warming up")
            rig.warm_up()
            self.control.enter("measuring", f"measuring at the largest size, {_text(limits)}")
            reference = self._probe(rig, REFERENCE, REFERENCE_S)
            if reference.errors > self.spec.objective.max_error_rate * reference.requests:
                raise rig.requests_failed(reference.errors, reference.requests)
            if service.limits_enforced and reference.is_believed_pass:
                self.estimate = self._estimate(rig, reference)
                self._size(rig)
            self.control.log(service.log())

    def _estimate(self, rig: Rig, reference: Measurement) -> Estimate | None:
        """A first guess from the requests just measured; None for what the model cannot replay."""
        stages, cost_s = self.spec.load.stages, reference.cpu_seconds_per_request
        if len(stages) > 1 or not cost_s:
            return None
        requests = between(
            rig.driver.results(), "scheduled_ns", reference.started_ns, reference.ended_ns
        )
        cores = len(self.spec.target.service_cores)
        # What a container's server does at a time is not known; its cores are what it can use.
        workers = self.spec.config.workers if isinstance(self.spec.config, ScoredConfig) else cores
        demand = demand_of(requests, cost_s, workers=workers, clients=stages[0].concurrency)
        bound = resolve_bound(self.spec.objective, reference)
        return demand and estimate(demand, self.points, bound, cores)

    def _size(self, rig: Rig) -> None:
        """Search the grid by changing the quota of the running service."""
        guess = self.estimate and self.estimate.cpu_millicores
        about = f"; estimated about {guess}m" if guess else ""
        self.control.enter("sizing", f"searching the smallest cpu that keeps the objective{about}")
        self.tried = dict(outcomes(self.measurements))
        most = len(self.points).bit_length() + 1
        while not isinstance(step := next_probe(self.points, self.tried, guess), Answer):
            self.control.tell(f"trying {step}m cpu", (len(self.tried) - 1) / most)
            rig.resize(step)
            measurement = self._probe(rig, SIZING, self._long_enough_s(step))
            # What cannot be believed after all repeats proves nothing: it has not passed.
            self.tried[step] = measurement.outcome if measurement.validity.valid else "undecided"

    def _long_enough_s(self, cpu_millicores: int) -> float:
        """The least load for a probe of this size, by how busy its quota will be on average."""
        cost_s, rps = self.reference.cpu_seconds_per_request, self.reference.achieved_rps
        busy = (cost_s or 0.0) * (rps or 0.0) * 1000 / cpu_millicores
        return BUSY_S if busy >= BUSY_SHARE else SIZING_S

    def _size_to_verify(self) -> Limits | None:
        """What the search found; None where nothing can be proven or no size is enough."""
        if not self.tried or leaks(self.measurements):
            return None
        found = next_probe(self.points, self.tried)
        return Limits(found.cpu_millicores, memory_needed(self.measurements, self.spec.limits))

    def _verify(self, size: Limits, start: Start, driver: Driver) -> None:
        """Prove the size in a fresh service of exactly that size; up to three steps up."""
        self.control.enter("verifying", f"starting afresh at {_text(size)}")
        steps = Policy().steps_up
        for step in range(steps + 1):
            self.control.tell(f"verifying {_text(size)}", step / (steps + 1))
            measurement = self._verify_at(size, start, driver)
            if measurement.outcome == "passed" or not measurement.validity.valid:
                return  # proven, or nothing learnt: what cannot be believed calls for no more
            killed = bool(measurement.oom_kills)
            larger = step_up(size, self.points, self.spec.limits, out_of_memory=killed)
            if larger is None:
                return
            size = larger

    def _verify_at(self, size: Limits, start: Start, driver: Driver) -> Measurement:
        """The measurement of a fresh service; one that does not come up, or dies, has failed."""
        service = start(size)
        try:
            with service, Rig(self.spec, size, service, driver, self.control) as rig:
                rig.become_ready()
                rig.warm_up()
                return self._probe(rig, VERIFYING, VERIFYING_S)
        except RunFailed as failure:
            if failure.code in (PROFILER_ERROR, NO_GPU):
                raise
            return self._keep(self._not_survived(size, failure))

    # -- measurements --

    def _probe(self, rig: Rig, phase: str, at_least_s: float) -> Measurement:
        """A measurement of the rig's present size, taken again while it may not be believed."""
        for repeats_left in reversed(range(1 + REPEATS)):
            measurement = self._keep(self._take(rig, phase, at_least_s))
            if measurement.validity.valid or not repeats_left:
                break
            self.control.log("Not believed, taken again: " + " ".join(measurement.validity.reasons))
            self._wait_for_quiet()
        return measurement

    def _take(self, rig: Rig, phase: str, at_least_s: float) -> Measurement:
        reference = None if phase == REFERENCE else self.reference
        return Probe(
            rig,
            resolve_bound(self.spec.objective, reference),
            phase=phase,
            ordinal=len(self.measurements),
            at_least_s=at_least_s,
            distinct_rows=self.summary.distinct_rows,
            rows=self.rows,
            noise_floor=self.circumstances.get("noise_floor"),
        ).take()

    def _wait_for_quiet(self) -> None:
        """Give others' work on the service's cores time to end, while the service is idle."""
        for _ in range(QUIET_LOOKS):
            noise = HostNoise(self.spec.target.service_cores)
            self.control.sleep(1.0)
            if not host_noise(noise.since(service_cpu_s=0.0)):
                return

    @property
    def reference(self) -> Measurement | None:
        """The believed measurement at the largest size, which a relative objective refers to."""
        believed = (m for m in self.measurements if m.phase == REFERENCE and m.validity.valid)
        return next(believed, None)

    def _keep(self, measurement: Measurement) -> Measurement:
        self.measurements.append(measurement)
        self.control.emit(
            events.MEASUREMENT, ordinal=measurement.ordinal, measurement=measurement.to_json()
        )
        return measurement

    def _not_survived(self, size: Limits, failure: RunFailed) -> Measurement:
        """A failed measurement of a size at which the service did not start, or died."""
        context = MeasurementContext(
            ordinal=len(self.measurements),
            phase=VERIFYING,
            cpu_millicores=size.cpu_millicores,
            memory_bytes=size.memory_bytes,
            limits_enforced=self.limits_enforced,
            load=self.spec.load,
            bound=resolve_bound(self.spec.objective, self.reference),
            start_ns=0,
            end_ns=0,
            distinct_rows=self.summary.distinct_rows,
        )
        failed = failed_to_start(context, f"{failure.code}: {failure.message}")
        # The advice steps up in memory, not cpu, where memory is what failed.
        return replace(failed, oom_kills=1) if failure.code == OUT_OF_MEMORY else failed

    # -- the end --

    def _advise(self, *, budget_ended: bool = False) -> Advice:
        return advise(
            self.measurements,
            points=self.points,
            limits=self.spec.limits,
            objective=self.spec.objective,
            load=self.spec.load,
            limits_enforced=self.limits_enforced,
            budget_ended=budget_ended,
        )

    def _out_of_time(self, message: str) -> Result:
        """Something measured makes a provisional advice; nothing measured is a time-out."""
        if self.reference is None:
            return self._result(
                "timed_out", RunFailed(TIMED_OUT, f"Nothing was measured: {message}.")
            )
        return self._result("succeeded", advice=self._advise(budget_ended=True))

    def _note(self, facts: dict) -> None:
        self.circumstances |= facts
        self.control.emit(events.CIRCUMSTANCES, **self.circumstances)

    def _result(
        self, state: str, error: RunFailed | None = None, advice: Advice | None = None
    ) -> Result:
        self.control.leave()
        return Result(
            state=state,
            error=error,
            advice=advice,
            measurements=self.measurements,
            circumstances=self.circumstances,
            phases=[phase.to_json() for phase in self.control.phases],
            spec=self.spec,
            estimate=self.estimate,
        )


def _text(size: Limits) -> str:
    return f"{size.cpu_millicores}m cpu and {size.memory_bytes / MIB:.0f} MiB"
