"""Small real servers, one thread per connection, that answer as a test tells them to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from profiler.dataset import Row
from profiler.service import Address

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OK_AND_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def row(number: int, body: bytes = b"{}", **fields: object) -> Row:
    defaults = {
        "label": None,
        "content_type": "application/json",
        "method": "POST",
        "path": "/score",
        "headers": (),
    }
    return Row(number, body, **{**defaults, **fields})


class Conversation:
    """One accepted connection; `number` counts them from 1."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.socket = connection
        self.number = number
        self._input = connection.makefile("rb")

    def read(self) -> tuple[bytes, bytes] | None:
        """The next request's head and body; None when the client has closed."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._input.readline()
            if not line:
                return None
            head += line
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return head, self._input.read(length)

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Close with RST in place of FIN."""
        linger = (1).to_bytes(4, "little") + bytes(4)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self) -> None:
        self._input.close()
        self.socket.close()


class Server:
    """Listens on a free port; `talk` holds each conversation and closes it by returning."""

    def __init__(self, talk: Callable[[Conversation], None]) -> None:
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = Address(*self._listening.getsockname())
        self.connections = 0

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):  # wakes the thread that accepts
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            conversation = Conversation(connection, self.connections)
            threading.Thread(target=self._hold, args=(conversation,), daemon=True).start()

    def _hold(self, conversation: Conversation) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._talk(conversation)
        with contextlib.suppress(OSError):
            conversation.close()


def always(answer: bytes) -> Callable[[Conversation], None]:
    """Give the same answer to every request of a kept connection."""

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            conversation.say(answer)

    return talk


def once(answer: bytes) -> Callable[[Conversation], None]:
    """Give this answer to the first request, then close."""

    def talk(conversation: Conversation) -> None:
        conversation.read()
        conversation.say(answer)

    return talk
