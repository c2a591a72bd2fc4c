"""The driver under load: its clock, its books, and how it and its engine part."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from profiler.errors import PROFILER_ERROR, TARGET_UNAVAILABLE, RunFailed
from profiler.load.driver import Driver
from profiler.samples import OUTCOMES, REQUEST_COLUMNS, Columns
from profiler.service import Address
from profiler.spec import Load, Stage
from tests.http_answers import OK, OK_AND_CLOSE, Conversation, Server, always, row

MS = 1_000_000
ROWS = 7


@pytest.fixture(scope="module")
def shared_driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    rows = [row(number, b"%d" % number) for number in range(1, ROWS + 1)]
    with Driver(rows, cores=(), work_dir=tmp_path_factory.mktemp("driver")) as driver:
        yield driver


@pytest.fixture
def driver(shared_driver: Driver) -> Iterator[Driver]:
    yield shared_driver
    if not shared_driver.finished():
        shared_driver.stop(drain_s=0)


def never() -> bool:
    return False


def closed(concurrency: int = 1, **ends: float) -> Stage:
    return Stage("closed", concurrency=concurrency, **ends)


def constant(rate_rps: float, **ends: float) -> Stage:
    return Stage("open", rate_rps=rate_rps, arrivals="constant", **ends)


def poisson(rate_rps: float, **ends: float) -> Stage:
    return Stage("open", rate_rps=rate_rps, **ends)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def count(driver: Driver) -> int:
    return len(driver.results()["row"])


def load(driver: Driver, requests: int, *stages: Stage, **options: object) -> Columns:
    """The records of a load that was stopped after some requests."""
    driver.start(Load(stages, **options))
    wait_for(lambda: count(driver) >= requests)
    driver.stop(drain_s=5)
    return driver.results()


def outcomes(columns: Columns) -> set[str]:
    return {OUTCOMES[code] for code in columns["outcome"]}


# Closed loop


def test_a_virtual_user_sends_when_its_previous_request_has_ended(driver):
    with Server(always(OK)) as server:
        driver.connect(server.address)
        columns = load(driver, 50, closed())
    assert outcomes(columns) == {"ok"}
    assert np.all(columns["scheduled_ns"][1:] >= columns["finished_ns"][:-1])
    assert server.connections == 1


def test_as_many_requests_are_under_way_as_there_are_virtual_users(driver):
    together = threading.Barrier(3)

    def talk(conversation: Conversation) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):  # the last round is incomplete
            while conversation.read() is not None:
                together.wait(timeout=5)  # answers come only once all three have asked
                conversation.say(OK)

    with Server(talk) as server:
        driver.connect(server.address)
        driver.start(Load((closed(3),)))
        wait_for(lambda: count(driver) >= 30)
        report = driver.stop(drain_s=0)
    assert report.in_flight_max == 3
    assert server.connections == 3


def test_a_service_that_is_down_is_not_flooded(driver):
    driver.connect(Address("127.0.0.1", 1))
    driver.start(Load((closed(),)))
    time.sleep(0.3)
    driver.stop(drain_s=5)  # it may be in the middle of a connection
    columns = driver.results()
    assert outcomes(columns) == {"connect_failed"}
    assert np.diff(columns["scheduled_ns"]).min() >= 9 * MS


# Open loop


def test_requests_are_due_at_the_rate_whatever_the_service_does(driver):
    with Server(always(OK_AND_CLOSE)) as server:
        driver.connect(server.address)
        columns = load(driver, 40, constant(200))
    assert outcomes(columns) == {"ok"}
    assert set(np.diff(columns["scheduled_ns"])) == {5 * MS}
    assert np.all(columns["sent_ns"] >= columns["scheduled_ns"])


def test_a_stall_is_seen_by_every_request_due_in_it(driver):
    """Coordinated omission: one stall of 200 ms, and all the requests that it held up."""
    gate = threading.Event()
    gate.set()

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            gate.wait()
            conversation.say(OK)

    with Server(talk) as server:
        driver.connect(server.address)
        driver.start(Load((constant(500),)))
        wait_for(lambda: count(driver) >= 50)
        gate.clear()
        begun = time.monotonic_ns()
        time.sleep(0.2)
        ended = time.monotonic_ns()
        gate.set()
        wait_for(lambda: driver.results()["scheduled_ns"][-1] > ended)
        driver.stop(drain_s=5)
    columns = driver.results()
    inside = (columns["scheduled_ns"] > begun + 5 * MS) & (columns["scheduled_ns"] < ended)
    assert inside.sum() == pytest.approx(195 / 2, abs=1 + (ended - begun - 200 * MS) / (2 * MS))
    held = columns["finished_ns"][inside] - ended
    assert held.min() >= 0
    assert server.connections >= inside.sum()


def test_pending_holds_what_is_due_and_unfinished(driver):
    gate = threading.Event()

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            gate.wait()
            conversation.say(OK)

    with Server(talk) as server:
        driver.connect(server.address)
        driver.start(Load((constant(100),)))
        wait_for(lambda: len(driver.pending()) >= 20)
        columns, pending = driver.snapshot()
        assert len(columns["row"]) == 0
        assert set(np.diff(pending)) == {10 * MS}
        gate.set()
        wait_for(lambda: count(driver) >= 30)
        columns, still = driver.snapshot()
        known = np.sort(np.concatenate([columns["scheduled_ns"], still]))
        assert set(np.diff(known)) == {10 * MS}, "each is in one of the two, none in both"
        driver.stop(drain_s=5)
    assert len(driver.pending()) == 0
    assert driver.results()["scheduled_ns"][: len(pending)].tolist() == pending.tolist()


# Rows and stages


def test_rows_go_round_in_order(driver):
    with Server(always(OK)) as server:
        driver.connect(server.address)
        columns = load(driver, 20, closed())
    assert columns["row"][:15].tolist() == [1, 2, 3, 4, 5, 6, 7] * 2 + [1]


def test_shuffled_rows_all_get_their_turn(driver):
    with Server(always(OK)) as server:
        driver.connect(server.address)
        first = load(driver, 14, closed(), order="shuffled", seed=5)["row"][:14].tolist()
        again = load(driver, 14, closed(), order="shuffled", seed=5)["row"][:14].tolist()
    assert sorted(first[:7]) == list(range(1, 8)) != first[:7]
    assert again == first


def test_stages_follow_each_other_round_and_round(driver):
    stages = (constant(100, requests=3), closed(2, requests=5), poisson(500, requests=4))
    with Server(always(OK)) as server:
        driver.connect(server.address)
        columns = load(driver, 30, *stages)
    ran = columns["stage"].tolist()[:24]
    assert ran == ([0] * 3 + [1] * 5 + [2] * 4) * 2


def test_a_stage_ends_with_its_duration_and_the_next_begins_there(driver):
    stages = (constant(100, duration_s=0.05), closed(duration_s=0.03), constant(50))
    with Server(always(OK)) as server:
        driver.connect(server.address)
        driver.start(Load(stages))
        wait_for(lambda: 2 in driver.results()["stage"])
        driver.stop(drain_s=5)
    columns = driver.results()
    started = columns["scheduled_ns"][0]
    due = columns["scheduled_ns"] - started
    assert due[columns["stage"] == 0].tolist() == [0, 10 * MS, 20 * MS, 30 * MS, 40 * MS]
    assert due[columns["stage"] == 1].min() >= 50 * MS
    assert due[columns["stage"] == 2].min() == 80 * MS


# The books


def test_results_are_ordered_and_complete_and_take_gives_each_once(driver):
    taken = []
    with Server(always(OK)) as server:
        driver.connect(server.address)
        driver.start(Load((closed(4),)))
        early = driver.results()
        size = len(early["row"])
        while count(driver) < 500:
            taken.append(driver.take())
        report = driver.stop(drain_s=5)
        taken.append(driver.take())
    columns = driver.results()
    assert {name: values.dtype.str[1:] for name, values in columns.items()} == REQUEST_COLUMNS
    assert np.all(np.diff(columns["scheduled_ns"]) >= 0)
    assert len(columns["row"]) == report.sent == sum(len(part["row"]) for part in taken)
    assert len(early["row"]) == size, "what was handed out stays as it was"
    assert len(driver.take()["row"]) == 0


def test_a_start_forgets_the_load_before(driver):
    with Server(always(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")) as failing:
        driver.connect(failing.address)
        load(driver, 5, closed())
        assert driver.first_bad().status == 500
    with Server(always(OK)) as server:
        driver.connect(server.address)
        columns = load(driver, 5, closed())
    assert outcomes(columns) == {"ok"}
    assert driver.first_bad() is None


def test_the_first_bad_answer_under_load_is_the_first_in_time(driver):
    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            bad = request[1] in (b"3", b"5")
            conversation.say(b"HTTP/1.1 422 X\r\nContent-Length: 3\r\n\r\nno!" if bad else OK)

    with Server(talk) as server:
        driver.connect(server.address)
        columns = load(driver, 20, closed())
    assert outcomes(columns) == {"ok", "http_error"}
    bad = driver.first_bad()
    assert (bad.row, bad.status, bad.outcome, bad.answer) == (3, 422, "http_error", "no!")


def test_a_pass_sends_each_row_once_and_keeps_the_answers(driver):
    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            body = b"row " + request[1]
            conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with Server(talk) as server:
        driver.connect(server.address)
        columns = driver.once(range(1, ROWS + 1), 5, never)
    assert columns["row"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert [driver.answers()[number].body for number in (1, 7)] == ["row 1", "row 7"]
    assert driver.finished()


def test_a_pass_stops_when_asked(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(OK)
        time.sleep(30)

    with Server(talk) as server:
        driver.connect(server.address)
        columns = driver.once(range(1, ROWS + 1), 30, lambda: count(driver) == 1)
    assert [OUTCOMES[code] for code in columns["outcome"]] == ["ok", "aborted"]
    assert driver.finished()


# Stopping


def test_stop_waits_for_answers_under_way(driver):
    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            time.sleep(0.2)
            conversation.say(OK)

    with Server(talk) as server:
        driver.connect(server.address)
        driver.start(Load((constant(50, requests=1), closed())))
        wait_for(lambda: len(driver.pending()) >= 1)
        driver.stop(drain_s=5)
    assert outcomes(driver.results()) == {"ok"}


def test_what_is_not_answered_by_the_end_of_the_drain_is_aborted(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        time.sleep(30)

    with Server(talk) as server:
        driver.connect(server.address)
        driver.start(Load((constant(100),)))
        wait_for(lambda: len(driver.pending()) >= 5)
        began = time.monotonic()
        report = driver.stop(drain_s=0.1)
        assert time.monotonic() - began < 5
    columns = driver.results()
    assert outcomes(columns) == {"aborted"}
    assert len(columns["row"]) == report.sent == report.in_flight_max
    assert driver.first_bad() is None, "neither success nor error"


def test_the_report_says_how_well_time_was_kept(driver):
    with Server(always(OK)) as server:
        driver.connect(server.address)
        driver.start(Load((poisson(200),)))
        wait_for(lambda: count(driver) >= 50)
        report = driver.stop(drain_s=5)
    columns = driver.results()
    late_ms = (columns["sent_ns"] - columns["scheduled_ns"]) / MS
    assert report.late_max_ms == pytest.approx(late_ms.max())
    assert 0 < report.late_p50_ms <= report.late_p99_ms <= report.late_max_ms
    assert 0 < report.busy_fraction < 1
    assert report.queued == 0


def test_a_load_of_nothing_has_no_lateness(driver):
    with Server(always(OK)) as server:
        driver.connect(server.address)
        driver.start(Load((constant(0.01), closed())))
        report = driver.stop(drain_s=0)
    assert report.sent == len(driver.results()["row"])


def test_stopping_resets_the_connections_and_leaves_no_time_wait_behind(driver):
    ends = []

    def talk(conversation: Conversation) -> None:
        try:
            while conversation.read() is not None:
                conversation.say(OK)
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")

    with Server(talk) as server:
        driver.connect(server.address)
        load(driver, 5, closed())
        wait_for(lambda: ends)
    assert ends == ["reset"]


# The process


def small(tmp_path: Path) -> Driver:
    return Driver([row(1)], cores=(), work_dir=tmp_path / "work")


def newest_child(pid: int | None = None) -> psutil.Process:
    return max(psutil.Process(pid).children(), key=psutil.Process.create_time)


def test_a_driver_that_dies_is_a_fault_of_ours(tmp_path):
    with Server(always(OK)) as server, small(tmp_path) as driver:
        driver.connect(server.address)
        driver.start(Load((closed(),)))
        new = [
            child
            for child in psutil.Process().children()
            if "driver_process" in str(child.cmdline())
        ]
        max(new, key=lambda child: child.create_time()).kill()
        with pytest.raises(RunFailed, match="ended by itself") as failed:
            wait_for(driver.finished)
        assert failed.value.code == PROFILER_ERROR
        with pytest.raises(RunFailed):
            driver.stop(drain_s=1)


def test_leaving_ends_the_process_under_load(tmp_path):
    with Server(always(OK)) as server:
        with small(tmp_path) as driver:
            driver.connect(server.address)
            driver.start(Load((closed(),)))
            wait_for(lambda: count(driver) > 0)
            process = newest_child()
        assert not process.is_running()


ENGINE = """
import os, sys, time
from pathlib import Path
from profiler.load.driver import Driver
with Driver([], cores=(), work_dir=Path(sys.argv[1])):
    print("here", flush=True)
    time.sleep(60)
"""


def test_the_driver_dies_with_its_engine(tmp_path):
    root = Path(__file__).parent.parent
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(tmp_path)], stdout=subprocess.PIPE, cwd=root
    )
    assert engine.stdout.readline() == b"here\n"
    driver = newest_child(engine.pid)
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    engine.stdout.close()
    wait_for(lambda: not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE)


def test_a_name_that_means_nothing_is_refused(tmp_path):
    with small(tmp_path) as driver, pytest.raises(RunFailed) as failed:
        driver.connect(Address("nowhere.invalid", 80))
    assert failed.value.code == TARGET_UNAVAILABLE


def test_a_load_needs_an_address_and_the_one_before_to_have_stopped(driver, tmp_path):
    with small(tmp_path) as unconnected, pytest.raises(RunFailed, match="connected"):
        unconnected.start(Load((closed(),)))
    with Server(always(OK)) as server:
        driver.connect(server.address)
        driver.start(Load((closed(),)))
        with pytest.raises(RunFailed, match="before it stopped"):
            driver.start(Load((closed(),)))
        driver.stop(drain_s=1)
    with pytest.raises(RunFailed, match="did not start"):
        driver.stop(drain_s=1)
