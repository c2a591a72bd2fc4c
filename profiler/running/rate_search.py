"""Finds the highest rate that a size takes: probes of one service under other and other loads."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from profiler.load.driver import Driver
from profiler.measuring.decision import enough_s, preset_rule
from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.measuring.objective import Bound, resolve_bound
from profiler.measuring.statistics import Outcome
from profiler.probe import longest_s
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.running.memory_survey import survey_memory
from profiler.running.size_search import BUSY_S, BUSY_SHARE, SHORTEST_S, first_estimate
from profiler.running.verification import verify_at
from profiler.sizing.advice import Advice
from profiler.sizing.capacity import (
    CapacityCase,
    advise_capacity,
    outcomes_by_rate,
    slow_alone,
)
from profiler.sizing.evidence import SIZING, is_telling, is_undecided, of_variant
from profiler.sizing.explanation import rate_text, size_text
from profiler.sizing.quota_model import Demand
from profiler.sizing.rate_estimate import RateEstimate, estimate_rate
from profiler.sizing.rate_search import Capacity, decides, next_rate, rates, worth_another_look
from profiler.spec import Spec


class RateSearch:
    """`next_rate` asked what to offer, and the measurer told, until there is an answer."""

    #: What an estimate says of it.
    looked_for = "rate_rps"

    def __init__(
        self, measurer: Measurer, spec: Spec, points: tuple[float, ...] | None = None
    ) -> None:
        """`spec` is that of the variant of the config that is searched, from its load's rate on.

        `points` are the rates that may be tried where another search has set them.
        """
        self.spec = spec
        self.start_rps = spec.load.stages[0].rate_rps
        self.points = points or rates(self.start_rps)
        #: Where the search goes first: what a replay of the first measurement says.
        self.estimate: RateEstimate | None = None
        #: What the requests of the first measurement asked of the service.
        self.demand: Demand | None = None
        #: What memory the largest rows took; None before that was looked at.
        self.survey: Survey | None = None
        self._tried: dict[float, Outcome] = {}
        #: Those that the answer hung on when they were measured, for as long as that is worth it.
        self._waited_for: set[float] = set()
        self._measurer = measurer
        self._control = measurer.control

    @property
    def measurements(self) -> list[Measurement]:
        """What was measured so far of its variant."""
        return of_variant(self._measurer.measurements, self.spec.variant)

    @property
    def found_rps(self) -> float | None:
        """The highest rate that a probe passed; None where none did."""
        found = outcomes_by_rate(self.measurements).items()
        return max((rate for rate, outcome in found if outcome == "passed"), default=None)

    def run(self, rig: Rig, reference: Measurement, phase: str = "sizing") -> None:
        """Search by sending to the running service at other rates."""
        self.estimate = first_estimate(self, rig, reference, self._measurer.reference)
        guess = self.estimate and self.estimate.rate_rps
        about = f"; estimated about {rate_text(guess)}" if guess else ""
        self._control.enter(phase, f"searching the highest rate that it takes{about}")
        self._tried = outcomes_by_rate(self.measurements)
        self._until_answered(rig, reference, guess)
        step = worth_another_look(self.points, self._tried, self.start_rps)
        if step and step not in self._waited_for:
            self._look_again(rig, reference, step)
            self._until_answered(rig, reference, guess)  # it may have passed

    def survey_memory(self, rig: Rig) -> None:
        """What the largest rows take, with as many in service as the rate found has."""
        if self.found_rps is not None:
            self.survey = survey_memory(self._measurer, rig, self._case.at(self.found_rps))

    def _until_answered(self, rig: Rig, reference: Measurement, guess: float | None) -> None:
        while not isinstance(step := self._next(guess), Capacity):
            self._control.tell(f"trying {rate_text(step)}", 1 - 0.7 ** len(self._tried))
            rig.offer(step)
            at_least_s = self._long_enough_s(reference, step)
            hangs = decides(self.points, self._tried, step)
            waiting = self._measurer.waiting(hangs=hangs)
            found = self._measurer.probe(rig, SIZING, at_least_s, waiting, leaves_open=is_undecided)
            self._note(step, found)
            if hangs and found.validity.valid:
                self._waited_for.add(step)

    def _next(self, guess: float | None) -> float | Capacity:
        """Of the rates that there is time to tell anything of."""
        lowest = min([*self._tried, next(filter(self._can_tell, self.points), self.start_rps)])
        points = tuple(point for point in self.points if point >= lowest)
        alone = slow_alone(self.measurements) is not None
        return next_rate(points, self._tried, self.start_rps, guess, slow_alone=alone)

    def _can_tell(self, rate_rps: float) -> bool:
        """Whether as many requests as could pass it come in time at a rate."""
        bound, load = resolve_bound(self.spec.objective, None), self.spec.load.at_rate(rate_rps)
        rule = preset_rule(bound, load, rps=rate_rps)
        left_s = longest_s(rule, rate_rps, SHORTEST_S, self._control.remaining_s())
        return enough_s(rule, rate_rps) <= left_s

    def _look_again(self, rig: Rig, reference: Measurement, step: float) -> None:
        """More samples of a rate that stayed undecided, where the budget has time for them."""
        self._control.tell(f"measuring {rate_text(step)} again, where nothing was decided", 0.9)
        rig.offer(step)
        at_least_s = self._long_enough_s(reference, step)
        found = self._measurer.probe_again(rig, SIZING, at_least_s, gives_up=True)
        if found:
            self._note(step, found)

    def _note(self, rate_rps: float, probe: Measurement) -> None:
        """What cannot be believed proves nothing: it has not passed."""
        self._tried[rate_rps] = probe.outcome if probe.validity.valid else "undecided"

    def replayed(self, demand: Demand, bound: Bound) -> RateEstimate | None:
        """The highest rate at which a replay keeps the bound."""
        return estimate_rate(
            demand,
            self.points,
            bound,
            quota_cores=self.spec.limits.cpu_millicores / 1000,
            service_cores=len(self.spec.target.service_cores),
            is_poisson=self.spec.load.stages[0].arrivals == "poisson",
        )

    def _long_enough_s(self, reference: Measurement, rate_rps: float) -> float:
        """The least load for a probe of this rate, by how busy the quota will be on average."""
        busy = (reference.cpu_seconds_per_request or 0.0) * rate_rps * 1000
        return BUSY_S if busy >= BUSY_SHARE * self.spec.limits.cpu_millicores else SHORTEST_S

    @property
    def _case(self) -> CapacityCase:
        spec = self.spec
        return CapacityCase(
            tuple(self.measurements), self.points, spec.limits, spec.objective, spec.load,
            spec.policy,
        )  # fmt: skip

    def prove(self, start: partial, driver: Driver) -> None:
        """Measure fresh services of exactly the size, until one takes the rate; few steps down."""
        if not self._measurer.limits_enforced or self._case.refusal(budget_ended=False):
            return
        start = partial(start, variant=self.spec.variant)
        self._control.enter("verifying", f"starting afresh at {size_text(self.spec.limits)}")
        while (rate_rps := self._case.next_step()) is not None:
            self._control.tell(f"verifying {rate_text(rate_rps)}")
            spec = replace(self.spec, load=self.spec.load.at_rate(rate_rps))
            found = verify_at(self._measurer, spec, self.spec.limits, start, driver)
            if found.outcome == "passed" or not is_telling(found):
                return  # proven, or nothing learnt: what cannot be believed calls for no more

    def advise(self, budget_ended: bool) -> Advice:
        return advise_capacity(
            self.measurements,
            points=self.points,
            limits=self.spec.limits,
            objective=self.spec.objective,
            load=self.spec.load,
            peak_rps=self.spec.peak_rps,
            limits_enforced=self._measurer.limits_enforced,
            budget_ended=budget_ended,
            policy=self.spec.policy,
            survey=self.survey,
        )
