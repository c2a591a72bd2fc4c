"""Waiting until a service answers, and saying why one does not or no longer does."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable

from profiler.errors import NEVER_READY, OUT_OF_MEMORY, SCRIPT_FAILED, RunFailed
from profiler.service import Service
from profiler.spec import MIB, Limits

POLL_S = 0.02
#: A health answer that takes longer is asked for anew; a slow start is no reason to hang.
PROBE_TIMEOUT_S = 2.0
#: How the scoring server's workers end when score.py's import or init() fails; gunicorn then stops
#: with the same status.
BOOT_ERROR = 3
#: What the scoring server writes before the traceback of such a failure.
BOOT_ERROR_SIGNS = ("UserScriptImportException", "UserScriptError", "UserScriptException")

#: The last line of a traceback: `ValueError: no such column`, or a bare `KeyError`.
EXCEPTION_LINE = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Warning)\b.*)$")
WRAPPERS = ("azureml_inference_server_http",)


def wait_ready(
    service: Service, size: Limits, *, timeout_s: float, check: Callable[[], None]
) -> int:
    """Poll the health path until it answers 200; returns that moment (CLOCK_MONOTONIC, ns).

    `check` is called at each poll and ends the wait by raising. Raises RunFailed: ScriptFailed when
    the script's import or init() failed, OutOfMemory when the kernel killed any of the service's
    processes for memory, NeverReady for the rest.
    """
    deadline = time.monotonic() + timeout_s
    answered = "nothing answered"
    while time.monotonic() < deadline:
        check()
        answered = _probe(service) or answered
        if answered == "200":
            return time.monotonic_ns()
        reason = why_gone(service, size)
        if reason is not None:
            raise reason
        time.sleep(POLL_S)
    raise RunFailed(
        NEVER_READY,
        f"The service runs but was not ready within {timeout_s:.0f} s: GET {service.health_path} "
        f"{_said(answered)}. Start-up may need more time or cpu, or the path or port is another.",
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


def _probe(service: Service) -> str | None:
    """The status of the health path as text, or what went wrong; None when nobody listens."""
    address = service.address
    connection = http.client.HTTPConnection(address.host, address.port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", service.health_path)
        return str(connection.getresponse().status)
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def _said(answered: str) -> str:
    if answered.isdigit():
        return f"answers {answered}"
    return f"gave no answer ({answered})"


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
    """The user's own exception in the end of a log: the last that is not the server's wrapping."""
    found = "the log does not say why"
    for line in log.splitlines():
        match = EXCEPTION_LINE.match(line.strip())
        if match and not match[1].startswith(WRAPPERS):
            found = match[1]
    return found
