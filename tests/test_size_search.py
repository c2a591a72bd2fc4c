"""The searches as a run makes them, of services whose curve is known: what they measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement
from profiler.probe import TO_THE_END, Waiting
from profiler.running import rate_search, size_search
from profiler.running.measurer import Measurer
from profiler.running.rate_search import RateSearch
from profiler.running.size_search import SizeSearch
from profiler.sizing.capacity import CapacityCase
from profiler.sizing.evidence import is_undecided
from profiler.sizing.search import grid
from profiler.spec import (
    Budget,
    DatasetFiles,
    Environment,
    Limits,
    Load,
    Objective,
    ScoredConfig,
    Spec,
    Stage,
    Target,
)
from tests.measurements import INVALID, UNSTEADY, latency, measured
from tests.raw_samples import MIB

SPEC = Spec(
    models=(),
    config=ScoredConfig("score.py", Path(), Environment()),
    dataset=DatasetFiles(Path("rows.txt")),
    target=Target("docker", (0,), (1,), 1000, 1024 * MIB),
    limits=Limits(1000, 1024 * MIB),
    load=Load((Stage("open", rate_rps=50.0),)),
    objective=Objective(latency_ms=50),
    budget=Budget(),
)
CURVE = replace(SPEC, question="curve")
RATE = replace(SPEC, question="rate")


class SyntheticService:
    """Stands in for a rig, its control and its measurer: outcomes come from `curve`, by size or
    rate, one after the other where there are several. Of `budget_s` each takes a second. `known` is
    what more its measurements tell.
    """

    def __init__(self, spec: Spec, curve, budget_s: float = 600.0, **known: object) -> None:
        self.control = self
        self.measurements: list[Measurement] = []
        self.asked: list[float] = []
        self.again: list[float] = []
        self.given_up: list[bool] = []
        self.leaves_open: list[Callable] = []
        self.hung_on: list[float] = []
        self.reference, self.limits_enforced = None, True
        self._spec, self._curve, self._left_s = spec, curve, budget_s
        self._known = {"cpu_seconds_per_request": None, "memory_bytes": 1024 * MIB} | known
        self.size, self.rate_rps = spec.limits.cpu_millicores, spec.load.nominal_rps

    def enter(self, phase: str, message: str) -> None: ...

    def tell(self, message: str, part: float = 0.0) -> None: ...

    def log(self, text: str) -> None: ...

    def remaining_s(self) -> float:
        return self._left_s

    def resize(self, cpu_millicores: int) -> None:
        self.size = cpu_millicores

    def offer(self, rate_rps: float) -> None:
        self.rate_rps = rate_rps

    def begin(self) -> Measurement:
        self.reference = self._measure("measuring")
        return self.reference

    def probe(
        self,
        rig: object,
        phase: str,
        at_least_s: float,
        waiting: Waiting = TO_THE_END,
        *,
        leaves_open: Callable[[Measurement], bool] | None = None,
    ) -> Measurement:
        self.given_up.append(waiting.gives_up)
        if waiting.waits_s:
            self.hung_on.append(self._key)
        self.leaves_open.append(leaves_open)
        return self._measure(phase)

    def probe_again(
        self, rig: object, phase: str, at_least_s: float, *, gives_up: bool = False
    ) -> Measurement | None:
        if self._left_s < 40:
            return None
        self.again.append(self._key)
        return self._measure(phase)

    again_if_undecided = Measurer.again_if_undecided
    waiting, _share_s = Measurer.waiting, Measurer._share_s

    @property
    def _key(self) -> float:
        return self.rate_rps if self._spec.question == "rate" else self.size

    def _measure(self, phase: str) -> Measurement:
        outcomes = self._curve(self._key)
        outcomes = [outcomes] if isinstance(outcomes, str) else outcomes
        outcome = outcomes[min(self.asked.count(self._key), len(outcomes) - 1)]
        self.asked.append(self._key)
        self._left_s -= 1
        spoilt = {}
        if outcome == "invalid":
            outcome, spoilt = "failed", INVALID
        if outcome == "unsteady":
            outcome, spoilt = "undecided", UNSTEADY
        if outcome == "slow alone":
            outcome, spoilt = "failed", {"outcome_findings": (Finding("too-slow-alone", outcome),)}
        found = measured(
            phase, self.size, outcome, nominal_rps=self.rate_rps,
            **self._known, **spoilt,
        )  # fmt: skip
        self.measurements.append(found)
        return found


def sized(curve, spec: Spec = SPEC, **others: object) -> tuple[SizeSearch, SyntheticService]:
    service = SyntheticService(spec, curve, **others)
    search = SizeSearch(service, spec)
    search.run(service, service.begin())
    return search, service


def keeps(needed: int, others: dict | None = None):
    """A curve that falls once, but for the `others`."""
    return lambda cpu: (others or {}).get(cpu, "passed" if cpu >= needed else "failed")


def test_a_falling_curve_s_edge_is_what_is_verified() -> None:
    search, service = sized(keeps(300))
    assert search.size_to_verify().cpu_millicores == 300
    assert service.again == []


@given(
    st.lists(st.sampled_from(["passed", "failed", "undecided", "invalid"]), min_size=9, max_size=9)
)
def test_whatever_the_curve_the_answer_passes_and_its_lower_neighbour_does_not(outcomes) -> None:
    curve = dict(zip(grid(1000), [*outcomes, "passed"], strict=True))
    search, service = sized(curve.get)
    answer = search.size_to_verify().cpu_millicores
    assert curve[answer] == "passed"
    assert answer == 100 or (answer - 100 in service.asked and curve[answer - 100] != "passed")


@pytest.mark.parametrize(
    ("stage", "p50_ms", "asked"),
    [
        (Stage("open", rate_rps=50.0), 8.0, [1000, 500, 300, 400]),  # 7.5 ms x 50/s is 375m
        (Stage("open", rate_rps=50.0), 2.0, [1000, 500, 200, 300, 400]),  # threads spin
        (Stage("closed", concurrency=1), 8.0, [1000, 500, 200, 300, 400]),  # it waits for answers
    ],
)
def test_sizes_that_cannot_keep_up_on_average_are_passed_over(
    stage, p50_ms, asked, monkeypatch
) -> None:
    monkeypatch.setattr(size_search, "first_estimate", lambda *_: None)
    known = {"cpu_seconds_per_request": 0.0075, "latency": latency(p50_ms)}
    search, service = sized(keeps(400), replace(SPEC, load=Load((stage,))), **known)
    assert service.asked == asked
    assert search.size_to_verify().cpu_millicores == 400


def test_an_undecided_neighbour_is_measured_again_and_may_be_the_answer() -> None:
    search, service = sized(keeps(400, {300: ["undecided", "passed"]}))
    assert search.size_to_verify().cpu_millicores == 300
    assert service.again == [300]
    assert service.asked.count(200) == 1


def test_a_neighbour_that_stays_undecided_is_measured_again_once() -> None:
    search, service = sized(keeps(400, {300: "undecided"}))
    assert search.size_to_verify().cpu_millicores == 400
    assert service.again == [300]


def test_a_neighbour_that_the_answer_hangs_on_is_waited_for_and_not_measured_again() -> None:
    """500 passes before 400 is tried; 200 and 300 fail before it."""
    search, service = sized(keeps(500, {400: "undecided"}))
    assert search.size_to_verify().cpu_millicores == 500
    assert (service.hung_on, service.again) == ([400], [])


def test_a_neighbour_that_was_waited_for_and_is_not_believed_is_measured_again() -> None:
    search, service = sized(keeps(500, {400: ["invalid", "passed"]}))
    assert search.size_to_verify().cpu_millicores == 400
    assert (service.hung_on, service.again) == ([400], [400])


def test_a_rate_that_the_answer_hangs_on_is_waited_for_and_not_measured_again() -> None:
    search, service = rated(lambda rate: "passed" if rate <= 70 else "undecided")
    above = next(rate for rate in search.points if rate > search.found_rps)
    assert above in service.hung_on or service.again == [above]
    assert not set(service.hung_on) & set(service.again)


def test_without_time_an_undecided_neighbour_is_left_as_it_is() -> None:
    search, service = sized(keeps(400, {300: "undecided"}), budget_s=30)
    assert (search.size_to_verify().cpu_millicores, service.again) == (400, [])


def test_a_curve_is_whole_and_has_an_answer() -> None:
    search, service = sized(keeps(300), CURVE)
    assert sorted(service.asked) == list(grid(1000))
    assert search.size_to_verify().cpu_millicores == 300


def test_a_search_gives_up_what_would_hardly_pass_and_a_curve_wants_to_know_it() -> None:
    assert set(sized(keeps(300))[1].given_up) == {True}
    assert set(rated(lambda rate: "passed" if rate <= 70 else "failed")[1].given_up) == {True}
    assert set(sized(keeps(300), CURVE)[1].given_up) == {False}


def test_a_search_comes_back_to_what_stays_undecided_but_for_its_largest_size() -> None:
    assert set(sized(keeps(300))[1].leaves_open) == {is_undecided}
    assert set(sized(keeps(300), CURVE)[1].leaves_open) == {None}
    service = SyntheticService(SPEC, keeps(300))
    reference = service.begin()
    SizeSearch(service, SPEC, at_most=800).run(service, reference)
    assert service.asked[1] == 800
    assert service.leaves_open[:2] == [None, is_undecided]


def test_a_curve_that_runs_out_of_time_ends_with_an_answer_all_the_same() -> None:
    search, service = sized(keeps(300), CURVE, budget_s=64)
    assert len(service.asked) < 10
    assert search.size_to_verify().cpu_millicores == 300


# ---- rates ----


def rated(curve) -> tuple[RateSearch, SyntheticService]:
    service = SyntheticService(RATE, curve)
    search = RateSearch(service, RATE)
    search.run(service, service.begin())
    return search, service


def found_by(search: RateSearch, service: SyntheticService) -> float | None:
    case = CapacityCase(
        tuple(service.measurements), search.points, RATE.limits, RATE.objective, RATE.load,
        RATE.policy,
    )  # fmt: skip
    return case.next_step()


@pytest.mark.parametrize("capacity", [3.0, 50.0, 84.9, 2000.0])
def test_the_highest_rate_is_what_is_verified(capacity) -> None:
    search, service = rated(lambda rate: "passed" if rate <= capacity else "failed")
    found = found_by(search, service)
    assert found <= capacity < 1.0505 * found
    assert service.again == []


@given(st.data())
def test_whatever_the_curve_a_rate_passes_and_the_next_does_not(data) -> None:
    drawn: dict[float, str] = {}

    def curve(rate: float) -> str:
        if rate not in drawn:
            drawn[rate] = data.draw(st.sampled_from(["passed", "failed", "undecided", "invalid"]))
        return drawn[rate]

    search, service = rated(curve)
    found = found_by(search, service)
    if found is None:
        assert "passed" not in drawn.values()
        return
    at = search.points.index(found)
    assert drawn[found] == "passed"
    assert at == len(search.points) - 1 or drawn[search.points[at + 1]] != "passed"


def test_the_memory_of_the_largest_rows_is_surveyed_at_the_rate_that_was_found(monkeypatch) -> None:
    monkeypatch.setattr(rate_search, "survey_memory", lambda measurer, rig, at: at.nominal_rps)
    search, service = rated(lambda rate: "passed" if rate <= 70 else "failed")
    search.survey_memory(service)
    assert search.survey == search.found_rps == found_by(search, service)


def test_where_no_rate_is_kept_nothing_is_surveyed() -> None:
    search, service = rated(lambda rate: "failed")
    search.survey_memory(service)
    assert search.survey is None


def test_no_lower_rate_is_tried_once_requests_that_met_no_other_were_too_slow() -> None:
    search, service = rated(lambda rate: "failed" if rate > 40 else "slow alone")
    assert service.asked[-1] < 40 < service.asked[-2]
    assert search.advise(budget_ended=False).reasons[0].endswith("(slow alone).")


def test_no_lower_rate_is_tried_than_there_is_time_to_tell() -> None:
    """86 requests within half of the time that is left."""
    search, service = rated(lambda rate: "failed")
    assert 0.05 < min(service.asked) < 0.7
    assert service.remaining_s() > 500
    assert "too few requests come in the run's time" in search.advise(budget_ended=False).reasons[0]


def test_an_undecided_rate_above_is_measured_again() -> None:
    """57.74 is tried before 55.03, above which the answer then hangs on it."""
    above = ["undecided", "passed"]
    search, service = rated(
        lambda rate: "passed" if rate < 56 else above if rate < 58 else "failed"
    )
    assert found_by(search, service) == 57.74
    assert service.again == [57.74]


def test_another_look_is_taken_once_in_a_search() -> None:
    search, service = sized(keeps(400, {300: ["undecided", "passed"], 200: "undecided"}))
    assert search.size_to_verify().cpu_millicores == 300
    assert service.again == [300]
