"""Says what makes the service need more than it could, and measures what the fixes save."""

from __future__ import annotations

from functools import partial

from profiler.errors import BudgetEnded
from profiler.load.driver import Driver
from profiler.running.measurer import Measurer
from profiler.running.size_search import SizeSearch
from profiler.running.variant_search import NO_TIME, VariantSearch
from profiler.sizing.choice import Tried
from profiler.sizing.diagnosing import Diagnosis, diagnose, with_gain
from profiler.sizing.evidence import of_variant


class Diagnosing:
    """`search` is that of the variant that is advised; its causes are told, its fixes measured."""

    def __init__(self, measurer: Measurer, search: SizeSearch) -> None:
        self._measurer = measurer
        self._search = search
        self._fixes: dict[str, Tried] = {}

    def measure_fixes(self, start: partial, driver: Driver) -> None:
        """In what the advice has left of the budget, whose end is no end of the run here."""
        known = [measurement.variant for measurement in self._measurer.measurements]
        size = self._search.size_to_verify() or self._search.spec.limits
        search = VariantSearch(self._measurer, self._search, start, driver)
        for found in self._causes():
            if found.fix is None or found.fix in known or not self._measurer.limits_enforced:
                continue
            try:
                tried = search.try_one(found.fix, "diagnosing", size.cpu_millicores)
            except BudgetEnded:
                tried = Tried(found.fix, None, not_searched=NO_TIME)
            self._fixes[found.code] = tried

    def _causes(self) -> tuple[Diagnosis, ...]:
        search = self._search
        return diagnose(search.measurements, search.spec, search.size_to_verify())

    def diagnoses(self) -> list[Diagnosis]:
        """Every cause, with what its fix was measured to save; none that a fix has refuted."""
        told = (self._told(one) for one in self._causes())
        return [one for one in told if one]

    def _told(self, found: Diagnosis) -> Diagnosis | None:
        tried = self._fixes.get(found.code)
        if tried is None:
            return found
        fixed = of_variant(self._measurer.measurements, found.fix)
        size = self._search.size_to_verify()
        return with_gain(found, tried, self._search.measurements, size, fixed)
