"""What is done between two probes: noise is waited out and taken again, a queue is worked off."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from profiler.control import Control
from profiler.measuring.measurement import Measurement
from profiler.probe import Waiting
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.samples import ABORTED, OK
from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING, is_undecided, is_unsteady
from profiler.spec import Limits
from tests.measurements import INVALID, UNSTEADY, measured
from tests.raw_samples import MIB
from tests.test_size_search import SPEC

# ---- noise ----


class Taking(Measurer):
    """Takes what it is given, in order, on a host that is quiet again at once."""

    def __init__(self, *given: Measurement) -> None:
        super().__init__(SPEC, Control(lambda event: None, lambda: False))
        self._given = list(given)
        self.waits = 0

    def _take(self, *how: object) -> Measurement:
        return self._given.pop(0)

    def _wait_for_quiet(self) -> None:
        self.waits += 1


NOISY, BELIEVED = measured(SIZING, 400, "failed", **INVALID), measured(SIZING, 400)


def test_a_probe_in_a_noisy_moment_is_taken_again_once_the_host_is_quiet() -> None:
    measurer = Taking(NOISY, BELIEVED)
    assert measurer.probe(None, SIZING, 1.0) is BELIEVED
    assert (measurer.measurements, measurer.waits) == ([NOISY, BELIEVED], 1)


def test_noise_without_end_is_taken_three_times() -> None:
    measurer = Taking(NOISY, NOISY, NOISY, BELIEVED)
    assert not measurer.probe(None, SIZING, 1.0).validity.valid
    assert (len(measurer.measurements), measurer.waits) == (3, 2)


def test_noise_that_leaves_undecided_what_is_come_back_to_is_taken_once() -> None:
    open_ = measured(SIZING, 400, "undecided", **INVALID)
    assert Taking(open_, BELIEVED).probe(None, SIZING, 1.0, leaves_open=is_undecided) is open_
    assert Taking(open_, BELIEVED).probe(None, SIZING, 1.0) is BELIEVED
    assert Taking(NOISY, BELIEVED).probe(None, SIZING, 1.0, leaves_open=is_undecided) is BELIEVED


def test_a_proof_that_is_not_steady_is_taken_again_only_where_no_step_follows() -> None:
    """Unless noise, or more than that, may be why."""
    for outcome, why, taken in [
        ("undecided", UNSTEADY, 1),
        ("undecided", INVALID, 2),
        ("passed", UNSTEADY, 2),
    ]:
        measurer = Taking(measured(VERIFYING, 400, outcome, **why), BELIEVED)
        measurer.probe(None, VERIFYING, 4.0, leaves_open=is_unsteady)
        assert len(measurer.measurements) == taken
    measurer = Taking(measured(VERIFYING, 400, "undecided", **UNSTEADY), BELIEVED)
    assert measurer.probe(None, VERIFYING, 4.0) is BELIEVED


def test_what_is_believed_is_taken_once() -> None:
    measurer = Taking(BELIEVED, NOISY)
    measurer.probe(None, SIZING, 1.0)
    assert (len(measurer.measurements), measurer.waits) == (1, 0)


def slow(outcome: str, phase: str = VERIFYING) -> Measurement:
    return measured(phase, 400, outcome, cpu_seconds_per_request=0.0023)


def test_a_proof_that_failed_while_the_machine_was_slower_is_taken_again_once() -> None:
    """BELIEVED had measured the size at 2 ms of cpu a request."""
    for outcome in ("failed", "undecided"):
        passed = measured(VERIFYING, 400)
        measurer = Taking(BELIEVED, slow(outcome), passed)
        measurer.probe(None, SIZING, 1.0)
        assert measurer.probe(None, VERIFYING, 1.0, Waiting(gives_up=True)) is passed
        assert measurer.waits == 1
        assert [w.code for w in measurer.measurements[1].warning_findings] == ["machine-slower"]
    measurer = Taking(BELIEVED, slow("failed"), slow("failed"), passed)
    measurer.probe(None, SIZING, 1.0)
    assert measurer.probe(None, VERIFYING, 1.0).outcome == "failed"
    assert len(measurer.measurements) == 3


def test_it_is_not_where_it_passed_or_is_come_back_to_or_looked_at_again() -> None:
    measurer = Taking(BELIEVED, slow("passed"), slow("undecided", SIZING), slow("failed"), NOISY)
    measurer.probe(None, SIZING, 1.0)
    measurer.probe(None, VERIFYING, 1.0)
    measurer.probe(None, SIZING, 1.0, leaves_open=is_undecided)
    measurer.probe(None, VERIFYING, 1.0, Waiting(again_s=20.0))
    assert len(measurer.measurements) == 4


def test_what_decides_nothing_at_the_largest_size_is_measured_for_longer() -> None:
    undecided = measured(REFERENCE, 1000, "undecided")
    rig = SimpleNamespace(load=SPEC.load, expected_rps=50.0)
    measurer = Taking(BELIEVED)
    assert measurer.again_if_undecided(rig, undecided, 4.0) is BELIEVED
    assert Taking(NOISY).again_if_undecided(rig, BELIEVED, 4.0) is BELIEVED
    measurer.control.start_budget(20.0)  # a quarter of which is too short
    assert measurer.again_if_undecided(rig, undecided, 4.0) is undecided


def test_it_is_not_where_too_few_requests_come_in_time_to_decide_anything() -> None:
    """At 1/s the 344 that could pass it take more than a quarter of ten minutes."""
    measurer = Taking(BELIEVED)
    measurer.control.start_budget(600.0)
    rig = SimpleNamespace(load=SPEC.load.at_rate(1.0), expected_rps=1.0)
    undecided = measured(REFERENCE, 1000, "undecided")
    assert measurer.again_if_undecided(rig, undecided, 4.0) is undecided


# ---- the queue ----


class Loaded:
    """A driver whose last load ended so, and what it is answered one at a time takes so many ms."""

    def __init__(self, outcome: int, alone_ms: list[float]) -> None:
        self._last = {"outcome": np.array([OK, outcome])}
        self._alone_ms = alone_ms
        self.sent_alone = 0

    def results(self) -> dict:
        return self._last

    def once(self, rows, timeout_s, should_stop) -> dict:
        self.sent_alone += 1
        return answered(self._alone_ms.pop(0))


def answered(*latencies_ms: float) -> dict:
    finished = np.array([round(ms * 1e6) for ms in latencies_ms])
    return {"sent_ns": np.zeros_like(finished), "finished_ns": finished,
            "outcome": np.full(len(finished), OK)}  # fmt: skip


@pytest.fixture
def drained(monkeypatch):
    """A rig at 200m after a load that ended so; and the sizes it went through."""
    monkeypatch.setattr(Rig, "refuse_gone", lambda rig: None)

    def drain(outcome: int, *alone_ms: float) -> tuple[Loaded, list[int]]:
        sizes: list[int] = []
        service = SimpleNamespace(limits_enforced=True, resize=sizes.append, gpus=())
        driver = Loaded(outcome, list(alone_ms))
        control = Control(lambda event: None, lambda: False)
        rig = Rig(SPEC, Limits(200, 64 * MIB), service, driver, control)
        rig.checked = answered(3.0, 8.0)
        rig.drain()
        return driver, sizes

    return drain


def test_a_queue_that_was_given_up_is_worked_off_with_all_the_cpu_there_is(drained) -> None:
    driver, sizes = drained(ABORTED, 900.0, 40.0, 8.0, 1.0)
    assert driver.sent_alone == 3  # as fast as the slowest of the check
    assert sizes == [SPEC.limits.cpu_millicores, 200]


def test_where_all_was_answered_there_is_no_queue(drained) -> None:
    driver, sizes = drained(OK)
    assert (driver.sent_alone, sizes) == (0, [])
