"""The targets: what they are, who is alive there, and what runs or waits."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from runs.lists.listing import listing_page
from runs.lists.targets import TARGETS


@require_safe
def target_list(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, TARGETS, "targets/target_list.html")
