"""The driver's process as the engine sees it: started, commanded, listened to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import profiler
from profiler.errors import PROFILER_ERROR, RunFailed
from profiler.load.channel import MESSAGE, parse_records, read_frame
from profiler.texts import readable

#: Seconds in which a healthy driver has answered a command, even on a busy host.
_ANSWER_S = 20.0
_COMPLAINT_BYTES = 4096


class Link:
    """One driver process. Raises RunFailed(ProfilerError), with what it said last, once it is dead.

    A thread of ours reads what it sends, so that it never has to wait for us.
    """

    def __init__(
        self,
        cores: tuple[int, ...],
        complaints: Path,
        on_records: Callable[[np.ndarray, np.ndarray], None],
    ) -> None:
        self._cores = cores
        self._complaints = complaints
        self._on_records = on_records
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None
        self._replies: queue.Queue[dict] = queue.Queue()
        self._ended = threading.Event()
        self.realtime = False
        #: The driver's word of the first request that did not end well.
        self.bad: dict | None = None

    def open(self) -> None:
        """Start the process and wait until it listens."""
        root = str(Path(profiler.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # -P: a folder named profiler where we happen to run is not ours.
        module = (sys.executable, "-P", "-m", "profiler.load.driver_process")
        with self._complaints.open("wb") as complaints:
            self._process = subprocess.Popen(
                [*module, str(os.getpid()), ",".join(map(str, self._cores))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "PYTHONPATH": path},
            )
        self._reader = threading.Thread(target=self._read, name="driver-records", daemon=True)
        self._reader.start()
        try:
            self.realtime = self.reply("ready")["realtime"]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Kill it: there is nothing in it worth waiting for."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def command(self, do: str, **values: object) -> None:
        self.check()
        try:
            self._process.stdin.write(json.dumps({"do": do, **values}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._ended.wait(_ANSWER_S)
            self.check()
            raise

    def reply(self, kind: str, wait_s: float = 0.0) -> dict:
        """The next reply of this kind; `wait_s` is what the driver may take on purpose."""
        deadline = time.monotonic() + wait_s + _ANSWER_S
        while time.monotonic() < deadline:
            if (found := self.reply_within(kind, 0.5)) is not None:
                return found
        raise RunFailed(PROFILER_ERROR, f"the load driver did not answer in time: {kind!r}")

    def reply_within(self, kind: str, seconds: float) -> dict | None:
        """The next reply of this kind, or None when it has not come yet."""
        try:
            found = self._replies.get(timeout=seconds)
        except queue.Empty:
            self.check()
            return None
        if found["type"] != kind:
            raise RunFailed(PROFILER_ERROR, f"the load driver said {found} in place of {kind!r}")
        return found

    def check(self) -> None:
        """Raise when the process is dead."""
        if self._ended.is_set() and self._replies.empty():
            status = self._process.wait()
            raise RunFailed(
                PROFILER_ERROR,
                f"the load driver ended by itself with status {status}",
                log_tail=self._complaint(),
            )

    def _complaint(self) -> str:
        try:
            return readable(self._complaints.read_bytes()[-_COMPLAINT_BYTES:])
        except OSError:
            return ""

    def _read(self) -> None:
        while (frame := read_frame(self._process.stdout)) is not None:
            kind, body = frame
            if kind == MESSAGE:
                self._hear(json.loads(body))
            else:
                self._on_records(*parse_records(body))
        self._ended.set()

    def _hear(self, message: dict) -> None:
        if message["type"] == "bad":
            self.bad = message
        else:
            self._replies.put(message)
