"""Reports: a run or a comparison as one HTML file to keep, send and print."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs import reports
from runs.comparing import CannotCompare, compare_runs
from runs.views.compare import named
from runs.views.runs import the_run

NOT_ENDED = "{name} has not ended yet; there is a report of it once it has."


@require_safe
@never_cache
def run_report(request: HttpRequest, name: str) -> HttpResponse:
    run = the_run(name)
    if not run.is_finished:
        return HttpResponse(NOT_ENDED.format(name=name), status=409, content_type="text/plain")
    return _file(reports.run_report(run, request), f"{run.name}-report.html")


@require_safe
@never_cache
def compare_report(request: HttpRequest) -> HttpResponse:
    """`?runs=a,b,...&base=a`, as the page; `x` and `y` are what its scatter draws."""
    asked = request.GET
    try:
        found = compare_runs(named(request), asked.get("base", ""))
    except CannotCompare as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain")
    written = reports.comparison_report(
        found, request, asked.get("x", "cpu"), asked.get("y", "p95")
    )
    names = "-".join(run.name for run in found.runs[:2])
    return _file(written, f"{names}-comparison.html")


def _file(written: str, filename: str) -> HttpResponse:
    answer = HttpResponse(written, content_type="text/html; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, filename)
    return answer
