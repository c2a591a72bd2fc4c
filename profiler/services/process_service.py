"""A service as processes of this user: measured through /proc, limited by nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from profiler.service import Address, Exit, Service, UsageReading
from profiler.services import disk, gpu
from profiler.services.leftovers import (
    INSTALLATION_LABEL,
    INSTALLATION_VARIABLE,
    RUN_VARIABLE,
    attempt_of,
)
from profiler.services.process_usage import ProcessTreeReader, tree
from profiler.services.scoring import layout
from profiler.spec import Gpu, Limits, ScoredConfig, Spec
from profiler.texts import readable

#: How long killing may take: the kernel frees the memory of a large process first.
STOP_S = 5.0

#: What a service may see of our environment; the rest (secrets, settings) is not its business.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "LD_LIBRARY_PATH")


class ProcessService(Service):
    """The service of a scored spec, in a session of its own, from a prepared environment.

    `python` is that of `process_environment.ensure`; `work_dir` is an existing folder in which
    one is made for the app's root and the log. No limit is enforced, whatever `size` says. It dies
    with its parent, and `labels` mark it for the sweep of what was left behind.
    """

    limits_enforced = False
    #: A reading asks /proc for each process, so fewer of them than of cgroup files.
    sample_interval_s = 0.1

    def __init__(
        self,
        spec: Spec,
        size: Limits,
        python: Path,
        work_dir: Path,
        labels: dict[str, str],
        gpus: tuple[Gpu, ...] = (),
    ) -> None:
        if not isinstance(spec.config, ScoredConfig):
            raise TypeError("only a scored config can run as a process")
        self._spec = spec
        self._python = python
        self._work_dir = work_dir
        self._root: Path | None = None
        self._log_path: Path | None = None
        self._labels = labels
        self.gpus = gpus
        self._process: subprocess.Popen | None = None
        self._reader: ProcessTreeReader | None = None
        self._address: Address | None = None
        self._started_ns = 0

    def __enter__(self) -> ProcessService:
        try:
            self._lay_out()
            self._start()
        except BaseException as error:
            self.__exit__()
            if disk.is_full(error):
                raise disk.full_at(self._work_dir, "Free space there.") from error
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process is not None:
            stop_session(self._process)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    @property
    def address(self) -> Address:
        if self._address is None:
            raise RuntimeError("the service was not started")
        return self._address

    @property
    def health_path(self) -> str:
        return layout.HEALTH_PATH

    @property
    def started_ns(self) -> int:
        return self._started_ns

    def read_usage(self, *, complete: bool = False) -> UsageReading | None:
        return self._reader.read(complete=complete) if self._reader else None

    def process_ids(self) -> frozenset[int] | None:
        return frozenset(tree(self._process.pid))

    def reset_memory_peak(self) -> bool:
        return False

    def resize(self, cpu_millicores: int) -> None:
        """Nothing to change: this kind enforces no limit, and says so by `limits_enforced`."""

    def exited(self) -> Exit | None:
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        # As a shell reports it: 128 and the signal's number.
        return Exit(code=code if code >= 0 else 128 - code, out_of_memory=False)

    def log(self, max_bytes: int = 16_384) -> str:
        """Also after it has ended; the file stays in the work folder."""
        if self._log_path is None or not self._log_path.exists():
            return ""
        with self._log_path.open("rb") as file:
            file.seek(max(self._log_path.stat().st_size - max_bytes, 0))
            return readable(file.read())

    def circumstances(self) -> dict:
        return {
            "kind": "process",
            "python": str(self._python),
            "environment": self._python.parent.parent.name,
            "service_cores": list(self._spec.target.service_cores),
            "egress": True,
            "limits_enforced": False,
            **gpu.circumstances(self.gpus),
        }

    def _lay_out(self) -> None:
        """Copies, not links: a script that writes to its model must not change the given one."""
        folder = Path(tempfile.mkdtemp(prefix="service-", dir=self._work_dir))
        self._log_path = folder / "service.log"
        self._root = folder / "app"
        self._root.mkdir()
        files = [*layout.source_files(self._spec.config), *layout.model_files(self._spec.models)]
        for file in files:
            place = self._root / file.place
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, place)
            place.chmod(file.mode)

    def _start(self) -> None:
        port = free_port()
        with self._log_path.open("wb") as log:
            self._started_ns = time.monotonic_ns()
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._root,
                env=self._environment(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._reader = ProcessTreeReader(self._process.pid)
        self._address = Address("127.0.0.1", port)

    def _command(self) -> list[str]:
        cores = ",".join(str(core) for core in self._spec.target.service_cores)
        python = str(self._python)
        launch = [python, "-I", "-S", str(layout.LAUNCH), str(os.getpid()), cores]
        server = [python, "-m", "gunicorn", "--config", str(layout.SERVING / "gunicorn_conf.py")]
        return [*launch, *server, layout.SERVER_APP]

    def _environment(self, port: int) -> dict[str, str]:
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        marks = {
            RUN_VARIABLE: attempt_of(self._labels),
            INSTALLATION_VARIABLE: self._labels.get(INSTALLATION_LABEL, ""),
            "MODEL_PROFILER_BIND": "127.0.0.1",
        }
        variables = layout.server_variables(
            self._spec.config, self._spec.models, app_root=str(self._root), port=port
        )
        return passed | variables | marks | _visible(self.gpus)


def _visible(gpus: tuple[Gpu, ...]) -> dict[str, str]:
    """What CUDA may see: these GPUs by UUID, whose order no setting changes; empty hides all."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(each.uuid for each in gpus)}


def stop_session(process: subprocess.Popen) -> None:
    """Kill every process of its session or below it, again until none is left: one may be forking.

    The first one is halted meanwhile: it would replace its workers, and daemons are known by it.
    """
    deadline = time.monotonic() + STOP_S
    process.send_signal(signal.SIGSTOP)
    while time.monotonic() < deadline and _kill_others(process.pid):
        time.sleep(0.01)
    process.kill()
    process.wait()


def _kill_others(leader: int) -> bool:
    """True when there was any to kill."""
    found = False
    below = set(tree(leader))
    for pid in psutil.pids():
        try:
            its_own = pid != leader and (pid in below or os.getsid(pid) == leader)
            if its_own and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                os.kill(pid, signal.SIGKILL)
                found = True
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue
    return found


def free_port() -> int:
    """A port nobody listens on; another program could take it first, which a start then shows."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
