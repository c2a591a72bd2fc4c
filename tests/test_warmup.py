"""A warm-up ends when the service has settled: synthetic series, and a real slow beginning."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from profiler.control import Control
from profiler.load.driver import Driver
from profiler.measuring.measurement import Measurement
from profiler.measuring.summary import summarise
from profiler.measuring.warmup import (
    FIXED_TIME,
    MSER_5,
    WarmUp,
    slow_beginning,
    still_warming,
    warm_up_over,
)
from profiler.rig import Rig
from profiler.service import Exit, Service, UsageReading
from profiler.spec import ContainerConfig, Limits
from tests.http_answers import OK, Conversation, Server, row
from tests.queues import md1
from tests.raw_samples import bound, context, evenly, request_columns, rule_for, usage_columns
from tests.service_kit import spec_of


def one_at_a_time(slow_s: float, slower: float, total_s: float, *, ramp: bool = False):
    """Requests of about 4 ms, one after the other, that begin `slower` for `slow_s` (`ramp`: ever
    less): when each ended, and its latency in ms.
    """
    random, now, finished, latency = np.random.default_rng(41), 0.0, [], []
    while now < total_s:
        left = max(0.0, 1 - now / slow_s) if ramp else float(now < slow_s)
        taken_s = 0.004 * (1 + (slower - 1) * left) * random.lognormal(0, 0.3)
        now += taken_s
        finished.append(now)
        latency.append(1000 * taken_s)
    return np.array(finished), np.array(latency)


def ended(finished_s: np.ndarray, latency_ms: np.ndarray) -> WarmUp:
    """The warm-up of these requests, looked at twenty times a second."""
    for seconds in np.arange(0.05, 30, 0.05):
        seen = finished_s <= seconds
        over = warm_up_over(finished_s[seen], latency_ms[seen], float(seconds))
        if over:
            return over
    raise AssertionError("it never ended")


def test_a_steady_service_is_warm_at_the_least_time() -> None:
    found = ended(*one_at_a_time(0, 1, 4))
    assert found.seconds == pytest.approx(2.0)
    assert found.detected and found.method == MSER_5 and found.truncated_at_s < 0.2


def test_a_slow_beginning_is_cut_off_where_it_ended() -> None:
    found = ended(*one_at_a_time(1.5, 5, 4))
    assert found.seconds == pytest.approx(2.0)
    assert found.truncated_at_s == pytest.approx(1.5, abs=0.1)


def test_a_service_that_gets_faster_for_three_seconds_is_waited_for() -> None:
    found = ended(*one_at_a_time(3, 5, 11, ramp=True))
    assert found.detected and 2.8 <= found.seconds <= 6


def test_a_service_that_never_settles_is_given_up_with_a_warning() -> None:
    at_s = evenly(1200)
    found = ended(at_s, 100 * np.exp(-0.3 * at_s))
    assert found.seconds == pytest.approx(8.0)
    assert not found.detected and found.never_settled
    told = measured(request_columns(evenly(400), 10), warmup=found)
    assert [warning.code for warning in told.warning_findings] == ["warm-up-unsettled"]
    assert told.to_json()["warmup"]["detected"] is False


def test_latency_that_rises_is_no_warming_up() -> None:
    at_s = evenly(200)
    assert warm_up_over(at_s, 10 * np.exp(at_s), 2.0).detected


def test_a_queue_that_grows_because_the_service_is_still_slow_is_waited_for() -> None:
    """40 requests/s, 40 ms each for 2.5 s and 5 ms from then on: the queue is gone at 2.74 s."""
    due_s = evenly(400, 40)
    ended_s = np.empty(400)
    now = 0.0
    for index, at_s in enumerate(due_s):
        now = max(now, at_s)
        now += 0.04 if now < 2.5 else 0.005
        ended_s[index] = now
    for seconds in np.arange(2.0, 9.0, 0.05):
        seen = ended_s <= seconds
        found = warm_up_over(ended_s[seen], 1000 * (ended_s - due_s)[seen], seconds, open_loop=True)
        if found:
            break
    assert found.detected and 2.74 <= found.seconds <= 4


def test_few_requests_and_stages_that_differ_end_by_time() -> None:
    few = np.arange(1.0, 7) / 3
    assert warm_up_over(few, np.full(6, 300.0), 2.0).method == FIXED_TIME
    assert warm_up_over(few[:4], np.full(4, 300.0), 2.0) is None
    assert warm_up_over(few[:4], np.full(4, 300.0), 20.0).method == FIXED_TIME
    falling = one_at_a_time(3, 5, 2, ramp=True)
    assert warm_up_over(*falling, 2.0) is None
    assert warm_up_over(*falling, 2.0, may_tell=False).method == FIXED_TIME


def test_mser_by_hand() -> None:
    """Three at e^2 and seventeen at 1: the cut is after the third, 7.4 times slower."""
    found = slow_beginning(np.array([np.e**2] * 3 + [1.0] * 17))
    assert found.requests == 3
    assert found.factor == pytest.approx(np.e**2)
    assert slow_beginning(np.array([1.0] * 3 + [np.e**2] * 17)) is None


@pytest.mark.parametrize("count", [300, 2000])
def test_clean_latencies_are_not_called_a_warm_up(count) -> None:
    random = np.random.default_rng(42)
    assert not any(still_warming(random.lognormal(1, 1, count)) for _ in range(150))
    assert sum(still_warming(md1(random, count, 0.5)) is not None for _ in range(100)) <= 3


# ---- in a measurement ----


def measured(requests, **others: object) -> Measurement:
    about, none = context(4.0, **others), usage_columns([])
    return summarise(requests, none, none, about, rule=rule_for(about.bound))


def test_what_was_measured_while_still_warming_is_not_believed() -> None:
    latency_ms = np.where(np.arange(400) < 80, 40, 10) * 1.0
    reference = measured(request_columns(evenly(400), latency_ms), bound=bound(latency_ms=None))
    (reason,) = reference.validity.findings
    assert reason.code == "still-warming-up"
    assert "its first 80 requests took 4 times as long" in reason.text


def test_a_bound_kept_while_still_warming_is_kept() -> None:
    latency_ms = np.where(np.arange(400) < 80, 40, 10) * 1.0
    found = measured(request_columns(evenly(400), latency_ms), bound=bound(latency_ms=200.0))
    assert found.is_believed_pass
    told = {warning.code: warning.text for warning in found.warning_findings}
    assert told["still-warming-up"].endswith("The bound was kept in spite of it.")


# ---- a real service ----


class Elsewhere(Service):
    """A service that a test serves itself; nothing of it is limited or sampled."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *exc_info: object) -> None: ...

    @property
    def address(self):
        return self._server.address

    health_path, started_ns = "/", 0

    def read_usage(self, *, complete: bool = False) -> UsageReading | None:
        return None

    def process_ids(self) -> None:
        return None

    def reset_memory_peak(self) -> bool:
        return False

    def resize(self, cpu_millicores: int) -> None: ...

    def exited(self) -> Exit | None:
        return None

    def log(self, max_bytes: int = 0) -> str:
        return ""

    def circumstances(self) -> dict:
        return {}


@pytest.mark.alone
def test_the_rig_sees_where_the_slow_beginning_of_a_real_service_ended(tmp_path: Path) -> None:
    """A server that takes 30 ms a request for its first 1.5 s, and 2 ms from then on."""
    first: list[float] = []

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            first.append(time.monotonic())
            time.sleep(0.03 if time.monotonic() - first[0] < 1.5 else 0.002)
            conversation.say(OK)

    spec = spec_of(ContainerConfig("unused", 80, "/", "/score"))
    with Server(talk) as server, Driver([row(1)], cores=(), work_dir=tmp_path) as driver:
        rig = Rig(spec, Limits(1000, 1 << 29), Elsewhere(server), driver,
                  Control(lambda _event: None, lambda: False))  # fmt: skip
        driver.connect(server.address)
        rig.warm_up()
    assert rig.warmup.detected and rig.warmup.seconds >= 2.0
    assert rig.warmup.truncated_at_s == pytest.approx(1.5, abs=0.5)
    slow_rps = 1 / 0.03
    assert rig.rate_rps > 3 * slow_rps
