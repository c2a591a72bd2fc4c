"""The compare page: runs against a base."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs import compare_page
from runs.comparing import CannotCompare, compare_runs

TEMPLATE = "runs/compare.html"


@require_safe
def run_compare(request: HttpRequest) -> HttpResponse:
    """`?runs=a,b,...&base=a`; a list of checked boxes, `?runs=a&runs=b`, does as well."""
    names = ",".join(request.GET.getlist("runs")).split(",")
    try:
        found = compare_runs(names, request.GET.get("base", ""))
    except CannotCompare as error:
        return render(request, TEMPLATE, {"why_not": str(error)}, status=400)
    return render(request, TEMPLATE, compare_page.page_context(found))
