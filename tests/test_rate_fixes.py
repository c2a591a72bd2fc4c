"""What a fix gains where the highest rate of a size is asked for: measured again, and told."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from profiler.errors import BudgetEnded
from profiler.measuring.measurement import Measurement
from profiler.running import variant_search
from profiler.running.diagnosing import Diagnosing
from profiler.running.rate_search import RateSearch
from profiler.sizing.diagnosing import TriedRate, diagnose, with_more_rate
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.rate_search import rates
from profiler.spec import AS_GIVEN, Limits, Variant
from profiler.threads import thread_env
from tests.measurements import measured
from tests.test_size_search import RATE, SyntheticService
from tests.test_verification import StartedRig

FIX = Variant(env=thread_env(1))
THREADED = replace(RATE, config=replace(RATE.config, env={"OMP_NUM_THREADS": "8"}))


def at(rate_rps: float, phase: str = "sizing", **others: object) -> Measurement:
    values = {"nominal_rps": rate_rps, "threads_max": 9, "cpu_seconds_per_request": 0.008}
    return measured(phase, 1000, **values | others)


GIVEN = [
    at(50.0, "measuring"),
    at(100.0, latency_at_percentile_ms=40.0),
    at(104.9, outcome="failed"),
]


def gained(
    fixed: list[Measurement], rate_rps: float | None, given_rps: float | None = 100.0, **how
) -> Diagnosis | None:
    (found,) = diagnose(GIVEN, THREADED, None)
    return with_more_rate(found, TriedRate(FIX, rate_rps, **how), GIVEN, given_rps, fixed)


def test_more_requests_a_second_are_the_gain():
    fixed = [
        at(100.0, "measuring", latency_at_percentile_ms=10.0, cpu_seconds_per_request=0.002),
        at(200.0, latency_at_percentile_ms=30.0, ordinal=7),
    ]
    found = gained(fixed, 200.0)
    assert found.saving["capacity_rps"] == -100.0
    assert found.saving["latency_at_percentile_ms"] == 30.0
    assert (found.remeasured["capacity_rps"], found.remeasured["ordinal"]) == (200.0, 7)
    assert found.remeasured["cpu_millicores"] == 1000
    assert found.gain == (
        "Measured again with 1 thread: 200 requests/s keep the objective in place of 100; at 100 "
        "requests/s p99 is 10 ms, not 40, a request costs 2 ms of cpu, not 8. Measured, not "
        "verified."
    )


def test_a_rate_where_there_was_none_is_the_gain():
    found = gained([at(50.0, "measuring")], 50.0, given_rps=None)
    assert found.saving["makes_possible"] and found.saving["capacity_rps"] is None
    assert "50 requests/s keep the objective, where no rate did" in found.gain


def test_one_step_of_the_grid_more_may_be_chance():
    better = at(100.0, "measuring", latency_at_percentile_ms=39.5, threads_max=2)
    assert gained([better, at(104.9)], 104.9) is None


def test_what_takes_less_than_before_is_no_gain_however_fast_it_is():
    fast = at(100.0, "measuring", latency_at_percentile_ms=10.0, threads_max=2)
    assert gained([fast, at(90.0)], 90.0) is None


def test_a_fix_that_was_not_measured_says_why():
    found = gained([], None, not_searched="the budget left no time for it")
    assert found.remeasured is None and found.fix == FIX
    assert "was not measured: the budget left no time for it" in found.gain


# ---- measured ----


class Services(SyntheticService):
    """Services of both variants, whose highest rates are known; started and entered by nobody."""

    limits_enforced = True
    summary = SimpleNamespace(rows=3)

    def __init__(self, given_rps: float, fixed_rps: float) -> None:
        self.variant = AS_GIVEN
        self._highest = {True: given_rps, False: fixed_rps}
        super().__init__(THREADED, self._outcome_at)
        self.spec = THREADED
        self.ends_above = math.inf

    def _outcome_at(self, rate_rps: float) -> str:
        if rate_rps > self.ends_above:
            raise BudgetEnded("used up")
        return "passed" if rate_rps <= self._highest[self.variant == AS_GIVEN] else "failed"

    def check(self) -> None: ...

    def __call__(self, size: Limits, variant: Variant) -> AbstractContextManager:
        self.variant = variant
        return nullcontext()

    def _measure(self, phase: str) -> Measurement:
        found = super()._measure(phase)
        self.measurements[-1] = replace(
            found, variant=self.variant, threads_max=9 if self.variant == AS_GIVEN else 2
        )
        return self.measurements[-1]


@pytest.fixture
def diagnosed(monkeypatch):
    """Diagnoses of a run that found its rate, its fixes measured; and all that was measured."""

    def run(given_rps: float, fixed_rps: float, ends_above: float = math.inf):
        service = Services(given_rps, fixed_rps)

        class Rig(StartedRig):
            """Begun with its spec's load."""

            def __init__(self, spec, size, started, driver, control) -> None:
                service.offer(spec.load.nominal_rps)

            def check_rows(self, count: int) -> None: ...
            def offer(self, rate_rps: float) -> None:
                service.offer(rate_rps)

        monkeypatch.setattr(variant_search, "Rig", Rig)
        search = RateSearch(service, THREADED)
        search.run(service, service.begin())
        service.ends_above = ends_above
        found = Diagnosing.of(service, search)
        found.measure_fixes(service, driver=None)
        return found.diagnoses(), service, search

    return run


def test_the_fix_is_searched_from_the_rate_that_was_found_without_it(diagnosed):
    (found,), service, search = diagnosed(50.0, 90.0)
    fixed = [m for m in service.measurements if m.variant == FIX]
    assert fixed[0].nominal_rps == search.found_rps == 50.0
    assert {m.nominal_rps for m in fixed} <= set(rates(50.0))
    assert 85 < found.remeasured["capacity_rps"] <= 90
    assert "in place of 50" in found.gain


def test_what_the_fix_takes_is_no_part_of_what_was_found_without_it(diagnosed):
    _, _, search = diagnosed(50.0, 90.0)
    assert search.found_rps == 50.0
    assert search.advise(budget_ended=False).capacity_rps == 50.0


def test_a_time_that_ends_in_the_search_leaves_the_rate_that_it_had_reached(diagnosed):
    (found,), _, _ = diagnosed(50.0, 400.0, ends_above=60.0)
    assert 50 < found.remeasured["capacity_rps"] <= 60


def test_a_time_that_ends_before_any_rate_leaves_none(diagnosed):
    (found,), _, _ = diagnosed(50.0, 400.0, ends_above=40.0)
    assert "was not measured: the budget left no time for it" in found.gain


def test_a_fix_that_takes_less_goes_down_and_is_refuted(diagnosed):
    found, _, _ = diagnosed(50.0, 40.0)
    assert found == []
