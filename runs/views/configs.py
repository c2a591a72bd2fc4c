"""Placeholder: to be written."""

from django.http import HttpRequest, HttpResponse


def config_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)


def config_register(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)


def config_detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)
