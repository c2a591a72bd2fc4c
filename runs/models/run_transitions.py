"""How a profile run changes its state.

Each change is one conditional UPDATE whose row count says who won. A worker holds a run by its
fencing token; once someone else closed or requeued the run, nothing it writes counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from profiler import errors
from profiler.sizing.evidence import VERIFYING

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class LostRun(Exception):
    """The run was closed or given to another attempt: its former worker may write no more."""


class UnprovenAdvice(Exception):
    """An advice that claims to be verified without the measurement that would prove it."""


class RunTransitions:
    """The part of a ProfileRun that moves it from state to state; True where this call won."""

    def _change(self, where: Q, **fields: object) -> bool:
        """The conditional update that every transition is; True when this call won."""
        return type(self).objects.filter(where, pk=self.pk).update(**fields) == 1

    def enqueue(self) -> None:
        """Put this attempt's job on the target's queue once the transaction commits."""
        from runs import queue

        transaction.on_commit(lambda: queue.enqueue(self))

    def begin(self, attempt: int) -> uuid.UUID | None:
        """Queued to running; the token its worker writes with, or None when not to be run."""
        token, now = uuid.uuid4(), timezone.now()
        with transaction.atomic():
            won = self._change(
                Q(state=self.State.QUEUED, attempt=attempt),
                state=self.State.RUNNING,
                fencing_token=token,
                started_at=now,
                heartbeat_at=now,
                message="",
                estimate=None,
            )
            if won:
                self._forget_earlier_attempts()
        return token if won else None

    def _forget_earlier_attempts(self) -> None:
        """Half-measured numbers of an interrupted attempt would mix with this one's."""
        self.measurements.all().delete()
        self.chunks.all().delete()
        self.log_chunks.all().delete()

    @contextmanager
    def held(self, token: uuid.UUID, **fields: object) -> Iterator[None]:
        """A transaction in which only the run's own worker writes; sets `fields` on the run.

        Raises LostRun when the run is no longer the token's. The UPDATE comes first, so it also
        locks the row against whoever would close the run meanwhile.
        """
        with transaction.atomic():
            if not self.heartbeat(token, **fields):
                raise LostRun(f"{self.name} is no longer this worker's")
            yield

    def _held_by(self, token: uuid.UUID) -> Q:
        return Q(state=self.State.RUNNING, fencing_token=token)

    def heartbeat(self, token: uuid.UUID, **fields: object) -> bool:
        return self._change(self._held_by(token), heartbeat_at=timezone.now(), **fields)

    def progress(self, token: uuid.UUID, phase: str, fraction: float, message: str) -> bool:
        return self.heartbeat(token, phase=phase, fraction=fraction, message=message)

    def complete(self, token: uuid.UUID, result: dict) -> bool:
        """Close with the engine's RESULT, whatever its state; measurements are rows already.

        Raises UnprovenAdvice where it says verified and none of them proves that.
        """
        self._refuse_unproven(result.get("advice") or {})
        error = result.get("error") or {}
        return self._close(
            self._held_by(token),
            result["state"],
            **self._last_progress(result["state"]),
            error_code=error.get("code", ""),
            error_message=error.get("message", ""),
            error_log_tail=error.get("log_tail", ""),
            advice=result.get("advice"),
            azureml=result.get("azureml"),
            circumstances=result.get("circumstances") or {},
            phase_times=result.get("phases") or [],
            result={key: value for key, value in result.items() if key != "measurements"},
        )

    def _refuse_unproven(self, advice: dict) -> None:
        verifying = self.measurements.filter(phase=VERIFYING)
        if advice.get("standing") == "verified" and not any(m.proves(advice) for m in verifying):
            raise UnprovenAdvice(f"No verification of {self.name} proves what it advises.")

    def _last_progress(self, state: str) -> dict:
        if state == self.State.SUCCEEDED:
            return {"fraction": 1.0, "message": ""}
        if state == self.State.CANCELLED:
            return {"message": "It stopped by itself; what was measured until then is kept."}
        return {}

    def fail(self, token: uuid.UUID, code: str, message: str, log_tail: str = "") -> bool:
        return self._close(
            self._held_by(token),
            self.State.FAILED,
            error_code=code,
            error_message=message,
            error_log_tail=log_tail,
        )

    def time_out(self, token: uuid.UUID, message: str) -> bool:
        return self._close(self._held_by(token), self.State.TIMED_OUT, error_message=message)

    def cancel(self, token: uuid.UUID, message: str = "Cancelled.") -> bool:
        """Running to cancelled, by the worker that obeyed."""
        return self._close(self._held_by(token), self.State.CANCELLED, message=message)

    def request_cancel(self, user: User | None) -> bool:
        """Cancel at once while queued; ask the worker to stop while running."""
        asked = {"cancel_requested_at": timezone.now(), "cancel_requested_by": user}
        if self._close(
            Q(state=self.State.QUEUED),
            self.State.CANCELLED,
            message="Cancelled before it began.",
            **asked,
        ):
            return True
        return self._change(Q(state=self.State.RUNNING, cancel_requested_at=None), **asked)

    def force_cancel(self, user: User | None) -> bool:
        """Close it although its worker has not obeyed yet, and have the worker's job killed."""
        won = self._close(
            Q(state=self.State.RUNNING, cancel_requested_at__isnull=False),
            self.State.CANCELLED,
            message="It was stopped by force; what had been written until then is kept.",
            cancel_forced_by=user,
        )
        if won:
            from runs import queue

            transaction.on_commit(lambda: queue.kill(self))
        return won

    def close_abandoned(
        self, attempt: int, why: str, code: str = errors.WORKER_LOST, **where: object
    ) -> bool:
        """Close an attempt that its worker cannot close any more; `where` narrows it further.

        Someone who had asked for a cancel gets one: the worker was stopping anyway.
        """
        abandoned = Q(state=self.State.RUNNING, attempt=attempt, **where)
        return self._close(
            abandoned & Q(cancel_requested_at__isnull=False),
            self.State.CANCELLED,
            message=f"Cancelled. {why}",
        ) or self._close(abandoned, self.State.FAILED, error_code=code, error_message=why)

    def requeue(self, token: uuid.UUID, message: str) -> bool:
        """Running back to queued as a new attempt: nothing was wrong, its worker had to stop."""
        return self._put_back(self._held_by(token), message)

    def take_back(self, attempt: int, message: str) -> bool:
        """As `requeue`, by somebody who does not trust its worker: that one may write no more."""
        return self._put_back(Q(state=self.State.RUNNING, attempt=attempt), message)

    def give_up(self, attempt: int, why: str) -> bool:
        """Queued or running to failed, by somebody's decision."""
        unfinished = Q(state__in=self.UNFINISHED, attempt=attempt)
        return self._close(
            unfinished, self.State.FAILED, error_code=errors.WORKER_LOST, error_message=why
        )

    def _put_back(self, where: Q, message: str) -> bool:
        won = self._change(
            where & Q(cancel_requested_at=None),
            state=self.State.QUEUED,
            attempt=F("attempt") + 1,
            fencing_token=None,
            heartbeat_at=None,
            queued_at=timezone.now(),
            started_at=None,
            phase="",
            fraction=0.0,
            current=None,
            phase_times=[],
            message=message,
        )
        if won:
            self.refresh_from_db(fields=["attempt", "state"])
            self.enqueue()
        return won

    def _close(self, where: Q, state: str, **fields: object) -> bool:
        return self._change(
            where,
            state=state,
            finished_at=timezone.now(),
            fencing_token=None,
            **fields,
        )
