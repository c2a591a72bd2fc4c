"""The driver's own process: `python -m profiler.load.driver_process`, commanded by `Driver`.

Reads commands from stdin, writes frames (channel.py) to stdout, complains on stderr.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

from profiler.load.channel import FrameOutput, message_frame, records_frame
from profiler.load.loop import Loop
from profiler.load.request_file import RequestFile
from profiler.load.sender import Sender
from profiler.load.stages import OncePass, Sequence
from profiler.load.timer import Alarm
from profiler.service import Address
from profiler.spec import AnswerCheck, Load, Stage

#: Telling takes at most one part in this many of the driver's time, however much is pending.
TELLING_SHARE = 20
#: Seconds between batches to the engine, and between looks for overdue answers.
TICK_S = 0.02
#: Connections at a time; beyond it requests wait and are counted as queued.
MOST_CONNECTIONS = 4000
#: Answers kept of a pass over the rows.
MOST_ANSWERS = 1000

_PRIORITY = 10
_PR_SET_PDEATHSIG = 1


class DriverProcess:
    """Obeys commands, one load at a time."""

    def __init__(self, loop: Loop, realtime: bool) -> None:
        self._loop = loop
        self._realtime = realtime
        self._sender = Sender(loop, _most_connections())
        self._inspection = self._sender.inspection
        self._alarm = Alarm(loop)
        self._going: Sequence | OncePass | None = None
        self._output = FrameOutput(sys.stdout.fileno())
        self._input = bytearray()
        self._pending_told = 0
        self._tell_again = 0.0
        self._bad_told = False
        self._drain_until: float | None = None
        self._began = (time.monotonic(), time.process_time())

    def begin(self) -> None:
        os.set_blocking(sys.stdin.fileno(), False)
        self._loop.watch(sys.stdin.fileno(), self._read_commands)
        self._output.put(message_frame({"type": "ready", "realtime": self._realtime}))
        self._tick()

    # Commands

    def _read_commands(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(sys.stdin.fileno(), 1 << 16)
            if not data:  # the engine closed its end, or died
                os._exit(0)
            self._input += data
        *lines, rest = self._input.split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            command = json.loads(line)
            getattr(self, "_do_" + command.pop("do"))(**command)

    def _do_connect(self, host: str, port: int, requests: str) -> None:
        self._sender.target(Address(host, port), RequestFile(Path(requests)))
        self._reply("connected")

    def _do_check(self, check: dict) -> None:
        self._inspection.check_by(AnswerCheck(**check))
        self._reply("checking")

    def _do_once(self, rows: list[int], timeout_s: float, asking: str) -> None:
        self._reset(timeout_s, most_answers=MOST_ANSWERS, asking=asking)
        self._going = OncePass(self._loop, self._sender, rows, self._end_of_pass)
        self._going.begin()

    def _do_start(self, load: dict, rows: list[int] | None, draw: list[int]) -> None:
        stages = tuple(_stage(stage) for stage in load.pop("stages"))
        self._reset(load["timeout_s"])
        load = Load(stages, **load)
        self._going = Sequence(self._loop, self._sender, self._alarm, load, rows, tuple(draw))
        self._going.begin()

    def _do_stop(self, drain_s: float) -> None:
        if self._going is None:  # a pass over the rows that ended, and said so, by itself
            return
        self._going.stop()
        self._sender.drop_waiting()
        self._drain_until = time.monotonic() + drain_s
        self._tick_once()

    def _end_of_pass(self) -> None:
        self._do_stop(0.0)

    def _reset(self, timeout_s: float, most_answers: int = 0, asking: str = "") -> None:
        self._sender.reset(timeout_s)
        self._inspection.begin(most_answers, asking)
        self._bad_told = False
        self._drain_until = None
        self._began = (time.monotonic(), time.process_time())

    # Telling

    def _tick(self) -> None:
        self._loop.call_later(TICK_S, self._tick)
        self._tick_once()

    def _tick_once(self) -> None:
        self._sender.give_up_late()
        self._inspection.tick()
        if time.monotonic() >= self._tell_again:
            self._tell_records()
        self._tell_bad()
        if self._drain_until is not None:
            self._drain()
        self._output.flush()

    def _tell_records(self) -> None:
        """Everything new in one frame; a driver with nothing to do says nothing."""
        records = self._sender.records
        began = time.monotonic()
        pending = self._sender.pending()
        if records or len(pending) or self._pending_told:
            self._output.put(records_frame(records, pending))
            self._sender.records = bytearray()
            self._pending_told = len(pending)
            self._tell_again = began + TELLING_SHARE * (time.monotonic() - began)

    def _tell_bad(self) -> None:
        if self._sender.bad is not None and not self._bad_told:
            row, status, outcome, answer, why = self._sender.bad
            self._bad_told = True
            self._reply(
                "bad", row=row, status=status, outcome=outcome, answer=_text(answer), why=why
            )

    def _drain(self) -> None:
        """Once all is answered, or the time for it is up: end it, and report."""
        if not self._sender.is_quiet() and time.monotonic() < self._drain_until:
            return
        self._drain_until = None
        self._sender.abort()
        self._sender.close()
        self._going = None
        self._tell_records()
        self._tell_bad()
        answers = [(row, status, _text(body)) for row, status, body in self._inspection.answers]
        self._reply(
            "stopped",
            report=self._report(),
            answers=answers,
            found=_told(self._inspection.report()),
            references=self._inspection.references(),
        )
        gc.collect()

    def _report(self) -> dict:
        began, cpu_began = self._began
        elapsed = max(time.monotonic() - began, 1e-9)
        cpu_s = time.process_time() - cpu_began
        return {
            "busy_fraction": cpu_s / elapsed,
            "cpu_seconds": cpu_s,
            "queued": self._sender.queued,
            "dropped": self._sender.dropped,
            "in_flight_max": self._sender.in_flight_most,
            "sent": self._sender.sent,
        }

    def _reply(self, kind: str, **values: object) -> None:
        self._output.put(message_frame({"type": kind, **values}))
        self._output.flush()


def _stage(told: dict) -> Stage:
    """A stage as the engine told it: recorded arrivals are in a file."""
    path = told.pop("times_s")
    return Stage(**told, times_s=tuple(np.fromfile(path).tolist()) if path else None)


def _text(answer: bytes) -> str:
    return base64.b64encode(answer).decode()


def _told(found: dict) -> dict:
    """What an inspection found, its answers as text."""
    return {
        key: (*value[:-1], _text(value[-1])) if isinstance(value, tuple) else value
        for key, value in found.items()
    }


def _most_connections() -> int:
    """As many as wanted, and as the limit on open files has room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, soft - 64))


def _be_on_time(cores: list[int]) -> bool:
    """Take these cores and real-time priority; whether the latter was permitted.

    Containers are refused it where the kernel shares out real-time by cgroup (v1): the best
    ordinary priority is next best.
    """
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -20)
        return False
    return True


def _die_with(parent: int) -> None:
    """Be killed when the engine dies, however it does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main(arguments: list[str]) -> None:
    """`PARENT_PID CORES`: the engine's process and the cores to run on, comma-separated."""
    _die_with(int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to handle
    realtime = _be_on_time([int(core) for core in arguments[1].split(",") if core])
    gc.freeze()
    gc.disable()
    loop = Loop()
    np.random.default_rng([0]).exponential(1.0)  # its first use takes 10 ms
    DriverProcess(loop, realtime).begin()
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1:])
