"""Apply as tags: what would change is shown first, then written to the chosen models."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs.applying import (
    ApplyRefused,
    advised_size,
    apply_size,
    needs_confirmation,
    size_tags,
    why_refused,
)
from runs.models import ProfileRun, RegisteredModel
from runs.roles import Role, needs


@dataclass(frozen=True)
class TagChange:
    """One tag before and after; the same on both sides when applying does not touch it."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ModelDiff:
    model: RegisteredModel
    chosen: bool
    changes: list[TagChange]

    @property
    def changed(self) -> int:
        return sum(change.old not in (None, change.new) for change in self.changes)

    @property
    def added(self) -> int:
        return sum(change.old is None for change in self.changes)


def diff(model: RegisteredModel, tags: dict[str, str], chosen: bool) -> ModelDiff:
    """Tags that applying writes first, then those it leaves alone."""
    written = [TagChange(key, model.tags.get(key), new) for key, new in tags.items()]
    left = [TagChange(key, old, old) for key, old in sorted(model.tags.items()) if key not in tags]
    return ModelDiff(model, chosen, written + left)


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_apply(request: HttpRequest, name: str) -> HttpResponse:
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    models = list(run.models.all())
    if request.method == "POST":
        chosen = set(request.POST.getlist("model"))
        return _apply(request, run, models, [model for model in models if model.ref in chosen])
    return _form(request, run, models, models)


def _apply(
    request: HttpRequest,
    run: ProfileRun,
    models: list[RegisteredModel],
    chosen: list[RegisteredModel],
) -> HttpResponse:
    try:
        apply_size(
            run,
            chosen,
            request.user,
            confirmed="confirmed" in request.POST,
            as_properties="as_properties" in request.POST,
        )
    except ApplyRefused as refusal:
        return _form(request, run, models, chosen, str(refusal))
    except ValidationError as refusal:
        return _form(request, run, models, chosen, " ".join(refusal.messages))
    refs = ", ".join(model.ref for model in chosen)
    messages.success(request, f"The size of {run.name} is now in the tags of {refs}.")
    if len(chosen) == 1:
        return redirect(chosen[0])
    return redirect("run_detail", name=run.name)


def _form(
    request: HttpRequest,
    run: ProfileRun,
    models: list[RegisteredModel],
    chosen: list[RegisteredModel],
    refusal: str = "",
) -> HttpResponse:
    """The form, again after a refusal (409): with what would change, where there is a size."""
    locked = why_refused(run)
    tags = {} if locked else size_tags(run, request.user, advised_size(run))
    context = {
        "run": run,
        "locked": locked,
        "refusal": "" if locked else refusal,
        "diffs": [] if locked else [diff(model, tags, model in chosen) for model in models],
        "needs_confirmation": needs_confirmation(run),
        "confirmed": "confirmed" in request.POST,
        "as_properties": "as_properties" in request.POST,
    }
    refused = locked if request.method == "POST" else ""
    status = 409 if refusal or refused else 200
    return render(request, "runs/run_apply.html", context, status=status)
