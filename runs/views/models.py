"""The models of the registry: list, one of them with its tags and runs, register."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from runs.applying import why_not_by_hand
from runs.charts import size_history as size_charts
from runs.forms.models import PropertyForm, RegisterModelForm, TagForm
from runs.lists.listing import listing_page
from runs.lists.portfolio import PORTFOLIO
from runs.lists.registry import MODELS
from runs.models import PriceList, ProfileRun, RegisteredModel
from runs.portfolio import one_sized
from runs.roles import Role, needs
from runs.run_costs import HOW_TO_SET
from runs.size_history import size_history
from runs.views.registering import register

RUNS_ON_PAGE = 20
EVENTS_ON_PAGE = 100
STEPS_ON_PAGE = 50


def the_model(name: str, version: int) -> RegisteredModel:
    return get_object_or_404(RegisteredModel.objects.for_page(), name=name, version=version)


@require_safe
def model_list(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, MODELS, "models/model_list.html")


@require_safe
def model_portfolio(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, PORTFOLIO, "models/portfolio.html", how_to_set=HOW_TO_SET)


@require_safe
def model_detail(request: HttpRequest, name: str, version: int) -> HttpResponse:
    return model_page(request, the_model(name, version))


def model_page(
    request: HttpRequest,
    model: RegisteredModel,
    tag_form: TagForm | None = None,
    property_form: PropertyForm | None = None,
) -> HttpResponse:
    """The model's page; the forms are given when they were filled in wrongly."""
    runs = ProfileRun.objects.for_list().filter(models=model)
    steps = size_history(model.name)
    context = {
        "model": model,
        "versions": list(RegisteredModel.objects.versions_of(model.name)),
        "tags": model.tags_with_events(),
        "events": model.tag_events.for_page()[:EVENTS_ON_PAGE],
        "sized": one_sized(model),
        "prices": PriceList.objects.current(),
        "how_to_set": HOW_TO_SET,
        "steps": steps[: -STEPS_ON_PAGE - 1 : -1],
        "step_count": len(steps),
        "runs": runs[:RUNS_ON_PAGE],
        "run_count": runs.count(),
        "tag_form": tag_form or TagForm(),
        "property_form": property_form or PropertyForm(),
    }
    return render(request, "models/model_detail.html", context)


@require_safe
def model_sizes(request: HttpRequest, name: str, version: int, chart: str) -> HttpResponse:
    """The history of its sizes as a chart: `cpu` or `memory`."""
    model = the_model(name, version)
    if chart not in size_charts.VALUES:
        raise Http404(f"There is no chart {chart!r}.")
    drawn = size_charts.draw(size_history(model.name), chart, model.version, timezone.now())
    nothing = {"empty": "No size with it was ever in the tags or advised."}
    return JsonResponse({"version": "1", **(drawn.to_json() if drawn else nothing)})


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def model_register(request: HttpRequest) -> HttpResponse:
    return register(request, RegisterModelForm, "models/model_register.html")


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def model_set_tag(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """A refused form is shown at this address, so that someone may come back to it with a GET."""
    model = the_model(name, version)
    if request.method != "POST":
        return redirect(model)
    form = TagForm(request.POST)
    if not form.is_valid():
        return model_page(request, model, tag_form=form)
    changed = form.apply_to(model, request.user)
    if form.errors:
        return model_page(request, model, tag_form=form)
    key = form.cleaned_data["key"]
    messages.success(request, f"Tag {key} is set." if changed else f"Tag {key} has that value.")
    return redirect(model)


@needs(Role.CONTRIBUTOR)
@require_POST
def model_remove_tag(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model, key = the_model(name, version), request.POST.get("key", "")
    if reason := why_not_by_hand(key):
        messages.error(request, reason)
    elif model.set_tags({key: None}, request.user):
        messages.success(request, f"Tag {key} is removed; its history is kept.")
    return redirect(model)


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def model_add_property(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model = the_model(name, version)
    if request.method != "POST":
        return redirect(model)
    form = PropertyForm(request.POST)
    if not form.is_valid() or not form.apply_to(model, request.user):
        return model_page(request, model, property_form=form)
    messages.success(request, f"Property {form.cleaned_data['key']} is recorded.")
    return redirect(model)
