"""The driver's event loop: what is ready, what is due, what comes next. One thread, no tasks.

An own one: a general one's transports keep the kernel's time of receipt from us, and to open a
connection they take longer than the kernel does.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic

READ = select.EPOLLIN
READ_AND_WRITE = select.EPOLLIN | select.EPOLLOUT

#: What else there is to do comes after so many descriptors that are ready.
_MOST_AT_ONCE = 512


class Loop:
    """Calls functions without arguments; what one of them raises ends it."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        self._soon: deque[Callable[[], None]] = deque()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._stopped = False

    def watch(self, fd: int, call: Callable[[], None], events: int = READ) -> None:
        """Call whenever the descriptor is ready for one of these, or broken.

        A call may come for nothing: for the descriptor's number, when that had another meaning.
        """
        self._calls[fd] = call
        self._epoll.register(fd, events)

    def rewatch(self, fd: int, call: Callable[[], None], events: int) -> None:
        """From now on for these, with this call."""
        self._calls[fd] = call
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """To be closed by the caller right after this; the kernel forgets it with that."""
        del self._calls[fd]

    def call_soon(self, call: Callable[[], None]) -> None:
        """After what is ready now was seen to."""
        self._soon.append(call)

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """To the millisecond; timer.Alarm is exact."""
        heappush(self._later, (monotonic() + seconds, next(self._order), call))

    def stop(self) -> None:
        """Return from `run` once what is under way is done."""
        self._stopped = True

    def run(self) -> None:
        """Until it is stopped."""
        poll, calls, soon = self._epoll.poll, self._calls, self._soon
        self._stopped = False
        while not self._stopped:
            for fd, _ in poll(self._patience_s(), _MOST_AT_ONCE):
                call = calls.get(fd)
                if call is not None:  # not closed by a call before it
                    call()
            for _ in range(len(soon)):
                soon.popleft()()

    def _patience_s(self) -> float:
        """Move what is due among the next calls; how long there is nothing else to do."""
        later = self._later
        if later:
            now = monotonic()
            while later and later[0][0] <= now:
                self._soon.append(heappop(later)[2])
        if self._soon:
            return 0.0
        return later[0][0] - now if later else -1.0

    def close(self) -> None:
        self._epoll.close()
