"""What is done to a run: cancel it, in two steps, and ask for the same again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from runs import run_acts
from runs.models import ProfileRun
from runs.models.run_queryset import CANCEL_PATIENCE
from runs.roles import Role, needs
from runs.run_acts import RunRefused


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_cancel(request: HttpRequest, name: str) -> HttpResponse:
    """Says what the next step would do, and does it: asks the run to stop, then stops it."""
    run = get_object_or_404(
        ProfileRun.objects.select_related("target", "cancel_requested_by"), name=name
    )
    if request.method == "POST":
        return _cancel(request, run)
    if run.is_finished:
        messages.warning(request, f"{run.name} is already {run.get_state_display().lower()}.")
        return redirect(run)
    context = {
        "run": run,
        "measured": run.measurements.count(),
        "patience_s": CANCEL_PATIENCE.total_seconds(),
    }
    return render(request, "runs/cancel.html", context)


def _cancel(request: HttpRequest, run: ProfileRun) -> HttpResponse:
    try:
        done = run_acts.cancel(run, request.user, force="force" in request.POST)
    except RunRefused as refusal:
        messages.warning(request, f"{run.name} is {refusal}.")
    else:
        messages.success(request, f"{run.name} is {done}.")
    return redirect(run)


@needs(Role.CONTRIBUTOR)
@require_POST
def run_again(request: HttpRequest, name: str) -> HttpResponse:
    """The same once more; where it would be refused by now, the form says so and can be edited."""
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    try:
        again = run_acts.run_again(run, request.user)
    except RunRefused as refusal:
        messages.error(request, f"{run.name} cannot be repeated as it was: {refusal}")
        return redirect(f"{reverse('run_new')}?clone={run.name}")
    messages.success(request, f"{again.name} is queued: the same as {run.name}.")
    return redirect(again)
