"""Which sizes are proven after one that was not, and which is measured for longer."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from profiler.measuring.validity import Validity
from profiler.running import verification
from profiler.spec import Limits
from tests.measurements import UNSTEADY, measured
from tests.raw_samples import MIB
from tests.test_size_search import SPEC, SyntheticService

SIZE = Limits(400, 256 * MIB)
CALM = measured("measuring", 1000, page_faults_major=0, duration_s=10.0)


class Verifying(SyntheticService):
    """Fresh services at the size that is asked for, whose outcomes are known by cpu."""

    def __call__(self, size: Limits):
        self.size = size.cpu_millicores
        return nullcontext()


class StartedRig:
    def __init__(self, spec, size, service, driver, control) -> None: ...
    def __enter__(self):
        return self

    def __exit__(self, *raised: object) -> None: ...
    def become_ready(self) -> None: ...
    def warm_up(self) -> None: ...


@pytest.fixture
def verified(monkeypatch):
    """What was measured, in order, and at which sizes again."""
    monkeypatch.setattr(verification, "Rig", StartedRig)

    def run(outcomes: dict, size: Limits) -> Verifying:
        service = Verifying(SPEC, lambda cpu: outcomes.get(cpu, "passed"))
        service.reference = CALM
        verification.verify(service, SPEC, size, service, driver=None)
        return service

    def verify(outcomes: dict, size: Limits = SIZE) -> tuple[list[float], list[float]]:
        service = run(outcomes, size)
        return service.asked, service.again

    verify.given_up = lambda outcomes: run(outcomes, SIZE).given_up
    return verify


def test_what_passes_is_measured_once(verified) -> None:
    assert verified({}) == ([400], [])


def test_what_fails_or_stays_undecided_goes_a_step_up_at_once(verified) -> None:
    assert verified({400: "undecided", 500: "failed"}) == ([400, 500, 600], [])


def test_what_is_not_steady_goes_a_step_up_too_and_other_noise_does_not(verified) -> None:
    assert verified({400: "unsteady"}) == ([400, 500], [])
    assert verified({400: "invalid"}) == ([400], [])


def test_three_steps_up_are_taken_and_the_last_is_measured_for_longer(verified) -> None:
    asked, again = verified(dict.fromkeys((400, 500, 600, 700, 800), "undecided"))
    assert (asked, again) == ([400, 500, 600, 700, 700], [700])


def test_only_where_no_step_is_left_a_verification_that_would_hardly_pass_is_waited_for(
    verified,
) -> None:
    assert verified.given_up(dict.fromkeys((400, 500, 600, 700), "undecided")) == [
        True, True, True, False,
    ]  # fmt: skip


def test_the_largest_size_is_measured_for_longer(verified) -> None:
    found = verified({1000: ["undecided", "passed"]}, Limits(1000, SIZE.memory_bytes))
    assert found == ([1000, 1000], [1000])


SMALLER = Limits(400, 128 * MIB)


@pytest.mark.parametrize(
    ("found", "then"),
    [
        ({}, (500, 128)),  # cpu is what it lacks: no need to try that cpu with more memory
        ({"outcome": "undecided"}, (500, 128)),
        ({"outcome": "undecided", **UNSTEADY}, (500, 128)),
        ({"page_faults_major": 50}, (500, 128)),  # in 10 s
        ({"page_faults_major": 500}, (400, 256)),
        ({"memory_pressure_some_fraction": 0.2}, (400, 256)),
        ({"oom_kills": 1}, (400, 256)),
        ({"requests": 0}, (400, 256)),  # it did not come up
        ({"validity": Validity(False)}, (400, 256)),
    ],
)
def test_after_a_smaller_memory_that_was_not_proven(monkeypatch, found, then) -> None:
    """Steps go up from it, unless memory may be why: then it counts for nothing."""
    fields = {"outcome": "failed", "duration_s": 10.0, "page_faults_major": 0} | found
    tried: list[Limits] = []

    def verify_at(measurer, spec, size, start, driver, *, patient=False):
        tried.append(size)
        failed = measured("verifying", size.cpu_millicores, **fields)
        return failed if size == SMALLER else measured("verifying", size.cpu_millicores)

    monkeypatch.setattr(verification, "verify_at", verify_at)
    measurer = SyntheticService(SPEC, {})
    measurer.reference = CALM
    verification.verify(measurer, SPEC, SIZE, None, None, smaller=[SMALLER])
    assert tried == [SMALLER, Limits(then[0], then[1] * MIB)]


def test_the_next_smaller_memory_is_tried_where_one_was_too_small(monkeypatch) -> None:
    tried: list[int] = []

    def verify_at(measurer, spec, size, start, driver, *, patient=False):
        tried.append(size.memory_bytes // MIB)
        enough = size.memory_bytes >= 192 * MIB
        fields = {"duration_s": 10.0, "page_faults_major": 0 if enough else 500}
        return measured("verifying", 400, "passed" if enough else "failed", **fields)

    monkeypatch.setattr(verification, "verify_at", verify_at)
    measurer = SyntheticService(SPEC, {})
    measurer.reference = CALM
    between = Limits(400, 192 * MIB)
    verification.verify(measurer, SPEC, SIZE, None, None, smaller=[SMALLER, between])
    assert tried == [128, 192]


def test_a_smaller_memory_that_is_proven_is_enough(monkeypatch) -> None:
    tried: list[Limits] = []

    def verify_at(measurer, spec, size, start, driver, *, patient=False):
        tried.append(size)
        return measured("verifying", size.cpu_millicores)

    monkeypatch.setattr(verification, "verify_at", verify_at)
    verification.verify(SyntheticService(SPEC, {}), SPEC, SIZE, None, None, smaller=[SMALLER])
    assert tried == [SMALLER]


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_a_service_that_reads_its_code_again_and_again_gets_more_memory(
    monkeypatch, outcome
) -> None:
    """Not more cpu; whether it kept the objective all the same or not."""
    tried: list[Limits] = []

    def verify_at(measurer, spec, size, start, driver, *, patient=False):
        tried.append(size)
        if size != SIZE:
            return measured("verifying", size.cpu_millicores)
        return measured(
            "verifying", size.cpu_millicores, outcome, duration_s=10.0, page_faults_major=500,
            validity=Validity(outcome == "failed"),
        )  # fmt: skip

    monkeypatch.setattr(verification, "verify_at", verify_at)
    measurer = SyntheticService(SPEC, {})
    measurer.reference = CALM
    verification.verify(measurer, SPEC, SIZE, None, None)
    assert tried == [SIZE, Limits(400, 304 * MIB)]


def test_what_cannot_be_believed_calls_for_no_more(verified) -> None:
    assert verified({400: "invalid"}) == ([400], [])
