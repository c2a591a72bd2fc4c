"""The sweeper beside each worker: closes what nobody else can, and removes what nobody owns.

It trusts the database alone. Each step is a conditional update or a removal by label, so that any
number of sweepers may run at once.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from runs import leftovers, queue, retention
from runs.models import KeyedAnswer, ProfileRun, StagedUpload, Target, WorkerHeartbeat
from runs.models.run_queryset import CANCEL_PATIENCE
from runs.models.target import STALE_AFTER

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
#: How often raw samples are looked through for what RAW_RETENTION_DAYS has outdated, and how much
#: of a round that may take.
DROP_INTERVAL_S = 3600.0
DROP_PATIENCE_S = 2.0
#: A job just being put on the queue, or just taken from it, is not missing.
ENQUEUE_GRACE = timedelta(seconds=10)


class Sweeper:
    """Rounds for one target; says each trouble once, and again when it changes."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._troubles: dict[str, str] = {}
        self._dropped_at = -DROP_INTERVAL_S

    def round(self) -> None:
        """All steps; one that fails does not keep the others from running."""
        steps: list[Callable[[], object]] = [
            self.beat,
            self.note_target,
            close_stale,
            close_disobeying,
            self.requeue_missing,
            leftovers.remove,
            self.drop_old_samples,
            drop_staged,
        ]
        for step in steps:
            self._try(step)

    def run_forever(self, should_stop: Callable[[], bool]) -> None:
        while not should_stop():
            self.round()
            end = time.monotonic() + INTERVAL_S
            while not should_stop() and time.monotonic() < end:
                time.sleep(0.1)

    def _try(self, step: Callable[[], object]) -> None:
        name = step.__name__
        try:
            step()
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
            if self._troubles.get(name) != trouble:
                logger.warning("%s: %s", name, trouble)
            self._troubles[name] = trouble
            if isinstance(error, DatabaseError):
                connections.close_all()
        else:
            self._troubles.pop(name, None)

    def beat(self) -> None:
        WorkerHeartbeat.objects.beat(
            self._target, socket.gethostname(), os.getpid(), WorkerHeartbeat.Kind.SWEEPER
        )
        WorkerHeartbeat.objects.forget_old()

    def note_target(self) -> None:
        """Keep the target's page right about whether a run sent there could start."""
        reason = why_unavailable(self._target)
        Target.objects.filter(pk=self._target.pk).exclude(unavailable_reason=reason).update(
            unavailable_reason=reason
        )

    def requeue_missing(self) -> int:
        return requeue_missing(self._target)

    def drop_old_samples(self) -> None:
        """Once an hour; a little in each round while there is more, so that the beat goes on."""
        if time.monotonic() - self._dropped_at < DROP_INTERVAL_S:
            return
        if retention.drop_outdated(within_s=DROP_PATIENCE_S).is_done:
            self._dropped_at = time.monotonic()


def drop_staged() -> None:
    """Remove uploads that nobody registered, and answers that nobody asks for again."""
    StagedUpload.objects.drop_outdated()
    KeyedAnswer.objects.drop_outdated()


def why_unavailable(target: Target) -> str:
    """Why no run can start on this target from here; empty when one can."""
    if target.kind != Target.Kind.DOCKER:
        return ""
    # Docker is loaded by workers and sweepers alone, never by the web process.
    from profiler.services.docker_engine import check_docker

    return check_docker() or ""


def requeue_missing(target: Target, grace: timedelta = ENQUEUE_GRACE) -> int:
    """Put queued runs on the queue whose job is lost there (the queue server keeps nothing)."""
    queued = target.runs.select_related("target").filter(
        state=ProfileRun.State.QUEUED, queued_at__lt=timezone.now() - grace
    )
    missing = [run for run in queued.order_by("queued_at") if not queue.is_waiting(run)]
    for run in missing:
        logger.info("%s: has no job on the queue; queued again", run.name)
        queue.enqueue(run)
    return len(missing)


def close_stale() -> int:
    """Close running runs whose worker was not heard of for STALE_AFTER."""
    closed = 0
    for run in ProfileRun.objects.stale():
        why = (
            f"Nothing was heard of its worker for {STALE_AFTER.total_seconds():.0f} s: it or its "
            "host was stopped, or lost the database. Run it again."
        )
        # Only if it is still as stale as it was seen to be.
        if run.close_abandoned(run.attempt, why, heartbeat_at=run.heartbeat_at):
            logger.warning("%s: closed, its worker is gone", run.name)
            closed += 1
    return closed


def close_disobeying() -> int:
    """End runs by force that did not obey their cancel within CANCEL_PATIENCE."""
    closed = 0
    for run in ProfileRun.objects.disobeying():
        queue.kill(run)
        why = f"It did not stop within {CANCEL_PATIENCE.total_seconds():.0f} s, so it was killed."
        closed += run.close_abandoned(run.attempt, why)
    return closed
