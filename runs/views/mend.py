"""Apply a fix that a run has measured: a new version of its config, and a run with it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from runs.diagnoses import NoFix, apply_fix
from runs.models import ProfileRun
from runs.roles import Role, needs


@require_POST
@needs(Role.CONTRIBUTOR)
def run_mend(request: HttpRequest, name: str) -> HttpResponse:
    """`fix` is the code of a diagnosis, or `advised` for the pair that was found best."""
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    try:
        new = apply_fix(run, request.POST.get("fix", ""), request.user)
    except NoFix as refusal:
        messages.error(request, str(refusal))
        return redirect("run_detail", name=run.name)
    messages.success(
        request, f"{new.config.ref} is registered, and {new.name} is queued to measure it."
    )
    return redirect(new)
