"""Says what makes the service need more than it could, and measures what the fixes save."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from profiler.errors import BudgetEnded
from profiler.load.driver import Driver
from profiler.measuring.measurement import Measurement
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.running.rate_search import RateSearch
from profiler.running.size_search import SizeSearch
from profiler.running.variant_search import NO_TIME, VariantSearch, measure_variant
from profiler.sizing.choice import Tried
from profiler.sizing.diagnosing import Diagnosis, TriedRate, diagnose, with_gain, with_more_rate
from profiler.sizing.evidence import of_variant
from profiler.spec import Limits, Spec, Variant

PHASE = "diagnosing"


class Fixes(ABC):
    """How the fix of a cause is measured, and what it is compared with: by what the run asked."""

    #: The size found for what is diagnosed; None where none was found, or none was looked for.
    size: Limits | None = None

    def __init__(self, measurer: Measurer, search: SizeSearch | RateSearch) -> None:
        self._measurer = measurer
        self._search = search

    @property
    def measurements(self) -> list[Measurement]:
        return self._search.measurements

    @property
    def spec(self) -> Spec:
        return self._search.spec

    @abstractmethod
    def try_one(self, fix: Variant, start: partial, driver: Driver) -> Tried | TriedRate: ...

    @abstractmethod
    def not_tried(self, fix: Variant, why: str) -> Tried | TriedRate: ...

    @abstractmethod
    def told(
        self, found: Diagnosis, tried: Tried | TriedRate, fixed: Sequence[Measurement]
    ) -> Diagnosis | None: ...


class Diagnosing:
    """The causes that the measurements of the advised variant show, and their fixes."""

    def __init__(self, measurer: Measurer, fixes: Fixes) -> None:
        self._measurer = measurer
        self._fixes = fixes
        self._tried: dict[str, Tried | TriedRate] = {}

    @classmethod
    def of(cls, measurer: Measurer, search: SizeSearch | RateSearch) -> Diagnosing:
        """`search` is that of the variant that is advised."""
        of_rate = isinstance(search, RateSearch)
        return cls(measurer, (RateFixes if of_rate else SizeFixes)(measurer, search))

    def measure_fixes(self, start: partial, driver: Driver) -> None:
        """In what the advice has left of the budget, whose end is no end of the run here."""
        known = [measurement.variant for measurement in self._measurer.measurements]
        for found in self._causes():
            if found.fix is None or found.fix in known or not self._measurer.limits_enforced:
                continue
            try:
                tried = self._fixes.try_one(found.fix, start, driver)
            except BudgetEnded:
                tried = self._fixes.not_tried(found.fix, NO_TIME)
            self._tried[found.code] = tried

    def _causes(self) -> tuple[Diagnosis, ...]:
        fixes = self._fixes
        return diagnose(fixes.measurements, fixes.spec, fixes.size)

    def diagnoses(self) -> list[Diagnosis]:
        """Every cause, with what its fix was measured to save; none that a fix has refuted."""
        told = (self._told(one) for one in self._causes())
        return [one for one in told if one]

    def _told(self, found: Diagnosis) -> Diagnosis | None:
        tried = self._tried.get(found.code)
        if tried is None:
            return found
        return self._fixes.told(found, tried, of_variant(self._measurer.measurements, found.fix))


class SizeFixes(Fixes):
    """Fixes beside the smallest size: each in a service begun at the largest size."""

    _search: SizeSearch

    @property
    def size(self) -> Limits | None:
        return self._search.size_to_verify()

    def try_one(self, fix: Variant, start: partial, driver: Driver) -> Tried:
        at_most = (self.size or self.spec.limits).cpu_millicores
        search = VariantSearch(self._measurer, self._search, start, driver)
        return search.try_one(fix, PHASE, at_most)

    def not_tried(self, fix: Variant, why: str) -> Tried:
        return Tried(fix, None, not_searched=why)

    def told(
        self, found: Diagnosis, tried: Tried, fixed: Sequence[Measurement]
    ) -> Diagnosis | None:
        return with_gain(found, tried, self.measurements, self.size, fixed)


class RateFixes(Fixes):
    """Fixes beside the highest rate: each in a service of the same size, begun at that rate."""

    _search: RateSearch

    @property
    def _begin_rps(self) -> float:
        """Where both can be compared: the rate found without the fix, or the first that failed."""
        return self._search.found_rps or self._search.start_rps

    def try_one(self, fix: Variant, start: partial, driver: Driver) -> TriedRate:
        measurer = self._measurer
        changed = measurer.spec.changed_by(fix)
        spec = replace(changed, load=changed.load.at_rate(self._begin_rps))
        search = RateSearch(measurer, spec, self._search.points)

        def find_rate(rig: Rig, reference: Measurement) -> None:
            if reference.validity.valid:  # failed or not: a lower rate may pass
                search.run(rig, reference, PHASE)

        try:
            if why := measure_variant(measurer, spec, start, driver, PHASE, find_rate):
                return self.not_tried(fix, why)
        except BudgetEnded:
            if search.found_rps is None:
                raise
            # A higher rate may be kept too; that one is, was measured.
        return TriedRate(fix, search.found_rps)

    def not_tried(self, fix: Variant, why: str) -> TriedRate:
        return TriedRate(fix, None, not_searched=why)

    def told(
        self, found: Diagnosis, tried: TriedRate, fixed: Sequence[Measurement]
    ) -> Diagnosis | None:
        given_rps = self._search.found_rps
        return with_more_rate(found, tried, self.measurements, given_rps, fixed)
