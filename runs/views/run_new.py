"""Placeholder: to be written."""

from django.http import HttpRequest, HttpResponse


def run_new(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)
