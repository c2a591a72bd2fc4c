"""The whole way: build, start, check, warm, measure, size, verify. The one module that joins the
pure parts with those that touch the world.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from profiler import events, noise_floor
from profiler.circumstances import aside, host_facts, input_facts
from profiler.control import Control
from profiler.dataset import read_dataset, summarise
from profiler.errors import PROFILER_ERROR, TIMED_OUT, BudgetEnded, Cancelled, RunFailed
from profiler.load.driver import Driver
from profiler.measuring.measurement import Measurement
from profiler.measuring.sensitivity import RowFacts
from profiler.result import Result
from profiler.rig import Rig
from profiler.running.diagnosing import Diagnosing
from profiler.running.instant import InstantEstimate
from profiler.running.measurer import Measurer
from profiler.running.memory_pressure import probe_pressure
from profiler.running.memory_survey import survey_memory
from profiler.running.rate_search import RateSearch
from profiler.running.size_search import SizeSearch
from profiler.running.starting import try_faster_start
from profiler.running.variant_search import REFERENCE_S, VariantSearch
from profiler.running.verification import verify
from profiler.services.gpu_lock import reserved
from profiler.services.prepared import Start, prepared
from profiler.sizing.advice import Advice, advise
from profiler.sizing.choice import Tried, others_sentence
from profiler.sizing.diagnosing import Diagnosis
from profiler.sizing.evidence import REFERENCE
from profiler.sizing.explanation import size_text
from profiler.sizing.latency_fit import fit
from profiler.sizing.memory_facts import memory_facts
from profiler.sizing.startup import startup_facts
from profiler.spec import Spec


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
        self.measurer = Measurer(spec, control)
        first, *_ = spec.config.concurrency.variants()
        self.search = SizeSearch(self.measurer, spec.changed_by(first))
        #: In its place where a rate is asked for.
        is_rate = spec.question == "rate"
        self.rates = RateSearch(self.measurer, self.search.spec) if is_rate else None
        self.tried: list[Tried] = []
        self.diagnosis: Diagnosing | None = None
        self.circumstances: dict = {}

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
        row_facts = RowFacts.of(rows)
        self.measurer.knows(self.summary, row_facts)
        self._note(host_facts() | input_facts(self.spec, self.summary))
        self._note(self._noise_floor())
        self.control.emit(events.SAMPLES, ordinal=0, series="rows", columns=row_facts.columns())
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
            self._try_variants(start, driver)
            if self.rates:
                self.rates.prove(start, driver)
            elif size := self.search.size_to_verify():
                smaller = self.search.smaller_sizes_to_verify()
                chosen = partial(start, variant=self.search.spec.variant)
                verify(self.measurer, self.search.spec, size, chosen, driver, smaller=smaller)
                try_faster_start(self.measurer, self.search, chosen, driver)
            self.diagnosis = self._diagnosing()
            self.diagnosis.measure_fixes(start, driver)
        self.control.leave()

    def _noise_floor(self) -> dict:
        """The target's noise floor as a circumstance, or why none is used."""
        if self.floors is None:
            return {"noise_floor": None, "noise_floor_reason": "not looked for"}
        floor, why_not = noise_floor.read(
            self.floors, self.circumstances, self.spec.target.kind, self.spec.target.service_cores
        )
        self.measurer.noise_floor = floor
        return {"noise_floor": floor} | ({} if floor else {"noise_floor_reason": why_not})

    def _measure_and_size(self, start: Start, driver: Driver) -> None:
        """Everything that one service can tell, begun at the largest size."""
        spec, limits = self.search.spec, self.spec.limits
        self.control.enter("starting", f"starting at the largest size, {size_text(limits)}")
        self.control.start_budget(self.spec.budget.duration_s)
        service = start(limits, variant=spec.variant)
        with service, Rig(spec, limits, service, driver, self.control) as rig:
            rig.become_ready()
            self.measurer.limits_enforced = service.limits_enforced
            facts = service.circumstances()
            if facts.get("files_dropped") is False:
                self.control.log(
                    "[memory] files stay cached: no program of the image can drop them"
                )
            self._note(facts | {"startup_s": rig.startup_s})
            self.control.enter("checking", f"sending each of {self.summary.rows} rows once")
            rig.check_rows(self.summary.rows)
            self.control.enter("warming", "warming up")
            instant = InstantEstimate(self.rates or self.search, rig)
            rig.warm_up(instant.look)
            instant.say()
            self.control.enter("measuring", f"measuring at the largest size, {size_text(limits)}")
            reference = self.measurer.probe(rig, REFERENCE, REFERENCE_S)
            if not self.rates:  # a lower rate tells more than this one measured for longer
                reference = self.measurer.again_if_undecided(rig, reference, REFERENCE_S)
            self._search(rig, reference)
            self.control.log(service.log())

    def _search(self, rig: Rig, reference: Measurement) -> None:
        """Find what was asked for, of the service just measured."""
        if self.rates:
            if reference.validity.valid:  # failed or not: a lower rate may pass
                self.rates.run(rig, reference)
                self.rates.survey_memory(rig)
            return
        if reference.errors > self.spec.objective.max_error_rate * reference.requests:
            raise rig.requests_failed(reference.errors, reference.requests)
        if self.measurer.limits_enforced and reference.is_believed_pass:
            self.search.run(rig, reference)
        if reference.is_believed_pass:
            self.search.survey = survey_memory(self.measurer, rig, reference)
            self.search.pressure = probe_pressure(self.search, rig, reference)

    def _try_variants(self, start: Start, driver: Driver) -> None:
        """Where several workers or threads are asked for, every pair: the best one is advised."""
        variants = self.spec.config.concurrency.variants()
        if len(variants) > 1 and self.measurer.limits_enforced:
            search = VariantSearch(self.measurer, self.search, start, driver)
            search.run(variants)
            self.search, self.tried = search.best, search.tried

    def _diagnoses(self) -> list[Diagnosis]:
        """What was found wrong, measured or not; of a run that failed its error says all."""
        return (self.diagnosis or self._diagnosing()).diagnoses()

    def _diagnosing(self) -> Diagnosing:
        return Diagnosing.of(self.measurer, self.rates or self.search)

    # -- the end --

    def _advise(self, *, budget_ended: bool = False) -> Advice:
        if self.rates:
            return self.rates.advise(budget_ended)
        advice = advise(
            self.search.measurements,
            points=self.search.points,
            limits=self.spec.limits,
            objective=self.spec.objective,
            load=self.spec.load,
            limits_enforced=self.measurer.limits_enforced,
            budget_ended=budget_ended,
            policy=self.spec.policy,
            survey=self.search.survey,
        )
        return advice.of(self.search.spec, others_sentence(self.tried))

    def _out_of_time(self, message: str) -> Result:
        """Something measured makes a provisional advice; nothing measured is a time-out."""
        if self.measurer.reference is None:
            return self._result("timed_out", RunFailed(TIMED_OUT, self._nothing_measured(message)))
        return self._result("succeeded", advice=self._advise(budget_ended=True))

    def _nothing_measured(self, message: str) -> str:
        """Nothing at all, or nothing that may be believed, and then why not."""
        taken = self.measurer.measurements
        if not taken:
            return (
                f"Nothing was measured: {message} before the first measurement had an answer. Give "
                "the run more time (budget.duration_s)."
            )
        reasons = " ".join(taken[-1].validity.reasons)
        return f"Nothing was measured that may be believed: {message}. {reasons}"

    def _latency_model(self) -> dict:
        """What other rates and sizes would give, as far as these measurements tell."""
        return fit(
            (self.rates or self.search).demand,
            self.search.measurements,
            load=self.search.spec.load,
            sizes=self.search.points,
            service_cores=len(self.spec.target.service_cores),
        )

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
            measurements=self.measurer.measurements,
            circumstances=self.circumstances,
            phases=[phase.to_json() for phase in self.control.phases],
            spec=self.spec,
            estimate=self.rates.estimate if self.rates else self.search.estimate,
            diagnoses=self._diagnoses() if state in ("succeeded", "timed_out") else [],
            memory=memory_facts(
                self.search.measurements,
                (self.rates or self.search).survey,
                self.spec.policy,
                self.search.pressure,
            ),
            startup=self._startup_facts(advice),
            latency_model=self._latency_model() if state == "succeeded" else None,
        )

    def _startup_facts(self, advice: Advice | None) -> dict | None:
        advised = advice.cpu_millicores if advice else None
        search = self.search
        return startup_facts(search.measurements, search.starts, search.points, advised)
