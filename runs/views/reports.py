"""Reports: a run or a comparison as one HTML file to keep, send and print."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs import reports
from runs.comparing import CannotCompare, compare_runs
from runs.views.compare import named
from runs.views.errors import error_page
from runs.views.runs import the_run


@require_safe
@never_cache
def run_report(request: HttpRequest, name: str) -> HttpResponse:
    try:
        return run_file(request, name)
    except reports.NotEnded as problem:
        page = reverse("run_detail", args=[name])
        return error_page(request, 409, "No report yet", str(problem), page, "To the run")


@require_safe
@never_cache
def compare_report(request: HttpRequest) -> HttpResponse:
    """`?runs=a,b,...&base=a`, as the page; `x` and `y` are what its scatter draws."""
    try:
        return comparison_file(request)
    except CannotCompare as problem:
        return error_page(request, 400, "No comparison", str(problem))


def run_file(request: HttpRequest, name: str) -> HttpResponse:
    run = the_run(name)
    return _file(reports.run_report(run, request), f"{run.name}-report.html")


def comparison_file(request: HttpRequest) -> HttpResponse:
    asked = request.GET
    found = compare_runs(named(request), asked.get("base", ""))
    written = reports.comparison_report(
        found, request, asked.get("x", "cpu"), asked.get("y", "p95")
    )
    return _file(written, f"{'-'.join(run.name for run in found.runs[:2])}-comparison.html")


def _file(written: str, filename: str) -> HttpResponse:
    answer = HttpResponse(written, content_type="text/html; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, filename)
    return answer
