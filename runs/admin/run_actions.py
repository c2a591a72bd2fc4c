"""What an administrator can do to runs that do not go on by themselves: each asks first.

The page before it lists what will happen to each run, and why to some nothing; what was done is in
the administration's log, which only grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from runs import queue
from runs.models import ProfileRun

FINISHED = "Nothing: it is finished. Run it again from its page."
WAITS = ProfileRun.State.QUEUED


@dataclass(frozen=True)
class Plan:
    """What would happen to a run; `acts` is False where nothing would."""

    run: ProfileRun
    words: str
    acts: bool = True


@dataclass(frozen=True)
class Action:
    """`plan` says what it would do to a run; `act` does it and says whether it did."""

    name: str
    title: str
    button: str
    done: str
    plan: Callable[[ProfileRun], Plan]
    act: Callable[[ProfileRun, str, str], bool]
    asks_why: bool = False


def _plan_requeue(run: ProfileRun) -> Plan:
    if run.is_finished:
        return Plan(run, FINISHED, acts=False)
    if run.is_cancelling:
        return Plan(run, "Nothing: it was asked to stop, and will.", acts=False)
    if run.state == WAITS:
        return Plan(run, "Its job is put on the queue again, should it not be there.")
    return Plan(
        run,
        f"Attempt {run.attempt} ends: its worker may write no more, and what it measured is "
        f"dropped. Attempt {run.attempt + 1} waits in the queue.",
    )


def _requeue(run: ProfileRun, who: str, why: str) -> bool:
    if run.state != WAITS:
        return run.take_back(run.attempt, f"Waiting again: {who} put it back on the queue.")
    return queue.enqueue(run)


def _plan_close(run: ProfileRun) -> Plan:
    if run.is_finished:
        return Plan(run, "Nothing: it is finished.", acts=False)
    ends = "It never begins" if run.state == WAITS else "Its worker stops and may write no more"
    return Plan(run, f"{ends}; it is shown as failed, with your reason.")


def _close(run: ProfileRun, who: str, why: str) -> bool:
    return run.give_up(run.attempt, f"Closed by {who}: {why}")


REQUEUE = Action(
    "requeue", "Put back on the queue?", "Put back on the queue", "put back on the queue",
    _plan_requeue, _requeue,
)  # fmt: skip
CLOSE = Action(
    "close", "Close as failed?", "Close as failed", "closed", _plan_close, _close, asks_why=True
)


def ask_or_act(
    action: Action, model_admin: admin.ModelAdmin, request: HttpRequest, chosen: QuerySet
) -> HttpResponse | None:
    """The page that asks; None, back to the list, once it was answered and done."""
    runs = list(chosen.select_related("target"))
    why = request.POST.get("why", "").strip()
    if "confirmed" in request.POST and (why or not action.asks_why):
        _act(action, model_admin, request, runs, why)
        return None
    context = {
        **admin.site.each_context(request),
        "title": action.title,
        "action": action,
        "plans": [action.plan(run) for run in runs],
        "why_missing": "confirmed" in request.POST,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/run_action.html", context)


def _act(
    action: Action,
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    runs: list[ProfileRun],
    why: str,
) -> None:
    done = [
        run
        for run in runs
        if action.plan(run).acts and action.act(run, request.user.get_username(), why)
    ]
    for run in done:
        model_admin.log_change(request, run, f"{action.done.capitalize()}. {why}".strip())
    model_admin.message_user(request, f"{len(done)} of {len(runs)} run(s) {action.done}.")
