"""Queues by target: who works there, what runs and waits, what failed; and a sweep by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import redis
from django.contrib import admin, messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from runs import queue, sweeper
from runs.admin.access import check
from runs.admin.shell import shell_line
from runs.journal import note
from runs.models import ProfileRun, Target

LATELY = timedelta(days=7)
FAILED_SHOWN = 50


@dataclass(frozen=True)
class OpenRun:
    """An unfinished run; `trouble` says what is wrong with it, "" where nothing is."""

    run: ProfileRun
    trouble: str


@dataclass(frozen=True)
class Line:
    """A target's queue."""

    target: Target
    runs: list[OpenRun]


def may_act(request: HttpRequest) -> bool:
    return request.user.has_perm("runs.change_profilerun")


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    check(request, "view")
    failed = ProfileRun.objects.filter(
        state=ProfileRun.State.FAILED, finished_at__gt=timezone.now() - LATELY
    )
    counts = dict(ProfileRun.objects.order_by().values_list("state").annotate(Count("pk")))
    context = {
        **admin.site.each_context(request),
        "title": "Queues",
        "lines": lines(),
        "counts": [(state.label, state.value, counts.get(state.value, 0)) for state in
                   ProfileRun.State],
        "failed": failed.select_related("target").order_by("-finished_at")[:FAILED_SHOWN],
        "failed_count": failed.count(),
        "days": LATELY.days,
        "may_act": may_act(request),
    }  # fmt: skip
    return render(request, "admin/queues.html", context)


def lines() -> list[Line]:
    """Every target with its unfinished runs, in a number of queries that does not grow."""
    targets = list(Target.objects.for_page())
    waiting = _waiting(targets)
    return [
        Line(target, [OpenRun(run, trouble(run, waiting)) for run in target.open_runs])
        for target in targets
    ]


def _waiting(targets: Iterable[Target]) -> set[str] | None:
    """The jobs that are on any queue; None where the queue server does not answer."""
    try:
        return {
            job
            for target in targets
            for job in queue.impatient(queue.queue_of(target)).get_job_ids()
        }
    except redis.RedisError:
        return None


def trouble(run: ProfileRun, waiting: set[str] | None) -> str:
    """What keeps a run from going on by itself, in words."""
    if run.state == ProfileRun.State.QUEUED:
        if waiting is None:
            return "The queue server cannot be reached: it waits in the database."
        if run.job_id not in waiting:
            return "It has no job on the queue; a sweep puts it back."
        return ""
    if run.is_stale:
        return "Nothing is heard of its worker; a sweep closes it."
    return "It was asked to stop." if run.is_cancelling else ""


@require_http_methods(["GET", "HEAD", "POST"])
def sweep(request: HttpRequest) -> HttpResponse:
    """What sweepers do each few seconds, done once by hand: for when none of them is alive."""
    check(request, "change")
    if request.method == "POST":
        closed = sweeper.close_stale() + sweeper.close_disobeying()
        try:
            queued = sum(sweeper.requeue_missing(target) for target in Target.objects.all())
        except redis.RedisError:
            queued = 0
            messages.warning(request, "The queue server cannot be reached: nothing was put back.")
        words = f"Closed {closed} run(s), put {queued} back on their queues."
        note(request.user, "Sweep", words)
        messages.success(request, words)
        return redirect("admin:queues")
    context = {
        **admin.site.each_context(request),
        "title": "Sweep now?",
        "stale": list(ProfileRun.objects.stale()),
        "disobeying": list(ProfileRun.objects.disobeying()),
        "missing": [
            one.run
            for line in lines()
            for one in line.runs
            if one.trouble and one.run.state == ProfileRun.State.QUEUED
        ],
        "command": "\n".join(
            shell_line("sweep", "--once", "--target", target.name)
            for target in Target.objects.order_by("name")
        ),
        "unswept": [line.target for line in lines() if not line.target.has_sweeper],
    }
    return render(request, "admin/sweep.html", context)
