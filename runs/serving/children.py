"""The processes an installation is made of: started in order, kept running, stopped together."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from runs.parent_death import die_with_parent

logger = logging.getLogger(__name__)

#: A child that ends by itself is started again after this long, so that a broken one cannot spin.
RESTART_DELAY_S = 2.0


class Child:
    """One process in its own session: a terminal's Ctrl-C reaches the supervisor alone.

    Should the supervisor be killed, the kernel tells the child to end.
    """

    def __init__(
        self, name: str, command: Sequence[str], env: dict[str, str], log: Path | None = None
    ) -> None:
        self.name = name
        self._log = log
        self._command = list(command)
        self._env = env
        self._process: subprocess.Popen | None = None
        self._ended_at: float | None = None

    def start(self) -> None:
        self._ended_at = None
        with self._log.open("ab") if self._log else nullcontext() as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_supervisor,
            )

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        return self._process.poll() if self._process else None

    def restart_if_ended(self) -> None:
        if self.is_running:
            return
        if self._ended_at is None:
            logger.error(
                "the %s ended (status %s); it is started again", self.name, self.exit_status
            )
            self._ended_at = time.monotonic()
        elif time.monotonic() - self._ended_at >= RESTART_DELAY_S:
            self.start()

    def ask_to_stop(self) -> None:
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> bool:
        """Wait for the end until that monotonic time; False when it still runs then."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        if self.is_running:
            self._process.kill()
            self._process.wait()


def _end_with_supervisor() -> None:
    die_with_parent(signal.SIGTERM)


class Children:
    """All of them, in order of start; stopped all at once, except those that others need."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def start(
        self, name: str, command: Sequence[str], env: dict[str, str], log: Path | None = None
    ) -> Child:
        """Start one more; what it prints goes to `log`, or to where our own output goes."""
        child = Child(name, command, env, log)
        child.start()
        self._children.append(child)
        return child

    def keep_running(self) -> None:
        for child in self._children:
            child.restart_if_ended()

    def stop(self, patience_s: float, *, which: Callable[[Child], bool] = lambda _: True) -> None:
        """Ask them to end, wait, and kill what does not."""
        chosen = [child for child in self._children if which(child)]
        until = time.monotonic() + patience_s
        for child in reversed(chosen):
            child.ask_to_stop()
        for child in chosen:
            if not child.wait(until):
                logger.warning("the %s did not end in time and is killed", child.name)
                child.kill()
        self._children = [child for child in self._children if child not in chosen]


def script(name: str) -> str:
    """The path of one of this project's own scripts."""
    return str(Path(__file__).resolve().parents[2] / name)
