"""One HTTP/1.1 connection to the service: sends a request, reads its answer, says how it ended."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from time import monotonic_ns
from typing import TYPE_CHECKING

import httptools

from profiler.load.inspection import ANSWER_BYTES, Cut

if TYPE_CHECKING:
    from profiler.load.sender import Exchange, Sender

# Closing resets the connection. A normal close leaves a TIME-WAIT socket per request with servers
# that close after every answer, and throughput collapses after some ten thousand of them.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

#: Longer header fields than this are no answer; without a bound they would fill the memory.
_HEAD_LIMIT = 1 << 20
_NO_BODY = (204, 304)
#: A header field that says where the body ends (RFC 9112, 6.3), up to the empty line.
_FRAMED = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


class Connection(asyncio.Protocol):
    """Carries one exchange at a time; the sender decides which, and gets it back when it is over.

    Parser and connection refer to each other, and the driver collects no garbage while it
    measures: `_parser = None` is what frees both.
    """

    __slots__ = (
        "_body_until_close",
        "_complete",
        "_exchange",
        "_head",
        "_head_complete",
        "_in_pieces",
        "_inspection",
        "_interims",
        "_keep_alive",
        "_parser",
        "_received",
        "_request_bytes",
        "_sender",
        "_status",
        "_transport",
        "answer",
        "opening",
        "reused",
    )

    def __init__(self, sender: Sender, exchange: Exchange) -> None:
        self._sender = sender
        self._inspection = sender.inspection
        self._exchange: Exchange | None = exchange
        self._transport = None
        self._parser = None
        self._clear()
        self._in_pieces = False
        self.reused = False
        #: The task that connects, while it does.
        self.opening: asyncio.Task | None = None

    def _clear(self) -> None:
        """Before an answer: of the answer itself, and of how its pieces came."""
        self._received = 0
        self._request_bytes = 0
        self._status = 0
        self._complete = False
        self._keep_alive = False
        self.answer = b""
        self._clear_pieces()

    def _clear_pieces(self) -> None:
        self._in_pieces = False
        self._head = b""
        self._head_complete = False
        self._interims = 0
        self._body_until_close = False

    # Called by the sender

    def send(self, exchange: Exchange) -> None:
        """Send a request on this idle connection."""
        # Most requests pass here; what `_clear` does is cheaper without a call, and for nothing
        # where the last answer came in one piece.
        self._received = self._status = 0
        self._complete = self._keep_alive = self._head_complete = False
        self.answer = b""
        if self._in_pieces:
            self._clear_pieces()
        self.reused = True
        self._exchange = exchange
        request = exchange.request
        self._request_bytes = len(request)
        self._transport.write(request)

    def abandon(self) -> tuple[int, int]:
        """Close without an answer; the bytes sent and received so far."""
        self._exchange = None
        counts = self._bytes_sent(), self._received
        self._inspection.release(self.answer)
        self.close()
        return counts

    def close(self) -> None:
        """Close at once, connected or still connecting."""
        self._parser = None
        if self.opening is not None:
            self.opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.opening = None
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
        )
        # Write at once, not at the end of the loop's turn: the time of sending is on record.
        transport.set_write_buffer_limits(high=0)
        self._parser = httptools.HttpResponseParser(self)
        if self._exchange is None:  # given up while it was connecting
            self.close()
        else:
            request = self._exchange.request
            self._request_bytes = len(request)
            transport.write(request)

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        if self._parser is None:
            return
        if self._exchange is None:  # a server that speaks unasked cannot be trusted with the next
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete = True
            self._keep_alive = False
        except httptools.HttpParserError:
            # What follows a complete answer spoils the connection, not the answer.
            self._keep_alive = False
            if not self._complete:
                self.answer = self.answer or Cut(data[:ANSWER_BYTES])
                self._finish("malformed", now)
                return
        if self._complete:
            self._finish("answered", now)
        elif not self._body_until_close:
            self._look_at_head(data, now)

    def _look_at_head(self, data: bytes, now: int) -> None:
        """Of an answer that comes in pieces: whether only the connection's end will end it.

        Asked here and not of every header field: most answers come in one piece.
        """
        self._in_pieces = True
        if not self._head_complete:
            self._head += data
            if self._received > _HEAD_LIMIT:
                self._finish("malformed", now)
        elif self._head is not None:
            heads = _EMPTY_LINE.split(self._head + data, self._interims + 1)
            head, self._head = heads[self._interims], None
            has_body = self._status not in _NO_BODY
            self._body_until_close = has_body and _FRAMED.search(head) is None

    def connection_lost(self, error: Exception | None) -> None:
        now = monotonic_ns()
        self._sender.forget(self)
        self._parser = None
        exchange = self._exchange
        if exchange is None:
            return
        if self.reused and self._received == 0 and not exchange.retried:
            # The server closed an idle connection just as we used it: nobody's fault, and what
            # every client does about it is to ask again on a new one.
            exchange.retried = True
            self._exchange = None
            self._sender.connect(exchange)
        elif error is None and self._body_until_close:
            self._finish("answered", now)
        else:
            self._finish("reset", now)

    # Called by the parser

    def on_message_begin(self) -> None:
        if self._complete:  # a second answer to one request: what comes next could be anyone's
            self._keep_alive = False

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        self._status = self._parser.get_status_code()
        self._head_complete = True
        if self._exchange.head_only:
            # The parser would wait for the body that the header fields describe.
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        inspection = self._inspection
        if inspection.keep_bytes or (not 200 <= self._status < 300 and self._sender.bad is None):
            self.answer = inspection.kept(self.answer, body, self._status)

    def on_message_complete(self) -> None:
        if self._complete:
            return
        if self._status < 200 and self._status != 101:
            # An interim answer (100 Continue, 103 Early Hints): the real one follows.
            self._in_pieces = True
            self._head_complete = False
            self._interims += 1
            return
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()

    def _bytes_sent(self) -> int:
        if self._transport is None:
            return 0
        return self._request_bytes - self._transport.get_write_buffer_size()

    def _finish(self, outcome: str, now: int) -> None:
        """The exchange is over; the connection stays if another request can follow on it."""
        exchange, self._exchange = self._exchange, None
        unsent = self._transport.get_write_buffer_size()
        sent = self._request_bytes - unsent
        if outcome == "answered":
            outcome = "ok" if 200 <= self._status < 300 else "http_error"
        if self._keep_alive and not unsent:
            if exchange.head_only:
                self._parser = httptools.HttpResponseParser(self)
            self._sender.idle[self] = None
        else:
            self.close()
        self._sender.finish(exchange, outcome, self._status, now, sent, self._received, self.answer)
