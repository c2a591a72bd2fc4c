"""The C server that logs the truth: compiled here, given a core, read when it has ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.kit.cores import CAPACITY
from bench.kit.script import NotHere
from bench.kit.truth import ServerLog, read_log
from profiler.service import Address

SOURCE = Path(__file__).with_name("programs") / "truth_server.c"
HOST = "127.0.0.1"


def compiled(source: Path, folder: Path, *options: str) -> Path:
    """The program of a C file; NotHere without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHere("It needs a C compiler; on Debian: apt-get install gcc libc6-dev")
    program = folder / source.stem
    subprocess.run([compiler, "-O2", *options, "-o", program, source], check=True)
    return program


class TruthServer:
    """One server of the given habits, as a context manager; its `log` is there once it is left."""

    def __init__(
        self,
        program: Path,
        *,
        delay_ms: float = 0.0,
        work_ms: float = 0.0,
        closes: bool = False,
        stall_ms: int = 0,
        stalls_at_ms: Sequence[int] = (),
    ) -> None:
        self._program = program
        self._options = [
            "--delay-us",
            f"{delay_ms * 1000:.0f}",
            "--work-us",
            f"{work_ms * 1e3:.0f}",
        ]
        if closes:
            self._options.append("--close")
        if stalls_at_ms:
            self._options += ["--stall-ms", str(stall_ms)]
            self._options += ["--stalls", ",".join(map(str, stalls_at_ms))]
        self._file = Path(tempfile.mkstemp(prefix="mp-truth-")[1])
        self._process: subprocess.Popen | None = None
        self.address = Address(HOST, _free_port())
        self.url = f"http://{HOST}:{self.address.port}/"
        self.log: ServerLog | None = None

    def __enter__(self) -> TruthServer:
        # The same port all the time: connections of before may linger (SO_REUSEADDR is set there).
        self._process = subprocess.Popen(
            [self._program, str(self.address.port), self._file, *self._options],
            preexec_fn=lambda: os.sched_setaffinity(0, CAPACITY.service_cores[:1]),
        )
        self._wait_until_it_listens()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
            if kind is None:
                self.log = read_log(self._file)
        finally:
            self._process.kill()
            self._process.wait()
            self._file.unlink()

    def _wait_until_it_listens(self) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with status {self._process.returncode}")
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((HOST, self.address.port)).close()
                return
            time.sleep(0.01)
        raise RuntimeError("the server did not listen within 10 s")


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for what a benchmark compiles and sends."""
    with tempfile.TemporaryDirectory(prefix="mp-bench-") as folder:
        yield Path(folder)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        return free.getsockname()[1]
