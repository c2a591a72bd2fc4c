"""Sends requests over a pool of connections and records how each one ended."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from itertools import chain, takewhile
from time import monotonic_ns

import numpy as np

from profiler.load.channel import RECORD
from profiler.load.connection import Connection, stamping
from profiler.load.inspection import ANSWER_BYTES, Inspection
from profiler.load.loop import Loop
from profiler.load.request_file import RequestFile
from profiler.samples import OUTCOMES
from profiler.service import Address

_CODES = {name: code for code, name in enumerate(OUTCOMES)}
_FAILED = frozenset(("connect_failed", "reset", "timeout", "malformed"))


class Exchange:
    """One request and what became of it."""

    __slots__ = (
        "connection",
        "done",
        "head_only",
        "request",
        "retried",
        "row",
        "scheduled_ns",
        "sent_ns",
        "stage",
    )

    def __init__(self, scheduled_ns: int, row: int, stage: int, done: Callable) -> None:
        self.scheduled_ns = scheduled_ns
        self.sent_ns = 0
        self.row = row
        self.stage = stage
        #: Called with this and True when there was no answer at all.
        self.done = done
        #: The bytes to send, and whether the answer has no body whatever its head says.
        self.request: memoryview | None = None
        self.head_only = False
        self.retried = False
        self.connection: Connection | None = None


class Sender:
    """Connections to one address: as many as needed up to `most_connections`, kept and reused.

    Never raises for what the service does: refused, reset, silent or senseless answers are
    outcomes.
    """

    def __init__(self, loop: Loop, most_connections: int) -> None:
        self._loop = loop
        self._most = most_connections
        self._address: tuple[int, tuple] | None = None
        self.requests: RequestFile | None = None
        self._stamping = stamping()
        self._connections: set[Connection] = set()
        #: Connections that can take another request; the one that came last goes first.
        self.idle: dict[Connection, None] = {}
        self._waiting: deque[Exchange] = deque()
        self.inspection = Inspection()
        self.reset(timeout_s=30.0)

    def target(self, address: Address, requests: RequestFile) -> None:
        """Send to this numeric address from now on."""
        self.close()
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        family, _, _, _, where = found[0]
        self._address = family, where
        self.requests = requests

    def reset(self, timeout_s: float) -> None:
        """Forget what was counted."""
        self._timeout_ns = round(timeout_s * 1e9)
        # In order of sending, and so of timing out: the first one is always the oldest.
        self._in_flight: dict[Exchange, None] = {}
        self.records = bytearray()
        #: Row, status, outcome, beginning of the answer and what is wrong with it.
        self.bad: tuple[int, int, str, bytes, str] | None = None
        self.sent = self.queued = self.dropped = self.in_flight_most = 0

    # Sending

    def send(self, exchange: Exchange) -> None:
        """Send now, on an idle connection or a new one; wait for one where the cap forces it.

        Getting a connection is part of being served: it comes after `sent_ns`, so that sent less
        scheduled is how late the driver was and nothing else.
        """
        exchange.sent_ns = monotonic_ns()
        if self.idle or len(self._connections) < self._most:
            self._send(exchange)
        else:
            self.queued += 1
            self._waiting.append(exchange)

    def _send(self, exchange: Exchange) -> None:
        self.sent += 1
        exchange.request, exchange.head_only = self.requests[exchange.row]
        self._in_flight[exchange] = None
        if self.idle:
            connection = exchange.connection = self.idle.popitem()[0]
            connection.send(exchange)
        else:
            # Only here can there be more in flight than ever: a connection was always enough.
            self.in_flight_most = max(self.in_flight_most, len(self._in_flight))
            self.connect(exchange)

    def connect(self, exchange: Exchange) -> None:
        """Open a connection; it sends the request itself as soon as it is made."""
        connection = exchange.connection = Connection(self, self._loop, exchange)
        self._connections.add(connection)
        connection.open(*self._address)

    # Called by connections

    def forget(self, connection: Connection) -> None:
        """This connection is gone."""
        self._connections.discard(connection)
        self.idle.pop(connection, None)

    def finish(
        self,
        exchange: Exchange,
        outcome: str,
        status: int,
        now: int,
        bytes_sent: int,
        bytes_received: int,
        answer: bytes,
    ) -> None:
        """Record how a request ended and let whoever sent it go on."""
        self._in_flight.pop(exchange, None)
        exchange.connection = None
        why = ""
        if answer or self.inspection.keep_bytes:
            why = self._inspect(exchange.row, outcome, status, answer)
            if why:
                outcome = "wrong_answer"
        self.records += RECORD.pack(
            exchange.scheduled_ns,
            exchange.sent_ns,
            now,
            status,
            _CODES[outcome],
            bytes_sent,
            bytes_received,
            exchange.row,
            exchange.stage,
        )
        if self.bad is None and outcome not in ("ok", "aborted"):
            self.bad = (exchange.row, status, outcome, bytes(answer[:ANSWER_BYTES]), why)
        # First those that have waited: who is told may ask for the place that has become free.
        if self._waiting:
            self._send_waiting()
        exchange.done(exchange, outcome in _FAILED)

    def _inspect(self, row: int, outcome: str, status: int, answer: bytes) -> str:
        """What is wrong with a success; its finishing time is on record already."""
        inspection = self.inspection
        inspection.release(answer)
        inspection.remember(row, status, answer)
        return inspection.judge(row, answer) if outcome == "ok" else ""

    def _send_waiting(self) -> None:
        while self._waiting and (self.idle or len(self._connections) < self._most):
            self._send(self._waiting.popleft())

    # Giving up

    def give_up_late(self) -> None:
        """End every request whose answer is overdue."""
        limit = monotonic_ns() - self._timeout_ns
        for exchange in list(takewhile(lambda one: one.sent_ns <= limit, self._in_flight)):
            self._give_up(exchange, "timeout")
        while self._waiting and self._waiting[0].sent_ns <= limit:
            self._end_unsent(self._waiting.popleft(), "timeout")

    def drop_waiting(self) -> None:
        """Requests that were due but never got a connection end as aborted."""
        while self._waiting:
            self._end_unsent(self._waiting.popleft(), "aborted")

    def _end_unsent(self, exchange: Exchange, outcome: str) -> None:
        self.dropped += 1
        self.finish(exchange, outcome, 0, monotonic_ns(), 0, 0, b"")

    def abort(self) -> None:
        """End everything still in flight."""
        for exchange in list(self._in_flight):
            self._give_up(exchange, "aborted")

    def _give_up(self, exchange: Exchange, outcome: str) -> None:
        connection = exchange.connection
        sent, received = connection.abandon()
        self.forget(connection)
        self.finish(exchange, outcome, 0, monotonic_ns(), sent, received, b"")

    def close(self) -> None:
        """Close every connection: an idle one can keep a single-threaded server from others."""
        for connection in list(self._connections):
            connection.close()
            self.forget(connection)

    # Reading

    def is_quiet(self) -> bool:
        """Whether every request sent has ended."""
        return not self._in_flight and not self._waiting

    def pending(self) -> np.ndarray:
        """The due times of all requests without an end, in no order."""
        count = len(self._in_flight) + len(self._waiting)
        due = (exchange.scheduled_ns for exchange in chain(self._in_flight, self._waiting))
        return np.fromiter(due, np.int64, count)
