"""Forms as commands, while they are filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from runs import twin_actions, twin_registering
from runs.forms.configs import RegisterConfigForm
from runs.forms.datasets import RegisterDatasetForm
from runs.forms.models import RegisterModelForm
from runs.forms.run_wishes import RunWishes
from runs.forms.uploads import UploadForm
from runs.lists.bulk_proposals import ALTHOUGH
from runs.lists.catalogue import LISTINGS
from runs.models import StagedUpload
from runs.roles import Role, needs
from runs.twin_registering import Files
from runs.twins import Action, twins

#: Recorded arrivals make a longer load: nobody would copy it.
MOST_CHARACTERS = 4000


class NotYet(Exception):
    """Why there is no command yet."""


def filled_in(form: forms.Form) -> dict[str, Any]:
    """The fields that are right, each by itself: what the form says as a whole takes too long."""
    values = {}
    for name, field in form.fields.items():
        # A file that was kept is what its field has without a new one.
        kept = (form[name].initial,) if isinstance(field, forms.FileField) else ()
        try:
            values[name] = field.clean(form[name].data, *kept)
        except ValidationError:
            continue
    return values


def _registered(
    form_class: type[UploadForm],
    action: Callable[[Mapping[str, Any], Files], Action],
    usual: str,
    request: HttpRequest,
) -> Action:
    form = form_class(request.POST, request.FILES, owner=request.user)
    values = filled_in(form)
    staged = values.get("staged")
    upload = StagedUpload.objects.of(request.user, form.purpose, staged) if staged else None
    return action(values, Files(upload, usual))


def model(request: HttpRequest) -> Action:
    return _registered(RegisterModelForm, twin_registering.register_model, "model.pkl", request)


def dataset(request: HttpRequest) -> Action:
    usual = "requests.jsonl"
    return _registered(RegisterDatasetForm, twin_registering.register_dataset, usual, request)


def config(request: HttpRequest) -> Action:
    return _registered(RegisterConfigForm, twin_registering.register_config, "score.py", request)


def run(request: HttpRequest) -> Action:
    form = RunWishes(request.POST, owner=request.user)
    if not form.is_valid():
        raise NotYet(" ".join(form.problems))
    asked, policy = form.asked_for(), form.cleaned_data["policy"]
    if len(str(asked["load"])) > MOST_CHARACTERS:
        raise NotYet("The load holds too many recorded times to be written into a command.")
    return twin_actions.start_run(
        asked,
        [model.ref for model in form.cleaned_data["models"]],
        form.cleaned_data["name"],
        policy.name if policy else "",
    )


def tag(request: HttpRequest) -> Action:
    key, value = request.POST.get("tag-key", ""), request.POST.get("tag-value", "")
    return twin_actions.set_tag(_of(request), key, value)


def model_property(request: HttpRequest) -> Action:
    key, value = request.POST.get("property-key", ""), request.POST.get("property-value", "")
    return twin_actions.add_property(_of(request), key, value)


def apply(request: HttpRequest) -> Action:
    return twin_actions.apply(
        _of(request),
        request.POST.getlist("model"),
        _measurement(request),
        "confirmed" in request.POST,
        "as_properties" in request.POST,
    )


def propose(request: HttpRequest) -> Action:
    return twin_actions.propose(
        _of(request),
        request.POST.getlist("models"),
        _measurement(request),
        request.POST.getlist("reviewers"),
        request.POST.get("baseline", ""),
        request.POST.get("text", ""),
        "as_properties" in request.POST,
    )


def _of(request: HttpRequest) -> str:
    """What the form is about: a model or a run."""
    return request.GET.get("of", "")


def _measurement(request: HttpRequest) -> int | None:
    ordinal = request.GET.get("measurement", "")
    return int(ordinal) if ordinal.isdecimal() else None


def bulk(request: HttpRequest) -> Action:
    listing, action = _of(request), request.GET.get("action", "")
    if (listing, action) not in twin_actions.IN_BULK:
        raise Http404(f"Nothing is called {action!r} in a list {listing!r}.")
    values = LISTINGS[listing].action(action).values(request.POST)
    # A box says "on".
    said = {name: value == "on" if name == ALTHOUGH else value for name, value in values.items()}
    return twin_actions.in_bulk(listing, action, request.POST.getlist("row"), said)


FORMS: dict[str, Callable[[HttpRequest], Action]] = {
    "model": model, "dataset": dataset, "config": config, "run": run, "tag": tag,
    "property": model_property, "apply": apply, "propose": propose, "bulk": bulk,
}  # fmt: skip


@needs(Role.CONTRIBUTOR)
@require_POST
def form_by_command(request: HttpRequest, what: str) -> HttpResponse:
    """The three ways to do what the form so far asks for; or why there are none yet."""
    if what not in FORMS:
        raise Http404(f"There is no form {what!r}.")
    context: dict[str, Any] = {"key": request.GET.get("key", "")}
    try:
        context["twins"] = twins(FORMS[what](request), request.build_absolute_uri("/"))
    except NotYet as missing:
        context["missing"] = str(missing)
    return render(request, "components/_by_command_ways.html", context)
