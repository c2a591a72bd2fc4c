"""One HTTP/1.1 connection to the service: sends a request, reads its answer, says how it ended."""

from __future__ import annotations

import errno
import re
import socket
import struct
from _socket import socket as Socket  # what socket.socket wraps, which costs as much again
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING

import httptools

from profiler.load.inspection import ANSWER_BYTES, Cut
from profiler.load.loop import READ, READ_AND_WRITE
from profiler.units import NS

if TYPE_CHECKING:
    from profiler.load.loop import Loop
    from profiler.load.sender import Exchange, Sender

# Closing resets the connection. A normal close leaves a TIME-WAIT socket per request with servers
# that close after every answer, and throughput collapses after some ten thousand of them.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

#: SO_TIMESTAMPNS, which the socket module does not name: with what is read comes when the kernel
#: received it.
_STAMPED = 35
_STAMP = struct.Struct("@ll")
_STAMP_SPACE = socket.CMSG_SPACE(_STAMP.size)

_SOCKET_TYPE = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
#: One for all: what is in it is dealt with before the next is read.
_BUFFER = bytearray(1 << 18)
_BUFFERS, _VIEW = [_BUFFER], memoryview(_BUFFER)

#: Errors of a connection that was there; all others before the first byte say that none came about.
_WAS_CONNECTED = (errno.ECONNRESET, errno.EPIPE)

#: Longer header fields than this are no answer; without a bound they would fill the memory.
_HEAD_LIMIT = 1 << 20
_NO_BODY = (204, 304)
#: A header field that says where the body ends (RFC 9112, 6.3), up to the empty line.
_FRAMED = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


def stamping() -> Socket:
    """While this socket is open the kernel stamps: to begin and to end that with every connection
    would interrupt all cores each time.
    """
    opened = Socket(socket.AF_INET, _SOCKET_TYPE)
    opened.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
    return opened


class Connection:
    """Carries one exchange at a time; the sender decides which, and gets it back when it is over.

    Parser and connection refer to each other, and the driver collects no garbage while it
    measures: `_parser = None` is what frees both.
    """

    __slots__ = (
        "_body_until_close",
        "_complete",
        "_error",
        "_exchange",
        "_fd",
        "_head",
        "_head_complete",
        "_in_pieces",
        "_inspection",
        "_interims",
        "_keep_alive",
        "_loop",
        "_parser",
        "_received",
        "_request_bytes",
        "_reused",
        "_sender",
        "_socket",
        "_status",
        "_unsent",
        "_was_connected",
        "answer",
    )

    def __init__(self, sender: Sender, loop: Loop, exchange: Exchange) -> None:
        self._sender = sender
        self._loop = loop
        self._inspection = sender.inspection
        self._exchange: Exchange | None = exchange
        self._socket: Socket | None = None
        self._parser = None
        #: What the kernel did not take of the request yet.
        self._unsent: memoryview | None = None
        #: What became of a write, told when everything that came before was read.
        self._error: OSError | None = None
        self._was_connected = False
        self._reused = False
        self._clear()

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

    def open(self, family: int, address: tuple) -> None:
        """Connect, and send the request. On the same host the kernel connects before it returns;
        otherwise what is left to send goes when it has connected.

        A failure is told by the loop, never from here: whoever is told may ask for the next.
        """
        try:
            self._socket = opened = Socket(family, _SOCKET_TYPE)
        except OSError as error:
            self._error = error
            self._loop.call_soon(self._lost)
            return
        self._fd = opened.fileno()
        opened.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        self._loop.watch(self._fd, self._read)
        failed = opened.connect_ex(address)
        if failed in (0, errno.EINPROGRESS):
            request = self._exchange.request
            self._request_bytes = len(request)
            self._write(request)
        else:
            self._fail(OSError(failed, "connect"))
        # What can wait until the request is on its way is not in its latency.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._parser = httptools.HttpResponseParser(self)

    def send(self, exchange: Exchange) -> None:
        """Send a request on this idle connection."""
        # Most requests pass here; what `_clear` does is cheaper without a call, and for nothing
        # where the last answer came in one piece.
        self._received = self._status = 0
        self._complete = self._keep_alive = self._head_complete = False
        self.answer = b""
        if self._in_pieces:
            self._clear_pieces()
        self._reused = True
        self._exchange = exchange
        request = exchange.request
        self._request_bytes = len(request)
        self._write(request)

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
        if self._socket is not None:
            self._loop.forget(self._fd)
            self._socket.close()
            self._socket = None

    # Writing

    def _write(self, data: memoryview) -> None:
        """As much as the kernel takes now; the rest when it has room."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._unsent = data
            self._fail(error)
            return
        else:
            self._was_connected = True
        if sent == len(data):
            self._unsent = None
        else:
            self._keep_unsent(data[sent:])

    def _keep_unsent(self, rest: memoryview) -> None:
        if self._unsent is None:
            # What goes in one piece goes at once. Of several, a small one could wait for the
            # other side's word on the one before (Nagle).
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.rewatch(self._fd, self._write_and_read, READ_AND_WRITE)
        self._unsent = rest

    def _write_and_read(self) -> None:
        self._write(self._unsent)
        if self._unsent is None:
            self._loop.rewatch(self._fd, self._read, READ)
        self._read()

    def _fail(self, error: OSError) -> None:
        """Nothing more can be sent; what came before that is read first, and may be an answer."""
        self._error = error
        self._loop.rewatch(self._fd, self._read, READ)
        self._loop.call_soon(self._read_what_came)

    def _read_what_came(self) -> None:
        if self._socket is not None:
            self._read()

    # Reading

    def _read(self) -> None:
        try:
            length, stamps, _, _ = self._socket.recvmsg_into(_BUFFERS, _STAMP_SPACE)
        except OSError as error:
            self._not_read(error)
            return
        exchange = self._exchange
        if not length:
            self._lost()
            return
        if exchange is None:  # a server that speaks unasked cannot be trusted with the next
            self._end()
            return
        # All in one function and not in several: every request passes here.
        real, now = time_ns(), monotonic_ns()
        if stamps:
            # The kernel stamps in real time. An age is the same by both clocks, unless one is set.
            seconds, ns = _STAMP.unpack(stamps[0][2])
            age_ns = real - seconds * NS - ns
            if 0 <= age_ns < now - exchange.sent_ns:
                now -= age_ns
        data = _VIEW[:length]
        self._received += length
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
            self._look_at_head(bytes(data), now)

    def _not_read(self, error: OSError) -> None:
        if isinstance(error, BlockingIOError) and self._error is None:
            return
        self._error = self._error or error
        self._lost()

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

    def _lost(self) -> None:
        """The connection has ended, orderly where there is no error."""
        now = monotonic_ns()
        exchange, error = self._exchange, self._error
        if exchange is None:
            self._end()
        elif self._reused and self._received == 0 and not exchange.retried:
            # The server closed an idle connection just as we used it: nobody's fault, and what
            # every client does about it is to ask again on a new one.
            exchange.retried = True
            self._end()
            self._sender.connect(exchange)
        elif error is None and self._body_until_close:
            self._finish("answered", now)
        elif error is None or self._was_connected or error.errno in _WAS_CONNECTED:
            self._finish("reset", now)
        else:
            self._finish("connect_failed", now)

    def _end(self) -> None:
        self._exchange = None
        self.close()
        self._sender.forget(self)

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
        return self._request_bytes - (0 if self._unsent is None else len(self._unsent))

    def _finish(self, outcome: str, now: int) -> None:
        """The exchange is over; the connection stays if another request can follow on it."""
        exchange, self._exchange = self._exchange, None
        sent, unsent = self._request_bytes, self._unsent
        if unsent is not None:
            sent -= len(unsent)
        if outcome == "answered":
            outcome = "ok" if 200 <= self._status < 300 else "http_error"
        if self._keep_alive and unsent is None:
            if exchange.head_only:
                self._parser = httptools.HttpResponseParser(self)
            self._sender.idle[self] = None
        else:
            self._end()
        self._sender.finish(exchange, outcome, self._status, now, sent, self._received, self.answer)
