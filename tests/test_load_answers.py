"""What the service may answer, or fail to, and what the driver makes of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from profiler.load.driver import Driver
from profiler.samples import OUTCOMES, Columns
from profiler.service import Address
from tests.http_answers import OK, OK_AND_CLOSE, Conversation, Server, always, once, row

LARGE = bytes(5_000_000)
POST, GET, HEAD, LARGE_POST = 1, 2, 3, 4


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    rows = [
        row(POST),
        row(GET, b"", method="GET"),
        row(HEAD, b"", method="HEAD"),
        row(LARGE_POST, LARGE),
    ]
    with Driver(rows, cores=(), work_dir=tmp_path_factory.mktemp("driver")) as driver:
        yield driver


def never() -> bool:
    return False


def send(
    driver: Driver, talk: Callable[[Conversation], None], rows: list[int], timeout_s: float = 5
) -> tuple[Columns, int]:
    """The records of these rows sent once each, and how many connections that took."""
    with Server(talk) as server:
        driver.connect(server.address)
        return driver.once(rows, timeout_s, never), server.connections


def outcomes(columns: Columns) -> list[str]:
    return [OUTCOMES[code] for code in columns["outcome"]]


def test_a_connection_is_kept_where_the_server_keeps_it(driver):
    columns, connections = send(driver, always(OK), [POST] * 5)
    assert outcomes(columns) == ["ok"] * 5
    assert columns["status"].tolist() == [200] * 5
    assert columns["bytes_received"].tolist() == [len(OK)] * 5
    assert connections == 1


def test_a_connection_is_replaced_where_the_server_closes_it(driver):
    columns, connections = send(driver, always(OK_AND_CLOSE), [POST] * 5)
    assert outcomes(columns) == ["ok"] * 5
    assert connections == 5


def test_times_follow_each_other(driver):
    columns, _ = send(driver, always(OK), [POST, GET, POST])
    assert columns["row"].tolist() == [POST, GET, POST]
    assert np.all(columns["scheduled_ns"] <= columns["sent_ns"])
    assert np.all(columns["sent_ns"] < columns["finished_ns"])
    assert np.all(columns["finished_ns"][:-1] <= columns["scheduled_ns"][1:])


def test_an_answer_in_chunks_is_whole_at_the_last_one(driver):
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    columns, connections = send(driver, always(answer), [POST, POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert connections == 1
    assert driver.answers()[POST].body == "abcde"


def test_an_answer_without_a_length_ends_with_the_connection(driver):
    columns, connections = send(driver, once(b"HTTP/1.1 200 OK\r\n\r\nabc"), [POST, POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert connections == 2
    assert driver.answers()[POST].body == "abc"


def test_an_http_1_0_server_is_understood(driver):
    columns, connections = send(
        driver, once(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), [POST, POST]
    )
    assert outcomes(columns) == ["ok", "ok"]
    assert connections == 2


def test_no_content_has_no_body_to_wait_for(driver):
    columns, connections = send(driver, always(b"HTTP/1.1 204 No Content\r\n\r\n"), [POST, POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert connections == 1


def test_the_answer_to_head_has_no_body_whatever_it_says(driver):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    columns, connections = send(driver, always(answer), [HEAD, HEAD, HEAD])
    assert outcomes(columns) == ["ok"] * 3
    assert connections == 1


def test_interim_answers_are_passed_over(driver):
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK
    columns, connections = send(driver, always(answer), [POST, POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert columns["status"].tolist() == [200, 200]
    assert connections == 1


def bit_by_bit(answer: bytes) -> Callable[[Conversation], None]:
    """Give this answer in pieces that arrive one by one, then close."""

    def talk(conversation: Conversation) -> None:
        conversation.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation.read()
        for start in range(0, len(answer), 7):
            conversation.say(answer[start : start + 7])
            time.sleep(0.001)

    return talk


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nX: content-length\r\n\r\n", "ok"),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:99\r\n\r\n", "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "reset"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n", "reset"),
    ],
)
def test_only_an_answer_without_a_length_may_end_with_the_connection(driver, head, outcome):
    body = b"a body\r\nContent-Length: 3\r\n\r\nwithin which heads do not count"
    columns, _ = send(driver, bit_by_bit(head + body), [POST])
    assert outcomes(columns) == [outcome]


def test_a_large_body_is_sent_and_a_large_answer_read(driver):
    received = []

    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            received.append(request[1])
            time.sleep(0.05)  # the answer is not there before the body is
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE)
            conversation.say(head + LARGE)

    columns, connections = send(driver, talk, [LARGE_POST, LARGE_POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert [len(body) for body in received] == [len(LARGE)] * 2
    assert columns["bytes_sent"].min() > len(LARGE)
    assert columns["bytes_received"].min() > len(LARGE)
    assert connections == 1
    assert len(driver.answers()[LARGE_POST].body) == 2048


def test_an_answer_before_the_body_was_read_counts_and_costs_the_connection(driver):
    over = threading.Event()

    def talk(conversation: Conversation) -> None:
        conversation.socket.recv(1000)
        conversation.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        over.wait(10)

    columns, connections = send(driver, talk, [LARGE_POST, LARGE_POST], timeout_s=2)
    over.set()
    assert outcomes(columns) == ["http_error"] * 2
    assert columns["status"].tolist() == [413] * 2
    assert columns["bytes_sent"].max() < len(LARGE)
    assert connections == 2


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_only_2xx_is_a_success(driver, status):
    answer = b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nwhy?" % status
    columns, connections = send(driver, always(answer), [POST, POST])
    assert outcomes(columns) == ["http_error"] * 2
    assert columns["status"].tolist() == [status] * 2
    assert connections == 1
    bad = driver.first_bad()
    assert (bad.row, bad.status, bad.outcome, bad.answer) == (POST, status, "http_error", "why?")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 99999 Much\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x00\xff\x16\x03",
    ],
)
def test_an_answer_that_is_no_http_is_malformed(driver, answer):
    columns, connections = send(driver, once(answer), [POST, POST])
    assert outcomes(columns) == ["malformed"] * 2
    assert connections == 2
    # NUL is in no text that a database keeps.
    assert driver.first_bad().answer and "\0" not in driver.first_bad().answer


def test_header_fields_without_end_are_malformed_not_a_full_memory(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            conversation.say(b"X-Field: %s\r\n" % (b"x" * 1000))

    columns, _ = send(driver, talk, [POST])
    assert outcomes(columns) == ["malformed"]
    assert columns["bytes_received"][0] < 3_000_000


@pytest.mark.parametrize("more", [b"and more", OK])
def test_what_follows_an_answer_costs_the_connection_only(driver, more):
    columns, connections = send(driver, always(OK + more), [POST, POST])
    assert outcomes(columns) == ["ok", "ok"]
    assert connections == 2


def test_a_reset_before_the_answer(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.reset()

    columns, connections = send(driver, talk, [POST, POST])
    assert outcomes(columns) == ["reset"] * 2
    assert columns["status"].tolist() == [0, 0]
    assert connections == 2


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_connection_closed_within_an_answer_is_a_reset(driver, part):
    columns, _ = send(driver, once(part), [POST])
    assert outcomes(columns) == ["reset"]


def test_nobody_listening(driver):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    driver.connect(Address("127.0.0.1", port))
    columns = driver.once([POST, POST], 5, never)
    assert outcomes(columns) == ["connect_failed"] * 2
    assert columns["bytes_sent"].tolist() == [0, 0]


def test_a_server_that_never_answers_is_given_up(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        time.sleep(5)

    columns, connections = send(driver, talk, [POST, POST], timeout_s=0.1)
    assert outcomes(columns) == ["timeout"] * 2
    waited_s = (columns["finished_ns"] - columns["sent_ns"]) / 1e9
    assert waited_s.min() >= 0.1
    assert connections == 2


def test_an_answer_that_never_ends_is_given_up(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        time.sleep(5)

    columns, _ = send(driver, talk, [POST], timeout_s=0.1)
    assert outcomes(columns) == ["timeout"]
    assert columns["bytes_received"][0] > 0


def test_a_connection_that_is_never_made_is_given_up(driver):
    # A full backlog drops the handshake: the way an overloaded server looks from outside.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = Address(*listening.getsockname())
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((address.host, address.port))
        driver.connect(address)
        columns = driver.once([POST], 0.2, never)
        for filler in fillers:
            filler.close()
    assert outcomes(columns) == ["timeout"]


def test_a_kept_connection_closed_meanwhile_is_tried_again_on_a_new_one(driver):
    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(OK)
        if conversation.number == 1:
            conversation.read()  # takes the second request, and closes without a word
            return
        while conversation.read() is not None:
            conversation.say(OK)

    columns, connections = send(driver, talk, [POST, POST, POST])
    assert outcomes(columns) == ["ok"] * 3
    assert connections == 2


def test_a_new_connection_closed_without_a_word_is_not_tried_again(driver):
    columns, connections = send(driver, once(b""), [POST])
    assert outcomes(columns) == ["reset"]
    assert connections == 1
