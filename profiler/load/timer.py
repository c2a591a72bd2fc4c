"""A wake-up at an exact time: a timerfd, because the loop rounds its timers to 1 ms."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Callable

from profiler.load.loop import Loop
from profiler.units import NS

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Itimerspec(ctypes.Structure):
    _fields_ = [("interval", _Timespec), ("value", _Timespec)]


class Alarm:
    """Calls one function in the loop at a CLOCK_MONOTONIC time; setting it again replaces that."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._fd = _create()
        self._call: Callable[[], None] | None = None
        loop.watch(self._fd, self._ring)

    def set(self, at_ns: int, call: Callable[[], None]) -> None:
        """Call `call` at `at_ns`; at once, but not before returning, when that has passed."""
        self._call = call
        _arm(self._fd, max(at_ns, 1))

    def clear(self) -> None:
        """Forget the call that was set."""
        self._call = None
        _arm(self._fd, 0)

    def _ring(self) -> None:
        # Set again between the event and here, the descriptor has nothing to read: not yet time.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
            call, self._call = self._call, None
            if call is not None:
                call()


if hasattr(os, "timerfd_create"):  # Python 3.13

    def _create() -> int:
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

    def _arm(fd: int, at_ns: int) -> None:
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=at_ns)

else:
    _libc = ctypes.CDLL(None, use_errno=True)

    def _create() -> int:
        fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        return fd

    def _arm(fd: int, at_ns: int) -> None:
        value = _Itimerspec(_Timespec(0, 0), _Timespec(at_ns // NS, at_ns % NS))
        if _libc.timerfd_settime(fd, _ABSOLUTE, ctypes.byref(value), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")
