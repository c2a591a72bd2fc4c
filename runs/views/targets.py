"""The targets: what they are, who is alive there, and what runs or waits."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs.models import Target


@require_safe
def target_list(request: HttpRequest) -> HttpResponse:
    return render(request, "targets/target_list.html", {"targets": Target.objects.for_page()})
