"""Starts an installation, keeps it running, and stops all of it within five seconds."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from runs import leftovers
from runs.models import ProfileRun, Target
from runs.serving import queue_server, static_files, where_to_run
from runs.serving.children import Child, Children, script
from runs.serving.instance import CannotServe, check_port
from runs.serving.where_to_run import Place
from runs.sweeper import requeue_missing

logger = logging.getLogger(__name__)

#: Together below 5 s: web, worker and sweeper end side by side, then the queue server.
STOP_PATIENCE_S = 3.5
QUEUE_STOP_PATIENCE_S = 0.5
WEB_TIMEOUT_S = 30.0
LOOK_INTERVAL_S = 0.2
WEB_SERVER, QUEUE_SERVER = "web server", "queue server"
PUT_BACK = "Waiting again: Model Profiler was stopped before the run was finished."


class Stopped(Exception):
    """Asked to stop while still starting."""


class Supervisor:
    """One installation on this machine; `say` prints for whoever started it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children = Children()
        self._env = {**os.environ, "PROFILER_DATA_DIR": str(settings.PROFILER_DATA_DIR)}
        self._stopping = False
        self._target: Target | None = None

    def serve(self) -> None:
        """Start everything, print the address, and return once asked to stop."""
        check_port(settings.BIND_ADDRESS, settings.PORT)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_soon)
        try:
            self._start()
            while not self._stopping:
                self._children.keep_running()
                time.sleep(LOOK_INTERVAL_S)
        except Stopped:
            pass
        finally:
            self._stop()

    def _stop_soon(self, number: int, frame: object) -> None:
        self._stopping = True

    def _go_on(self) -> None:
        if self._stopping:
            raise Stopped

    def _start(self) -> None:
        if not settings.REDIS_URL:
            queue_server.start(self._children, settings.REDIS_SOCKET)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("ensure_admin")
        static_files.gather()
        self._go_on()
        place = where_to_run.known()
        self._tell(place)
        self._start_web()
        self._say(f"\nModel Profiler is at {address()}\n")
        self._go_on()
        self._target = target = self._prepare_target(place or self._make_place())
        self._go_on()
        put_back(target)
        # The queue server came up empty; what was waiting waits in the database.
        requeue_missing(target, grace=timedelta(0))
        self._start_script("worker", "work")
        self._start_script("sweeper", "sweep")
        self._register_sample()

    def _start_web(self) -> None:
        web = self._children.start(WEB_SERVER, web_command(), self._env)
        end = time.monotonic() + WEB_TIMEOUT_S
        while (status := web_status()) != HTTPStatus.OK:
            self._go_on()
            if status:
                raise CannotServe(f"The web server answers HTTP {status}; its log is above.")
            if not web.is_running:
                raise CannotServe(f"The web server ended at once (status {web.exit_status}).")
            if time.monotonic() > end:
                raise CannotServe(f"The web server did not answer within {WEB_TIMEOUT_S:.0f} s.")
            time.sleep(0.05)

    def _tell(self, place: Place | None) -> None:
        """The children, from now on, whether runs may be of processes: the forms ask for it too."""
        if place and place.kind == "process":
            self._env["PROFILER_ALLOW_PROCESS_TARGET"] = "1"

    def _make_place(self) -> Place:
        """Made while the web server runs, which starts anew where that comes to processes."""
        place = where_to_run.once_base_image_is_made(self._say)
        self._tell(place)
        if place.kind == "process":
            self._children.stop(STOP_PATIENCE_S, which=lambda child: child.name == WEB_SERVER)
            self._start_web()
        return place

    def _prepare_target(self, place: Place) -> Target:
        if place.notice:
            self._say(place.notice)
        call_command("ensure_target", name=settings.PROFILER_TARGET, kind=place.kind)
        return Target.objects.get(name=settings.PROFILER_TARGET)

    def _start_script(self, name: str, command: str) -> Child:
        arguments = [sys.executable, script("manage.py"), command]
        return self._children.start(name, arguments, self._env)

    def _register_sample(self) -> None:
        stamp = settings.PROFILER_DATA_DIR / "sample-registered"
        if settings.PROFILER_SAMPLE and not stamp.exists():
            call_command("register_sample")
            stamp.touch()

    def _stop(self) -> None:
        self._say("\nStopping ...")
        # The queue server last: a worker that ends says so there.
        self._children.stop(STOP_PATIENCE_S, which=lambda child: child.name != QUEUE_SERVER)
        if self._target:
            put_back(self._target)
            leftovers.remove_quietly()
        self._children.stop(QUEUE_STOP_PATIENCE_S)
        self._say("Stopped.")


def put_back(target: Target) -> None:
    """Queue again what a worker left open that was killed: this machine's worker is not running.

    The supervisor holds the data directory, so there is no other.
    """
    for run in target.runs.filter(state=ProfileRun.State.RUNNING):
        if not run.requeue(run.fencing_token, PUT_BACK):
            run.close_abandoned(run.attempt, "Its worker was stopped.")


def web_command() -> list[str]:
    bind = f"[{settings.BIND_ADDRESS}]" if ":" in settings.BIND_ADDRESS else settings.BIND_ADDRESS
    return [
        *(sys.executable, "-m", "gunicorn", "profiler_site.wsgi:application"),
        *("--chdir", str(Path(script("."))), "--bind", f"{bind}:{settings.PORT}"),
        *("--worker-class", "gthread", "--threads", str(settings.WEB_THREADS)),
        # gunicorn's own patience is longer than ours: live pages hold their connections open.
        *("--graceful-timeout", "2", "--log-level", "warning", "--worker-tmp-dir", "/tmp"),
    ]


def address() -> str:
    host = "localhost" if settings.BIND_ADDRESS in ("127.0.0.1", "0.0.0.0", "::") else None
    return f"http://{host or settings.BIND_ADDRESS}:{settings.PORT}/"


def web_status() -> int | None:
    """The HTTP status of the health page; None while nothing listens."""
    import requests

    try:
        return requests.get(f"{address()}healthz", timeout=5, allow_redirects=False).status_code
    except requests.RequestException:
        return None
