"""A running attempt's second thread: beats its heart, and hears that it must stop."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections.abc import Callable

from django.db import DatabaseError, connection

from runs.models import ProfileRun

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_S = 5.0
LOOK_INTERVAL_S = 0.5

#: Set in a work horse whose worker was told to shut down: stop soon, and go back to the queue.
interrupted = threading.Event()


class Watch(threading.Thread):
    """As a context manager around the engine's work; `should_stop` costs nothing to ask."""

    def __init__(
        self,
        run: ProfileRun,
        token: uuid.UUID,
        each_look: Callable[[], None],
        limit_s: float = math.inf,
    ) -> None:
        super().__init__(name=f"watch-{run.name}", daemon=True)
        self._run = run
        self._token = token
        self._each_look = each_look
        self._done = threading.Event()
        self._beaten_at = time.monotonic()
        self._ends_at = time.monotonic() + limit_s
        self.lost = False
        self.cancel_requested = False

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self.join()

    @property
    def overdue(self) -> bool:
        return time.monotonic() > self._ends_at

    def should_stop(self) -> bool:
        return self.lost or self.cancel_requested or self.overdue or interrupted.is_set()

    def run(self) -> None:
        try:
            while not self._done.wait(LOOK_INTERVAL_S):
                self._look()
        finally:
            connection.close()

    def _look(self) -> None:
        try:
            self._ask()
            self._each_look()
        except DatabaseError as error:
            # The database may be back before the heartbeat is taken for stopped.
            logger.warning("%s: cannot be watched (%s)", self._run.name, error)
            connection.close()

    def _ask(self) -> None:
        mine = ProfileRun.objects.filter(
            pk=self._run.pk, state=ProfileRun.State.RUNNING, fencing_token=self._token
        ).values_list("cancel_requested_at")
        row = mine.first()
        if row is None:
            self.lost = True
            return
        self.cancel_requested = row[0] is not None
        if time.monotonic() - self._beaten_at >= HEARTBEAT_INTERVAL_S:
            self._run.heartbeat(self._token)
            self._beaten_at = time.monotonic()
