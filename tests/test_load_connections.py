"""The most connections a sender opens, and what becomes of requests beyond them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import uvloop

from profiler.load.channel import RECORD_DTYPE
from profiler.load.request_file import RequestFile, write_requests
from profiler.load.sender import Exchange, Sender
from profiler.samples import OUTCOMES
from tests.http_answers import OK, Conversation, Server, always, row


def sender(loop, server: Server, tmp_path: Path, most: int, timeout_s: float = 10) -> Sender:
    path = tmp_path / "requests.bin"
    write_requests(path, [row(number) for number in range(1, 10)], server.address)
    sender = Sender(loop, most)
    sender.target(server.address, RequestFile(path))
    sender.reset(timeout_s)
    return sender


def send(sender: Sender, count: int) -> None:
    for number in range(1, count + 1):
        sender.send(Exchange(number, number, 0, lambda exchange, failed: None))


def run_until_quiet(loop, sender: Sender) -> None:
    def look() -> None:
        sender.give_up_late()
        if sender.is_quiet():
            loop.stop()
        else:
            loop.call_later(0.005, look)

    loop.call_soon(look)
    loop.run_forever()
    sender.close()
    loop.run_until_complete(_turns())
    loop.close()


async def _turns() -> None:
    """Let what was closed come to an end."""
    for _ in range(3):
        await asyncio.sleep(0)


def records(sender: Sender) -> np.ndarray:
    return np.frombuffer(bytes(sender.records), RECORD_DTYPE)


def test_requests_beyond_the_cap_wait_and_are_counted(tmp_path):
    loop = uvloop.new_event_loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server, tmp_path, most=2)
        send(limited, 9)
        assert (limited.queued, limited.in_flight_most) == (7, 2)
        run_until_quiet(loop, limited)
    assert sorted(records(limited)["row"]) == list(range(1, 10))
    assert {OUTCOMES[code] for code in records(limited)["outcome"]} == {"ok"}
    assert server.connections == 2


def test_waiting_for_a_connection_is_not_the_drivers_lateness(tmp_path):
    loop = uvloop.new_event_loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server, tmp_path, most=1)
        send(limited, 3)
        run_until_quiet(loop, limited)
    done = records(limited)
    assert done["row"].tolist() == [1, 2, 3], "first come, first served"
    assert np.all(done["sent_ns"] < done["finished_ns"].min())


def test_a_request_that_never_gets_a_connection_times_out(tmp_path):
    loop = uvloop.new_event_loop()
    over = threading.Event()

    def talk(conversation: Conversation) -> None:
        conversation.read()
        over.wait(10)

    with Server(talk) as server:
        limited = sender(loop, server, tmp_path, most=1, timeout_s=0.1)
        send(limited, 3)
        run_until_quiet(loop, limited)
        over.set()
    assert [OUTCOMES[code] for code in records(limited)["outcome"]] == ["timeout"] * 3


def test_requests_that_wait_when_the_load_stops_are_aborted(tmp_path):
    loop = uvloop.new_event_loop()
    with Server(always(OK)) as server:
        limited = sender(loop, server, tmp_path, most=1)
        send(limited, 3)
        limited.drop_waiting()
        run_until_quiet(loop, limited)
    ended = sorted(OUTCOMES[code] for code in records(limited)["outcome"])
    assert ended == ["aborted", "aborted", "ok"]
