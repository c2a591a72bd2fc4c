"""`manage.py serve`: one command starts everything, and stops everything it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    """A `manage.py serve` of its own, without Docker and without the sample."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "var"
        self.port = free_port()
        self.output = folder / "output"
        self.process: subprocess.Popen | None = None
        # DEBUG leaves the static files as they are: compressing them takes most of a first start.
        self.env = {
            **os.environ,
            "PROFILER_DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "PROFILER_SAMPLE": "0",
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "DEBUG": "1",
        }
        # An installation of its own has its own database and queue server too.
        for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
            self.env.pop(name, None)

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "manage.py", "serve"],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text()

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def is_complete(self) -> bool:
        """Web, queue server, worker and sweeper run."""
        assert self.process.poll() is None, self.said()
        commands = " ".join(" ".join(part.cmdline()) for part in self.parts())
        return all(word in commands for word in ("gunicorn", "queue.sock", " work", " sweep"))

    def parts(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def gone(parts: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(parts, timeout=10)[1]


def sign_in(installation: Installation, username: str, password: str) -> requests.Response:
    browser = requests.Session()
    browser.get(installation.url("/sign-in/"))
    return browser.post(
        installation.url("/sign-in/"),
        data={
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        },
        headers={"Referer": installation.url("/sign-in/")},
    )


def test_one_command_starts_everything_and_stops_everything(installation) -> None:
    installation.start()
    installation.until(installation.is_complete)
    assert f"Model Profiler is at http://localhost:{installation.port}/" in installation.said()
    assert "not enforced" in installation.said(), "no Docker here: it says what that means"

    kept = installation.data / "admin-password"
    password = kept.read_text().strip()
    assert kept.stat().st_mode & 0o077 == 0
    assert password in installation.said()
    assert sign_in(installation, "admin", password).status_code == 200
    assert requests.get(installation.url("/healthz")).json() == {"database": "ok"}

    second = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={**installation.env, "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr

    parts = installation.parts()
    assert installation.stop() == 0
    assert gone(parts)

    # A second start keeps what there is, and does not print the password again.
    installation.output.unlink()
    installation.start()
    installation.until(installation.is_complete)
    assert password not in installation.said()
    parts = installation.parts()
    # Should the supervisor be killed, the kernel tells its children to end.
    installation.process.kill()
    assert gone(parts)


def test_a_port_in_use_is_said_with_a_way_out(installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        installation.start()
        assert installation.process.wait(PATIENCE_S) == 1
    assert f"Port {installation.port}" in installation.said()
    assert f"PORT={installation.port + 1} make run" in installation.said()
    assert "Traceback" not in installation.said()
