"""Every way in which a request can end is counted by its name, and stops neither kind of load."""

from __future__ import annotations

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from profiler.load.driver import Driver
from profiler.samples import OUTCOMES, Columns
from profiler.service import Address
from profiler.spec import Load, Stage
from tests.http_answers import OK, Conversation, Server, row

MIB = 1 << 20
FIFTY = 50 * MIB
EVERY_BYTE = bytes(range(256)) * 4
SMALL, LARGE, BINARY = 1, 2, 3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CLOSED, OPEN = Stage("closed", concurrency=2), Stage("open", rate_rps=100)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    rows = [row(SMALL), row(LARGE, bytes(FIFTY)), row(BINARY, EVERY_BYTE)]
    with Driver(rows, cores=(), work_dir=tmp_path_factory.mktemp("driver")) as driver:
        yield driver


@pytest.fixture(scope="module")
def one_row(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with Driver([row(1)], cores=(), work_dir=tmp_path_factory.mktemp("driver")) as driver:
        yield driver


def never() -> bool:
    return False


def once(driver: Driver, talk: Callable[[Conversation], None], rows: list[int]) -> Columns:
    with Server(talk) as server:
        driver.connect(server.address)
        return driver.once(rows, 20, never)


def counts(columns: Columns) -> dict[str, int]:
    numbers = np.bincount(columns["outcome"], minlength=len(OUTCOMES))
    return {name: int(count) for name, count in zip(OUTCOMES, numbers, strict=True) if count}


# What a server may do in place of an answer


def say_and_reset(part: bytes) -> Callable[[Conversation], None]:
    def end(conversation: Conversation) -> None:
        conversation.say(part)
        time.sleep(0.01)  # what was said arrives before the reset
        conversation.reset()

    return end


def say(part: bytes) -> Callable[[Conversation], None]:
    def end(conversation: Conversation) -> None:
        conversation.say(part)
        conversation.close()

    return end


def shut_one_way(conversation: Conversation) -> None:
    """Say no more, but go on listening."""
    conversation.socket.shutdown(socket.SHUT_WR)
    while conversation.read() is not None:
        pass


def be_silent(conversation: Conversation) -> None:
    while conversation.read() is not None:
        pass


ENDINGS = {
    "an error": (say(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"), "http_error"),
    "a reset before the head": (say_and_reset(b""), "reset"),
    "a reset in the head": (say_and_reset(b"HTTP/1.1 200 OK\r\nConte"), "reset"),
    "a reset in the body": (say_and_reset(HEAD % 10 + b"half"), "reset"),
    "a reset in a chunk": (
        say_and_reset(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"),
        "reset",
    ),
    "a close in the body": (say(HEAD % 10 + b"half"), "reset"),
    "a bad status line": (say(b"HTTP/1.1 twohundred OK\r\n\r\n"), "malformed"),
    "a bad chunk": (
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        "malformed",
    ),
    "one way shut": (shut_one_way, "reset"),
    "silence": (be_silent, "timeout"),
}


@pytest.mark.parametrize("stage", [CLOSED, OPEN], ids=["closed", "open"])
@pytest.mark.parametrize("name", ENDINGS)
def test_no_ending_stops_a_load(one_row, stage, name):
    end, outcome = ENDINGS[name]
    numbers = itertools.count()

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            if next(numbers) % 2:
                end(conversation)
                return
            conversation.say(OK)

    with Server(talk) as server:
        one_row.connect(server.address)
        one_row.start(Load((stage,), timeout_s=0.05 if outcome == "timeout" else 10))
        until = time.monotonic() + 10
        while (found := counts(one_row.results())).get(outcome, 0) < 3 or found.get("ok", 0) < 3:
            assert time.monotonic() < until, found
            time.sleep(0.005)
        report = one_row.stop(drain_s=1)
    columns = one_row.results()
    assert set(counts(columns)) == {"ok", outcome}
    assert len(columns["row"]) == report.sent, "none is lost"


@pytest.mark.parametrize("stage", [CLOSED, OPEN], ids=["closed", "open"])
def test_a_refused_connection_stops_no_load(one_row, stage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one_row.connect(Address("127.0.0.1", port))
    one_row.start(Load((stage,)))
    until = time.monotonic() + 10
    while len(one_row.results()["row"]) < 5:
        assert time.monotonic() < until
        time.sleep(0.005)
    one_row.stop(drain_s=1)
    assert set(counts(one_row.results())) == {"connect_failed"}


# What an answer may be like


def test_an_answer_byte_by_byte_is_one_answer(driver):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    def talk(conversation: Conversation) -> None:
        conversation.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while conversation.read() is not None:
            for byte in answer:
                conversation.say(bytes([byte]))

    columns = once(driver, talk, [SMALL, SMALL])
    assert counts(columns) == {"ok": 2}
    assert columns["bytes_received"].tolist() == [len(answer)] * 2
    assert driver.answers()[SMALL].body == "hello"


def test_bodies_of_any_bytes_go_and_come_unchanged(driver):
    received = []

    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            received.append(request[1])
            conversation.say(HEAD % len(EVERY_BYTE) + EVERY_BYTE)

    columns = once(driver, talk, [BINARY])
    assert counts(columns) == {"ok": 1}
    assert received == [EVERY_BYTE]


def test_a_connection_shut_one_way_after_an_answer_is_not_used_again(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(OK)
        shut_one_way(conversation)

    columns = once(driver, talk, [SMALL, SMALL, SMALL])
    assert counts(columns) == {"ok": 3}


def anonymous_bytes(pid: int) -> int:
    """What the process holds itself: the mapped requests are the file's pages, not its own."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024


def test_fifty_megabytes_each_way_cost_no_memory(driver):
    piece = bytes(MIB)

    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            assert len(request[1]) == FIFTY
            conversation.say(HEAD % FIFTY)
            for _ in range(FIFTY // MIB):
                conversation.say(piece)

    pid = driver._link._process.pid
    once(driver, talk, [LARGE])
    before = anonymous_bytes(pid)
    peaks = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            peaks.append(anonymous_bytes(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    columns = once(driver, talk, [LARGE] * 3)
    over.set()
    watching.join()
    assert counts(columns) == {"ok": 3}
    assert columns["bytes_received"].min() > FIFTY
    assert columns["bytes_sent"].min() > FIFTY
    assert max(peaks) - before < 10 * MIB
