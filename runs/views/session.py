"""Placeholder: to be written."""

from django.http import HttpRequest, HttpResponse


def sign_in(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)


def sign_out(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)
