"""Runs: the list, one run's page with its live part, the data of its charts, its log."""

from __future__ import annotations

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs.charts import data
from runs.charts.span import NotASpan, Span
from runs.lists.listing import listing_page
from runs.lists.runs import RUNS
from runs.log_search import found_lines
from runs.models import ProfileRun
from runs.run_curves import curve_of
from runs.run_page import page_context
from runs.run_progress import live_context
from runs.what_if_card import what_if_card

#: Runs of the same model that a run's page offers to compare with.
COMPARABLE_RUNS = 30
#: htmx stops polling when it gets this status.
STOP_POLLING = 286


def the_run(name: str) -> ProfileRun:
    return get_object_or_404(ProfileRun.objects.for_page(), name=name)


@require_safe
def run_list(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, RUNS, "runs/run_list.html")


@require_safe
@never_cache
def run_detail(request: HttpRequest, name: str) -> HttpResponse:
    run = the_run(name)
    context = page_context(run, request.GET.get("measurement"))
    if run.is_finished:
        others = ProfileRun.objects.comparable_with(run).values_list("name", flat=True)
        context["comparable"] = others[:COMPARABLE_RUNS]
        context["baseline"] = ProfileRun.objects.baseline_of(run)
        context["what_if"] = what_if_card(run, context["curve"], request.GET)
        drawn = data.without_samples(run)
        context["charts"] = {f"chart-data-{chart}": figure for chart, figure in drawn.items()}
    return render(request, "runs/run_detail.html", context)


@require_safe
@never_cache
def run_live(request: HttpRequest, name: str) -> HttpResponse:
    """The part of a live run's page that changes; a finished one makes the page load anew.

    When a measurement began or ended since the `?seen=` of the page, the page's body comes along.
    """
    run = the_run(name)
    context = live_context(run)
    if run.is_finished:
        response = render(request, "runs/_live.html", context, status=STOP_POLLING)
        response["HX-Refresh"] = "true"
        return response
    if request.GET.get("seen") not in (None, context["seen"]):
        context = {**page_context(run, None), "body_changed": True}
    return render(request, "runs/_live.html", context)


@require_safe
@never_cache
def run_what_if(request: HttpRequest, name: str) -> HttpResponse:
    """The what-if card alone, for a page that asks again."""
    run = the_run(name)
    curve = curve_of(run, list(run.measurements.all()), list(run.models.all()))
    card = what_if_card(run, curve, request.GET)
    if card is None:
        raise Http404("This run has no model of latency.")
    return render(request, "runs/_what_if.html", {"run": run, "what_if": card})


@require_safe
@never_cache
def run_series(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    """A chart as JSON; 204 when nothing came since the `?since=` that the page has already.

    `?from=` and `?to=`, seconds of the measured time, are for a closer look at a part of it.
    """
    run = get_object_or_404(ProfileRun.objects.for_chart(), name=name)
    try:
        span = Span.asked(request.GET)
    except NotASpan as problem:
        return HttpResponseBadRequest(str(problem), content_type="text/plain")
    source = data.source(run, chart, request.GET.get("measurement"), span)
    if source is None:
        raise Http404(f"There is no chart {chart!r}.")
    if request.GET.get("since") == source.version:
        return HttpResponse(status=204)
    return JsonResponse({"version": source.version, **source.draw()})


@require_safe
@never_cache
def run_log(request: HttpRequest, name: str) -> HttpResponse:
    """The whole log as text; with `?after=<index>` what came since, for a page that follows it.

    With `?find=<words>` the lines that have them.
    """
    run = get_object_or_404(ProfileRun.objects.only("pk", "name", "state"), name=name)
    if wanted := request.GET.get("find", ""):
        return HttpResponse(found_lines(run, wanted), content_type="text/plain; charset=utf-8")
    after = request.GET.get("after", "")
    if not after:
        texts = run.log_chunks.order_by("index").values_list("text", flat=True)
        response = StreamingHttpResponse(texts.iterator(), content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'inline; filename="{run.name}.log"'
        return response
    start = int(after) if after.isdecimal() else 0
    chunks = run.log_chunks.filter(index__gte=start).order_by("index")
    news = list(chunks.values_list("index", "text"))
    return JsonResponse(
        {
            "text": "".join(text for _, text in news),
            "next": news[-1][0] + 1 if news else start,
            "finished": run.is_finished,
        }
    )
