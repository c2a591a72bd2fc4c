"""What every answer goes through: the visitor's time zone, words, and compression of text."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone

from runs.views import errors

#: What static/js/theme.js keeps there.
ZONE_COOKIE = "zone"
TEXT = ("text/", "application/json", "application/x-ndjson")


class VisitorsZone:
    """Times on pages are in the zone of the visitor's browser, once it has told us."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(_zone(request.COOKIES.get(ZONE_COOKIE, ""))):
            return self._answer(request)


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """None, which is the site's own, for what is no zone."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


class CompressedText(GZipMiddleware):
    """Pages, charts and files of text; blobs and archives are compressed already."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.get("Content-Type", "").startswith(TEXT):
            return super().process_response(request, response)
        return response


class ExplainedRefusals:
    """An address that takes only what is sent to it says so, where Django answers nothing.

    None with a NUL is looked up: PostgreSQL has no text with one.
    """

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in unquote(request.get_full_path()):
            return errors.bad_request(request, ValueError("There is a NUL in that address."))
        answer = self._answer(request)
        if answer.status_code == 405 and not answer.streaming and not answer.content:
            return errors.method_not_allowed(request, answer)
        return answer
