"""Search over everything: a page with an address of its own, and suggestions while typing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs.lists.bulk import written
from runs.searching import SHOWN, SUGGESTED, search


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """`?q=`; with `suggest` the few best of each kind, to be shown under the field."""
    text, is_suggesting = written(request.GET.get("q", "")), "suggest" in request.GET
    context = {"text": text, "found": search(text, SUGGESTED if is_suggesting else SHOWN)}
    template = "search/_suggestions.html" if is_suggesting else "search/search.html"
    return render(request, template, context)
