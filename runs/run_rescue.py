"""What administrators do to runs that do not go on by themselves, be it on a page or in a shell.

Each says first what would happen to a run, and why to some nothing; what was done is in the
administration's log, which only grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.admin.models import CHANGE, LogEntry

from runs import queue, run_acts
from runs.models import ProfileRun
from runs.run_acts import RunRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

WAITS = ProfileRun.State.QUEUED


@dataclass(frozen=True)
class Plan:
    """What would happen to a run; `acts` is False where nothing would."""

    run: ProfileRun
    words: str
    acts: bool = True


@dataclass(frozen=True)
class Rescue:
    """`plan` says what it would do to a run; `act` does it and says whether it did."""

    name: str
    title: str
    button: str
    done: str
    plan: Callable[[ProfileRun], Plan]
    act: Callable[[ProfileRun, User, str], bool]
    asks_why: bool = False

    def carry_out(self, runs: Iterable[ProfileRun], user: User, why: str = "") -> list[ProfileRun]:
        """Those to which it was done, which is written down."""
        done = [run for run in runs if self.plan(run).acts and self.act(run, user, why)]
        words = f"{self.done.capitalize()}. {why}".strip()
        LogEntry.objects.log_actions(user.pk, done, CHANGE, words)
        return done


def _plan_cancel(run: ProfileRun) -> Plan:
    if run.is_finished:
        return Plan(run, "Nothing: it is finished.", acts=False)
    if run.is_cancelling:
        return Plan(run, "Nothing: it was asked already. Its page stops it by force.", acts=False)
    if run.state == WAITS:
        return Plan(run, "It never begins.")
    return Plan(run, "It is asked to stop. What it measured so far is kept.")


def _cancel(run: ProfileRun, user: User, why: str) -> bool:
    try:
        run_acts.cancel(run, user)
    except RunRefused:
        return False
    return True


def _plan_requeue(run: ProfileRun) -> Plan:
    if run.is_finished:
        return Plan(run, "Nothing: it is finished. Run it again from its page.", acts=False)
    if run.is_cancelling:
        return Plan(run, "Nothing: it was asked to stop, and will.", acts=False)
    if run.state == WAITS:
        return Plan(run, "Its job is put on the queue again, should it not be there.")
    return Plan(
        run,
        f"Attempt {run.attempt} ends: its worker may write no more, and what it measured is "
        f"dropped. Attempt {run.attempt + 1} waits in the queue.",
    )


def _requeue(run: ProfileRun, user: User, why: str) -> bool:
    if run.state != WAITS:
        words = f"Waiting again: {user.get_username()} put it back on the queue."
        return run.take_back(run.attempt, words)
    return queue.enqueue(run)


def _plan_close(run: ProfileRun) -> Plan:
    if run.is_finished:
        return Plan(run, "Nothing: it is finished.", acts=False)
    ends = "It never begins" if run.state == WAITS else "Its worker stops and may write no more"
    return Plan(run, f"{ends}; it is shown as failed, with your reason.")


def _close(run: ProfileRun, user: User, why: str) -> bool:
    return run.give_up(run.attempt, f"Closed by {user.get_username()}: {why}")


CANCEL = Rescue("cancel", "Cancel?", "Cancel", "cancelled", _plan_cancel, _cancel)
REQUEUE = Rescue(
    "requeue", "Put back on the queue?", "Put back on the queue", "put back on the queue",
    _plan_requeue, _requeue,
)  # fmt: skip
CLOSE = Rescue(
    "close", "Close as failed?", "Close as failed", "closed", _plan_close, _close, asks_why=True
)
