"""Waiting until a service answers, and saying why one does not or no longer does."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable

from profiler.errors import NEVER_READY, OUT_OF_MEMORY, SCRIPT_FAILED, RunFailed
from profiler.measuring.paging import MAJOR_FAULTS_PER_S
from profiler.service import Service
from profiler.spec import Limits
from profiler.units import MIB

POLL_S = 0.02
#: A health answer that takes longer is asked for anew.
PROBE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 0.5
#: From this share of its limit on a memory is full.
FULL_SHARE = 0.9
#: How the scoring server's workers end when score.py's import or init() fails; gunicorn then stops
#: with the same status.
BOOT_ERROR = 3
#: What the scoring server writes before the traceback of such a failure.
BOOT_ERROR_SIGNS = ("UserScriptImportException", "UserScriptError", "UserScriptException")

TRACEBACK = "Traceback (most recent call last):"
#: How the server's own lines begin. They may stand within a traceback: one goes to stdout, one
#: to stderr, and what keeps the log joins the two as they come.
SERVER_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ ")
#: The server's own exceptions around the user's.
WRAPPER = "azureml_inference_server_http."


def wait_ready(
    service: Service, size: Limits, *, timeout_s: float, check: Callable[[], None]
) -> int:
    """Poll the health path until it answers 200; returns that moment (CLOCK_MONOTONIC, ns).

    `check` is called at each poll and ends the wait by raising. Raises RunFailed: ScriptFailed when
    the script's import or init() failed, OutOfMemory when the kernel killed any of the service's
    processes for memory or its code does not fit, NeverReady for the rest.
    """
    deadline = time.monotonic() + timeout_s
    with HealthProbe(service) as probe:
        while time.monotonic() < deadline:
            check()
            if probe.is_healthy(wait_s=POLL_S):
                return time.monotonic_ns()
            reason = why_gone(service, size)
            if reason is not None:
                raise reason
    raise _thrashing(service, size, timeout_s) or RunFailed(
        NEVER_READY,
        f"The service runs but was not ready within {timeout_s:.0f} s: GET {service.health_path} "
        f"{probe.said}. Its start-up needs more time or cpu, or its path or port is another.",
        service.log(),
    )


def why_gone(service: Service, size: Limits) -> RunFailed | None:
    """Why a started service has ended or lost a process to memory; None while all is well.

    A kill is read from the kernel's counter: a server that replaces its killed workers runs on, and
    neither it nor Docker says a word.
    """
    usage = service.read_usage()
    if usage is not None and usage.oom_kills:
        return _out_of_memory(service, size, usage.memory_kernel_peak_bytes)
    ended = service.exited()
    if ended is None:
        return None
    if ended.out_of_memory:
        return _out_of_memory(service, size, None)
    return _ended(service, ended.code)


class HealthProbe:
    """Asks for the health path without ever blocking: a server that accepts but does not answer
    yet (its workers are still importing) keeps the question while its other signs are watched."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._socket: socket.socket | None = None
        self._asked = 0.0
        #: What became of the last question, for a message.
        self.said = "met nobody listening"

    def __enter__(self) -> HealthProbe:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def is_healthy(self, wait_s: float) -> bool:
        """Whether the answer was 200; looks for at most `wait_s`, and takes about that long."""
        started = time.monotonic()
        try:
            status = self._poll(wait_s)
        except OSError as error:
            self._close()
            self.said = f"met an error ({error})"
            status = None
        if status == 200:
            return True
        time.sleep(max(wait_s - (time.monotonic() - started), 0))
        return False

    def _poll(self, wait_s: float) -> int | None:
        if self._socket is None:
            self._ask()
        if not select.select([self._socket], [], [], wait_s)[0]:
            if time.monotonic() - self._asked > PROBE_TIMEOUT_S:
                self._close()
            self.said = "was accepted but not answered"
            return None
        status = _status_of(self._socket.recv(4096))
        self._close()
        self.said = f"answered {status}" if status else "answered something that is not HTTP"
        return status

    def _ask(self) -> None:
        address = self._service.address
        self._asked = time.monotonic()
        self._socket = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S)
        request = (
            f"GET {self._service.health_path} HTTP/1.1\r\n"
            f"Host: {address.host}:{address.port}\r\nConnection: close\r\n\r\n"
        )
        self._socket.sendall(request.encode())

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _status_of(answer: bytes) -> int | None:
    """The status of an HTTP answer; None for anything else, also for a connection just closed."""
    words = answer.split(b" ", 2)
    if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1][:3].isdigit():
        return int(words[1][:3])
    return None


def _out_of_memory(service: Service, size: Limits, peak_bytes: int | None) -> RunFailed:
    seconds = (time.monotonic_ns() - service.started_ns) / 1e9
    peak = f" and its peak was {peak_bytes / MIB:.0f} MiB" if peak_bytes else ""
    return RunFailed(
        OUT_OF_MEMORY,
        f"The service was killed for memory within {seconds:.1f} s of its start: its limit is "
        f"{size.memory_bytes / MIB:.0f} MiB{peak}. Give it a larger limit, fewer workers or a "
        "smaller model.",
        service.log(),
    )


def _thrashing(service: Service, size: Limits, waited_s: float) -> RunFailed | None:
    """That a full memory, and code read into it again and again, is why it does not get on."""
    usage = service.read_usage(complete=True)
    faults = usage and usage.page_faults_major
    if not faults or faults < MAJOR_FAULTS_PER_S * waited_s:
        return None
    if usage.memory_current_bytes < FULL_SHARE * size.memory_bytes:
        return None
    return RunFailed(
        OUT_OF_MEMORY,
        f"The service runs but was not ready within {waited_s:.0f} s: its limit of "
        f"{size.memory_bytes / MIB:.0f} MiB is full, and it read its code from the disk again and "
        f"again ({faults:,} page faults). Give it a larger limit, fewer workers or a smaller "
        "model.",
        service.log(),
    )


def _ended(service: Service, code: int) -> RunFailed:
    log = service.log()
    if code == BOOT_ERROR and any(sign in log for sign in BOOT_ERROR_SIGNS):
        when = "init()" if "invoke_init" in log else "importing the entry script"
        return RunFailed(SCRIPT_FAILED, f"{when} failed: {last_exception(log)}", log)
    return RunFailed(
        NEVER_READY,
        f"The service ended by itself with exit status {code}. The end of its log says why.",
        log,
    )


def last_exception(log: str) -> str:
    """The exception line of the log's last traceback that is not the server's wrapping."""
    found = "the log does not say why"
    in_traceback = False
    for line in log.splitlines():
        if TRACEBACK in line:
            in_traceback = True
        elif in_traceback and line and not line.startswith(" ") and not SERVER_LINE.match(line):
            in_traceback = False
            if not line.startswith(WRAPPER):
                found = line.removeprefix("entry_module.")  # what the server calls score.py
    return found
