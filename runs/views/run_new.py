"""Asking for a run."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from runs.forms.run_draft import RunDraft
from runs.forms.run_initial import initial_of
from runs.forms.run_presets import PRESETS, preset_fields
from runs.forms.runs import NewRunForm
from runs.models import Dataset, InferenceConfig, ProfileRun, RegisteredModel, Target
from runs.models.names import VersionedQuerySet
from runs.roles import Role, needs


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: HttpRequest) -> HttpResponse:
    """`?model=&config=&dataset=` choose by `name` or `name:version`; `?clone=` repeats a run.

    `?preset=` fills in a load and an objective.
    """
    if request.method == "POST":
        form = NewRunForm(request.POST, request.FILES, owner=request.user)
        run = form.submit(request.user) if form.is_valid() else None
        if run is not None:
            messages.success(request, f"{run.name} is queued.")
            return redirect(run)
        form.keep_files()
    else:
        initial = initial_for(request)
        # A run that is cloned brings its recorded times along; kept ones do not replace them.
        owner = None if initial.get("recorded_in") else request.user
        form = NewRunForm(initial=initial, owner=owner)
    return render(request, "runs/new.html", {"form": form, "presets": PRESETS})


@needs(Role.CONTRIBUTOR)
@require_POST
def run_told(request: HttpRequest) -> HttpResponse:
    """The form so far in words: what it asks for, how long it takes, what is different."""
    draft = RunDraft(request.POST, owner=request.user)
    draft.is_valid()
    return render(request, "runs/_told.html", {"draft": draft})


def initial_for(request: HttpRequest) -> dict:
    """What the address asks for, completed by what is likely meant."""
    preset = preset_fields(request.GET.get("preset", ""))
    if clone := request.GET.get("clone"):
        run = get_object_or_404(ProfileRun.objects.for_page(), name=clone)
        return initial_of(run) | preset
    models = [
        chosen(RegisteredModel.objects.all(), ref) for ref in request.GET.getlist("model") if ref
    ]
    initial = {"target": Target.objects.likely(), **preset}
    if models:
        initial |= last_choice_for(models) | {"models": models}
    for key, rows in (("config", InferenceConfig.objects), ("dataset", Dataset.objects)):
        if ref := request.GET.get(key):
            initial[key] = chosen(rows.all(), ref).pk
        elif key not in initial:
            initial[key] = the_only_name(rows.all())
    return initial


def chosen(rows: VersionedQuerySet, ref: str):
    try:
        return rows.ref(ref)
    except rows.model.DoesNotExist as error:
        raise Http404(f"There is no {ref}.") from error


def last_choice_for(models: list[RegisteredModel]) -> dict:
    """Config and dataset of the newest run of any version of the first model."""
    run = ProfileRun.objects.filter(models__name=models[0].name).order_by("-created_at").first()
    return {"config": run.config_id, "dataset": run.dataset_id} if run else {}


def the_only_name(rows: VersionedQuerySet) -> int | None:
    """The latest version, when there is only one name to choose from."""
    latest = list(rows.latest_of_each().values_list("pk", flat=True)[:2])
    return latest[0] if len(latest) == 1 else None
