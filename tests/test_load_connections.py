"""Connections: how many are opened, what becomes of requests beyond, and when an answer counts."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from time import monotonic_ns, sleep

import numpy as np

from profiler.load.channel import RECORD_DTYPE
from profiler.load.loop import Loop
from profiler.load.request_file import RequestFile, write_requests
from profiler.load.sender import Exchange, Sender
from profiler.samples import OUTCOMES
from profiler.service import Address
from tests.http_answers import OK, Conversation, Server, always, row


def sender(
    loop: Loop, address: Address, tmp_path: Path, most: int, timeout_s: float = 10
) -> Sender:
    path = tmp_path / "requests.bin"
    write_requests(path, [row(number) for number in range(1, 10)], address)
    sender = Sender(loop, most)
    sender.target(address, RequestFile(path))
    sender.reset(timeout_s)
    return sender


def send(sender: Sender, count: int) -> None:
    for number in range(1, count + 1):
        sender.send(Exchange(number, number, 0, lambda exchange, failed: None))


def run_until_quiet(loop: Loop, sender: Sender) -> None:
    def look() -> None:
        sender.give_up_late()
        if sender.is_quiet():
            loop.stop()
        else:
            loop.call_later(0.005, look)

    loop.call_soon(look)
    loop.run()
    sender.close()
    loop.close()


def records(sender: Sender) -> np.ndarray:
    return np.frombuffer(bytes(sender.records), RECORD_DTYPE)


def test_requests_beyond_the_cap_wait_and_are_counted(tmp_path):
    loop = Loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server.address, tmp_path, most=2)
        send(limited, 9)
        assert (limited.queued, limited.in_flight_most) == (7, 2)
        run_until_quiet(loop, limited)
    assert sorted(records(limited)["row"]) == list(range(1, 10))
    assert {OUTCOMES[code] for code in records(limited)["outcome"]} == {"ok"}
    assert server.connections == 2


def test_waiting_for_a_connection_is_not_the_drivers_lateness(tmp_path):
    loop = Loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server.address, tmp_path, most=1)
        send(limited, 3)
        turned_to_all_ns = monotonic_ns()
        run_until_quiet(loop, limited)
    done = records(limited)
    assert done["row"].tolist() == [1, 2, 3], "first come, first served"
    assert np.all(done["sent_ns"] < turned_to_all_ns)


def test_a_request_that_never_gets_a_connection_times_out(tmp_path):
    loop = Loop()
    over = threading.Event()

    def talk(conversation: Conversation) -> None:
        conversation.read()
        over.wait(10)

    with Server(talk) as server:
        limited = sender(loop, server.address, tmp_path, most=1, timeout_s=0.1)
        send(limited, 3)
        run_until_quiet(loop, limited)
        over.set()
    assert [OUTCOMES[code] for code in records(limited)["outcome"]] == ["timeout"] * 3


def test_requests_that_wait_when_the_load_stops_are_aborted(tmp_path):
    loop = Loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server.address, tmp_path, most=1)
        send(limited, 3)
        limited.drop_waiting()
        run_until_quiet(loop, limited)
    ended = sorted(OUTCOMES[code] for code in records(limited)["outcome"])
    assert ended == ["aborted", "aborted", "ok"]


def test_an_answer_counts_from_when_the_kernel_received_it(tmp_path):
    loop = Loop()
    answered = threading.Event()

    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(OK)
        answered.set()

    with Server(talk) as server:
        busy = sender(loop, server.address, tmp_path, most=1)
        send(busy, 1)
        answered.wait(10)
        sleep(0.01)  # the kernel's clock is told from this one to some microseconds
        could_first_read_ns = monotonic_ns()
        run_until_quiet(loop, busy)
    (done,) = records(busy)
    assert done["sent_ns"] < done["finished_ns"] < could_first_read_ns


def test_a_request_goes_when_its_connection_has_come_about(tmp_path):
    """The queue of a listener is full at first: the kernel asks again after a second."""
    loop = Loop()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        first = socket.create_connection(listener.getsockname())
        late = sender(loop, Address(*listener.getsockname()), tmp_path, most=1)
        send(late, 1)

        def answer() -> None:
            listener.accept()[0].close()
            with listener.accept()[0] as accepted:
                accepted.recv(4096)
                accepted.sendall(OK)

        thread = threading.Thread(target=answer)
        thread.start()
        run_until_quiet(loop, late)
        thread.join()
        first.close()
    (done,) = records(late)
    assert OUTCOMES[done["outcome"]] == "ok"
