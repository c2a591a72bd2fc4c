"""Sizes other variants of the config: each in a service of its own, begun at the largest size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from profiler.errors import NO_GPU, PROFILER_ERROR, BudgetEnded, RunFailed
from profiler.load.driver import Driver
from profiler.measuring.measurement import Measurement
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.running.memory_survey import survey_memory
from profiler.running.size_search import SizeSearch
from profiler.sizing.choice import Tried, best_of, most_promising, variant_text
from profiler.sizing.evidence import REFERENCE
from profiler.spec import Spec, Variant

#: The least load, in seconds, at the largest size: three windows must be steady.
REFERENCE_S = 4.0
#: Of the budget for verifying the best, beside three starts as slow as the slowest so far.
PROOF_S = 30.0
NO_TIME = "the budget left no time for it"


class VariantSearch:
    """What was found of each variant, beginning with the one that was searched first.

    `searches` and `tried` go together, place by place; a variant that was not tried has no search.
    """

    def __init__(
        self, measurer: Measurer, first: SizeSearch, start: partial, driver: Driver
    ) -> None:
        self.searches: list[SizeSearch | None] = [first]
        self.tried = [_tried(first)]
        self._measurer = measurer
        self._control = measurer.control
        self._start = start
        self._driver = driver

    @property
    def best(self) -> SizeSearch:
        """That of the best variant; the first one's where none kept the objective."""
        best = best_of(self.tried)
        return self.searches[self.tried.index(best)] if best else self.searches[0]

    def run(self, variants: tuple[Variant, ...]) -> None:
        """Search all of them, the most promising first; time to verify the best is always left."""
        left = [variant for variant in variants if variant != self.searches[0].spec.variant]
        while left:
            variant = most_promising(left, self._at_most())
            left.remove(variant)
            try:
                with self._control.holding_back(self._proof_s()):
                    self.try_one(variant, "sizing", self._at_most())
            except BudgetEnded:
                self._note(None, Tried(variant, None, not_searched=NO_TIME))

    def _proof_s(self) -> float:
        """What a verification may take, and two steps up where the first one fails."""
        starts_s = [m.startup_s for m in self._measurer.measurements if m.startup_s]
        return PROOF_S + 3 * max(starts_s, default=0.0)

    def _at_most(self) -> int:
        """The best cpu so far: a variant that does not keep the objective there is no better."""
        best = best_of(self.tried)
        limits = self._measurer.spec.limits
        return best.size.cpu_millicores if best else limits.cpu_millicores

    def try_one(self, variant: Variant, phase: str, at_most: int) -> Tried:
        """Measure a variant at the largest size, then search down from `at_most` if it passes."""
        spec = self._measurer.spec.changed_by(variant)
        search = SizeSearch(self._measurer, spec, phase=phase, at_most=at_most)

        def size(rig: Rig, reference: Measurement) -> None:
            if reference.is_believed_pass:
                search.run(rig, reference)
            if search.size_to_verify():
                search.survey = survey_memory(self._measurer, rig, reference)

        if why := measure_variant(self._measurer, spec, self._start, self._driver, phase, size):
            return self._note(search, Tried(variant, None, not_searched=why))
        return self._note(search, _tried(search))

    def _note(self, search: SizeSearch | None, tried: Tried) -> Tried:
        self.searches.append(search)
        self.tried.append(tried)
        return tried


def _tried(search: SizeSearch) -> Tried:
    return Tried(search.spec.variant, search.size_to_verify())


def measure_variant(
    measurer: Measurer,
    spec: Spec,
    start: partial,
    driver: Driver,
    phase: str,
    then: Callable[[Rig, Measurement], None],
) -> str:
    """Measure a service of the spec's variant at its limits, and `then` do the rest with it.

    What keeps it from running is no failure of the run, since the config as given did run: it is
    what is returned; "" where nothing did.
    """
    control = measurer.control
    control.check()
    control.enter(phase, f"starting a service with {variant_text(spec.variant)}")
    try:
        service = start(spec.limits, variant=spec.variant)
        with service, Rig(spec, spec.limits, service, driver, control) as rig:
            rig.become_ready()
            rig.check_rows(measurer.summary.rows)
            rig.warm_up()
            then(rig, measurer.probe(rig, REFERENCE, REFERENCE_S))
    except RunFailed as failure:
        if failure.code in (PROFILER_ERROR, NO_GPU):
            raise
        measurer.not_survived(REFERENCE, spec, spec.limits, failure)
        return f"failed: {failure.code}"
    return ""
