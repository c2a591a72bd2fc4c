"""A real installation, started with `make run` in a checkout and stopped as with Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: A fresh machine makes an environment first.
FIRST_PAGE_TIMEOUT_S = 300
STOP_TIMEOUT_S = 30


def fresh_clone(folder: Path) -> Path:
    """What is committed, and nothing that only this checkout has."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def _parent(pid: int) -> int:
    """The fourth field; the second, the name, may hold blanks but ends at the last bracket."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Installation:
    """`with Installation(checkout, data_dir) as site:` leaves nothing running."""

    def __init__(self, checkout: Path, data_dir: Path, **env: str | None) -> None:
        self.checkout = checkout
        self.data_dir = data_dir
        self.port = free_port()
        self.log = data_dir.parent / f"{data_dir.name}-make-run.log"
        self._env = self._environment(env)
        self._process: subprocess.Popen | None = None

    def _environment(self, changes: dict[str, str | None]) -> dict[str, str]:
        """Ours, less what the test run itself sets; None takes a variable out."""
        own = {"PORT": str(self.port), "PROFILER_DATA_DIR": str(self.data_dir)}
        wanted = {**os.environ, "DATABASE_URL": None, "REDIS_URL": None, **own, **changes}
        wanted |= {"DJANGO_SETTINGS_MODULE": None, "MAKEFLAGS": None, "MAKELEVEL": None}
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}/"

    @property
    def password(self) -> str:
        return (self.data_dir / "admin-password").read_text().strip()

    def printed(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def manage(self, *arguments: str) -> str:
        """Run a management command on this installation's data."""
        done = subprocess.run(
            [str(self.checkout / ".venv/bin/python"), "manage.py", *arguments],
            cwd=self.checkout,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def containers(self) -> list[str]:
        """The containers of this installation, as Docker lists them."""
        label = f"label=model-profiler.installation={self._name()}"
        done = subprocess.run(
            ["docker", "ps", "--all", "--quiet", "--filter", label],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.split()

    def processes(self) -> list[int]:
        """Whatever still runs with this installation's data directory in its environment."""
        mark = f"PROFILER_DATA_DIR={self.data_dir}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in entry.read_bytes().split(b"\0"):
                    found.append(int(entry.parent.name))
        return found

    def freeze_job(self) -> None:
        """Stop the run's job where it is, as one that hangs: the process that a worker forked."""
        workers = [pid for pid in self.processes() if "work" in _arguments(pid)]
        (horse,) = [
            pid
            for pid in workers
            if _parent(pid) in workers and _parent(_parent(pid)) not in workers
        ]
        os.kill(horse, signal.SIGSTOP)

    def _name(self) -> str:
        """How containers are marked as this installation's."""
        code = "from django.conf import settings; print(settings.PROFILER_INSTALLATION)"
        return self.manage("shell", "--verbosity", "0", "-c", code).strip()

    def __enter__(self) -> Installation:
        self.start()
        return self

    def start(self) -> float:
        """Start it and wait until it says where it is; the seconds that took."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["make", "run"],
                cwd=self.checkout,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while self.address not in self.printed():
            took_s = time.monotonic() - began
            if self._process.poll() is not None or took_s > FIRST_PAGE_TIMEOUT_S:
                printed = self.printed()
                self.kill()
                raise AssertionError(f"`make run` did not come up in {took_s:.0f} s:\n{printed}")
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> float:
        """Ctrl-C: a terminal sends SIGINT to all of the foreground's processes. Seconds it took."""
        began = time.monotonic()
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(STOP_TIMEOUT_S)
        return time.monotonic() - began

    def kill(self) -> None:
        """By force, the whole session; children end with their supervisor."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT_S)

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self._process is not None and self._process.poll() is None:
                self.stop()
        finally:
            self.kill()
