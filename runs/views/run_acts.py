"""What is done to a run: cancel it, in two steps, and ask for the same again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from runs.models import ProfileRun
from runs.models.run_queryset import CANCEL_PATIENCE
from runs.roles import Role, needs
from runs.spec_check import problems_of, why_target_refused


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_cancel(request: HttpRequest, name: str) -> HttpResponse:
    """Says what the next step would do, and does it: asks the run to stop, then stops it."""
    run = get_object_or_404(
        ProfileRun.objects.select_related("target", "cancel_requested_by"), name=name
    )
    if request.method == "POST":
        return _stop(request, run) if "force" in request.POST else _ask(request, run)
    if run.is_finished:
        return _too_late(request, run)
    context = {
        "run": run,
        "measured": run.measurements.count(),
        "patience_s": CANCEL_PATIENCE.total_seconds(),
    }
    return render(request, "runs/cancel.html", context)


def _ask(request: HttpRequest, run: ProfileRun) -> HttpResponse:
    if not run.request_cancel(request.user):
        return _too_late(request, run)
    messages.success(request, f"{run.name} is being cancelled. What it measured so far is kept.")
    return redirect(run)


def _stop(request: HttpRequest, run: ProfileRun) -> HttpResponse:
    if not run.force_cancel(request.user):
        return _too_late(request, run)
    messages.success(request, f"{run.name} was stopped by force.")
    return redirect(run)


def _too_late(request: HttpRequest, run: ProfileRun) -> HttpResponse:
    run.refresh_from_db()
    state = "being cancelled" if run.is_cancelling else run.get_state_display().lower()
    messages.warning(request, f"{run.name} is already {state}.")
    return redirect(run)


@needs(Role.CONTRIBUTOR)
@require_POST
def run_again(request: HttpRequest, name: str) -> HttpResponse:
    """The same once more; where it would be refused by now, the form says so and can be edited."""
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    if refusal := _why_not_again(run):
        messages.error(request, f"{run.name} cannot be repeated as it was: {refusal}")
        return redirect(f"{reverse('run_new')}?clone={run.name}")
    again = ProfileRun.objects.repeat(run, request.user)
    messages.success(request, f"{again.name} is queued: the same as {run.name}.")
    return redirect(again)


def _why_not_again(run: ProfileRun) -> str:
    """In words; empty when it can be asked for again."""
    if not run.target.is_available:
        return f"{run.target.name} takes no runs now. {run.target.unavailable_reason}".strip()
    if refusal := why_target_refused(run.target):
        return refusal
    models = list(run.models.select_related("files"))
    return " ".join(f"{problem}." for problem in problems_of(run, models))
