"""Placeholder: to be written."""

from django.http import HttpRequest, HttpResponse


def model_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)


def model_register(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)


def model_detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("Not there yet.", status=501)
