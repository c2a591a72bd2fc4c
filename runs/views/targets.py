"""Placeholder: to be written."""

from django.http import HttpRequest, HttpResponse


def target_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)
