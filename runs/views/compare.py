"""The compare page: runs against a base."""

from __future__ import annotations

import csv

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs import compare_charts, compare_page
from runs.charts.span import NotASpan, Span
from runs.comparing import CannotCompare, compare_runs
from runs.models import ProfileRun

TEMPLATE = "runs/compare.html"


@require_safe
def run_compare(request: HttpRequest) -> HttpResponse:
    """`?runs=a,b,...&base=a`; a list of checked boxes, `?runs=a&runs=b`, does as well."""
    try:
        found = compare_runs(named(request), request.GET.get("base", ""))
    except CannotCompare as error:
        return render(request, TEMPLATE, {"why_not": str(error)}, status=400)
    context = compare_page.page_context(found, only_differences="differences" in request.GET)
    if request.GET.get("format") == "csv":
        return table_as_csv(context)
    context |= {
        "metrics": compare_charts.METRICS,
        "x": request.GET.get("x", "cpu"),
        "y": request.GET.get("y", "p95"),
    }
    return render(request, TEMPLATE, context)


def named(request: HttpRequest) -> list[str]:
    return ",".join(request.GET.getlist("runs")).split(",")


def table_as_csv(context: dict) -> HttpResponse:
    """What the page's tables say, a row each: the part, the metric, then a column for each run."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="comparison.csv"'
    writer = csv.writer(answer)
    writer.writerow(["part", "metric", *(run.name for run in context["columns"]), "differences"])
    for title, rows in compare_page.tables(context):
        for row in rows:
            changes = "; ".join(cell.words_of_change for cell in row.cells)
            writer.writerow([title, row.label, row.base, *(c.value for c in row.cells), changes])
    return answer


@require_safe
def compare_series(request: HttpRequest, chart: str) -> HttpResponse:
    """A chart over the runs as JSON; the base first, so that its colour is the neutral one.

    `?from=` and `?to=` are seconds of each run's measured time, for a closer look.
    """
    names = named(request)
    found = {
        run.name: run
        for run in ProfileRun.objects.filter(name__in=names).prefetch_related("measurements")
    }
    runs = [found[name] for name in names if name in found]
    asked = request.GET
    try:
        span = Span.asked(asked)
    except NotASpan as problem:
        return HttpResponseBadRequest(str(problem), content_type="text/plain")
    drawn = compare_charts.draw(runs, chart, asked.get("x", ""), asked.get("y", ""), span)
    if drawn is None:
        raise Http404(f"There is no chart {chart!r}.")
    return JsonResponse({"version": "1", **drawn})
