"""The engine's side of the driver: a load tester as a context manager."""

from __future__ import annotations

import base64
import contextlib
import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from profiler.errors import DISK_FULL, PROFILER_ERROR, TARGET_UNAVAILABLE, RunFailed
from profiler.load.link import Link
from profiler.load.record_log import RecordLog
from profiler.load.request_file import write_requests
from profiler.measuring.answers_found import References
from profiler.measuring.statistics import nearest_rank
from profiler.samples import Columns
from profiler.service import Address
from profiler.spec import AnswerCheck, Load
from profiler.texts import readable

if TYPE_CHECKING:
    from profiler.dataset import Row

#: What is told of the lateness.
LATENESS = {"late_p50_ms": 50, "late_p99_ms": 99, "late_p999_ms": 99.9, "late_max_ms": 100}
#: Seconds between looks whether a pass has to stop.
_POLL_S = 0.02


@dataclass(frozen=True)
class Answer:
    """What the service said to a row: `body` is the first 2 KiB of it."""

    row: int
    status: int
    body: str


@dataclass(frozen=True)
class BadAnswer:
    """A request that did not end well; `outcome` is one of samples.OUTCOMES.

    `why` says what is wrong with a wrong answer.
    """

    row: int
    status: int
    outcome: str
    answer: str
    why: str = ""


@dataclass(frozen=True)
class DriverReport:
    """How well the driver kept time: lateness is sent less scheduled, None when nothing was sent.

    `queued` requests had to wait because the driver opens no more connections than
    driver_process.MOST_CONNECTIONS; their waiting is in their latency, not in the lateness.
    `dropped` of them never got one. `answers` is what inspection.Inspection found in the answers.
    """

    late_p50_ms: float | None
    late_p99_ms: float | None
    late_p999_ms: float | None
    late_max_ms: float | None
    busy_fraction: float
    cpu_seconds: float
    queued: int
    dropped: int
    realtime: bool
    cores: tuple[int, ...]
    in_flight_max: int
    sent: int
    answers: dict


class Driver:
    """Sends rows to a service from its own process and records every request.

    Every method raises RunFailed(ProfilerError) when that process has died. Enter and use it from
    threads that live as long as it does: the kernel ends the process with the thread that entered.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        cores: tuple[int, ...],
        work_dir: Path,
        check: AnswerCheck | None = None,
    ) -> None:
        self._rows = rows
        self._check = check
        self._cores = cores
        self._requests = work_dir / "requests.bin"
        self._link = Link(cores, complaints=work_dir / "driver.log", on_records=self._add_records)
        self._log = RecordLog()
        self._written_for: Address | None = None
        self._answers: dict[int, Answer] = {}
        self._references: References | None = None
        self._going = False

    def __enter__(self) -> Driver:
        self._requests.parent.mkdir(parents=True, exist_ok=True)
        self._link.open()
        if self._check is not None:
            self._link.command("check", check=vars(self._check))
            self._link.reply("checking")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._link.close()
        for path in (self._requests, *self._requests.parent.glob("arrivals-*.bin")):
            path.unlink(missing_ok=True)

    # Commands

    def connect(self, address: Address) -> None:
        """Send to this address from now on; RunFailed(TargetUnavailable) when it has no meaning."""
        self._must_be_idle()
        address = _resolved(address)
        if address != self._written_for:
            # A new file: the driver still maps the old one.
            self._requests.unlink(missing_ok=True)
            self._written_for = None
            self._write_requests(address)
            self._written_for = address
        self._link.command("connect", **asdict(address), requests=str(self._requests))
        self._link.reply("connected")

    def once(
        self,
        rows: Iterable[int],
        timeout_s: float,
        should_stop: Callable[[], bool],
        asking: Literal["", "first", "second"] = "",
    ) -> Columns:
        """Send each row once, one after the other; what was finished when it ends or must stop.

        The beginnings of the answers are in `answers()` afterwards. Of an `asking` at the largest
        size the first is what later answers must be the same as; the second, which is not held to
        that, finds the rows that are answered differently each time: `references()`.
        """
        rows = [int(row) for row in rows]
        self._begin("once", rows=rows, timeout_s=timeout_s, asking=asking)
        try:
            while (reply := self._link.reply_within("stopped", _POLL_S)) is None:
                if should_stop():
                    self.stop(0.0)
                    return self.results()
        except BaseException:
            with contextlib.suppress(RunFailed):
                self.stop(0.0)
            raise
        self._end(reply)
        return self.results()

    def start(
        self, load: Load, rows: Sequence[int] | None = None, *, draw: Sequence[int] = ()
    ) -> None:
        """Begin the load: its stages in turn, round and round, until `stop`.

        With `rows`, these alone are sent, in this order, whatever order the load has. Random
        arrivals are those of the load's seed; each `draw` of them is another.
        """
        stages = [
            {**vars(stage), "times_s": stage.times_s and self._write_times(number, stage.times_s)}
            for number, stage in enumerate(load.stages)
        ]
        only = None if rows is None else [int(row) for row in rows]
        self._begin("start", load={**vars(load), "stages": stages}, rows=only, draw=list(draw))

    def stop(self, drain_s: float) -> DriverReport:
        """Send nothing more, wait up to `drain_s` for answers; the rest ends as "aborted"."""
        if not self._going:
            raise RunFailed(PROFILER_ERROR, "the driver was told to stop a load it did not start")
        self._link.command("stop", drain_s=drain_s)
        reply = self._link.reply("stopped", wait_s=drain_s)
        self._end(reply)
        found = {key: _found(value) for key, value in reply["found"].items()}
        return DriverReport(
            **reply["report"],
            **_lateness(self._log.snapshot()[0]),
            realtime=self._link.realtime,
            cores=self._cores,
            answers=found,
        )

    # Reading

    def results(self) -> Columns:
        """Everything finished since the start, in order of due time. Not to be written to."""
        self._link.check()
        return self._log.snapshot()[0]

    def take(self) -> Columns:
        """What finished since the last take, in order of due time."""
        self._link.check()
        return self._log.take()

    def pending(self) -> np.ndarray:
        """Due times (ns) of requests that are due and not finished, earliest first."""
        self._link.check()
        return self._log.snapshot()[1]

    def snapshot(self) -> tuple[Columns, np.ndarray]:
        """`results()` and `pending()` of one moment: every request due by then is in one of them.

        The moment lies up to some 20 ms back.
        """
        self._link.check()
        return self._log.snapshot()

    def finished(self) -> bool:
        """Whether no load is going on; a load goes on until it is stopped."""
        self._link.check()
        return not self._going

    def first_bad(self) -> BadAnswer | None:
        """The first request since the start that did not end well."""
        bad = self._link.bad
        if bad is None:
            return None
        answer = _text(bad["answer"])
        return BadAnswer(bad["row"], bad["status"], bad["outcome"], answer, bad["why"])

    def answers(self) -> dict[int, Answer]:
        """What the last `once` was answered, by row (of at most 1,000 rows)."""
        return self._answers

    def references(self) -> References | None:
        """What answers are compared with; None before rows were asked for it."""
        return self._references

    def _add_records(self, records: np.ndarray, pending: np.ndarray) -> None:
        self._log.add(records, pending)

    def _write_requests(self, address: Address) -> None:
        try:
            write_requests(self._requests, self._rows, address)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            message = f"no space for the prepared requests in {self._requests.parent}"
            raise RunFailed(DISK_FULL, message) from error

    def _write_times(self, stage: int, times_s: tuple[float, ...]) -> str:
        """Recorded arrivals in a file: a million of them are too long for a command."""
        path = self._requests.with_name(f"arrivals-{stage}.bin")
        np.array(times_s).tofile(path)
        return str(path)

    def _begin(self, what: str, **values: object) -> None:
        self._must_be_idle()
        if self._written_for is None:
            raise RunFailed(PROFILER_ERROR, "the driver was started before it was connected")
        self._log = RecordLog()
        self._link.bad = None
        self._answers = {}
        self._link.command(what, **values)
        self._going = True

    def _end(self, reply: dict) -> None:
        self._going = False
        for row, status, body in reply["answers"]:
            self._answers[row] = Answer(row, status, _text(body))
        found = reply["references"]
        self._references = References(found["rows"], tuple(found["unsteady"]), found["too_large"])

    def _must_be_idle(self) -> None:
        if self._going:
            raise RunFailed(PROFILER_ERROR, "the driver was given a new load before it stopped")


def _lateness(requests: Columns) -> dict[str, float | None]:
    """Of every request of a load that has ended: sent less scheduled."""
    late_ms = (requests["sent_ns"] - requests["scheduled_ns"]) / 1e6
    return {name: nearest_rank(late_ms, percentile) for name, percentile in LATENESS.items()}


def _resolved(address: Address) -> Address:
    """The numeric address, looked up once: never while measuring."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        message = f"the service's host name {address.host!r} cannot be resolved: {error}"
        raise RunFailed(TARGET_UNAVAILABLE, message) from error
    # IPv4 first: a name for both often answers on that alone.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return Address(found[0][4][0], address.port)


def _found(value: object) -> object:
    """A count; or an example: its row, what is wrong with it, and its answer."""
    if not isinstance(value, list):
        return value
    row, *why, answer = value
    return {"row": row, "why": "".join(why), "answer": _text(answer)}


def _text(answer: str) -> str:
    return readable(base64.b64decode(answer))
