"""Pages of what is refused apart from any page's own view; each leads on to one place."""

from __future__ import annotations

from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

#: More was sent than a form holds.
TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def error_page(
    request: HttpRequest, status: int, title: str, words: str, url: str = "", action: str = ""
) -> HttpResponse:
    context = {"title": title, "words": words, "url": url or reverse("home")}
    context["action"] = action or "To the runs"
    return render(request, "error_page.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 for what is larger than a form may be."""
    if isinstance(exception, TOO_LARGE):
        words = (
            "More was sent than a form here takes, and nothing of it was kept. Files have no such "
            "limit of fields and text: put what is long into one."
        )
        return error_page(request, 413, "Too large", words, *_sent_from(request))
    # What is suspicious is for the log.
    reason = "" if isinstance(exception, SuspiciousOperation) else str(exception)
    words = reason or "That request could not be understood."
    return error_page(request, 400, "Bad request", words, *_sent_from(request))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """In the words of the view that raised it, where it has any."""
    told = exception.args[0] if exception.args else ""
    # An address that is no view's tells a dict, and Django's own shortcut names the class.
    is_told = isinstance(told, str) and told and not told.endswith("matches the given query.")
    words = (
        told
        if is_told
        else "There is nothing at this address. It may have been deleted, or the address has a "
        "typing error."
    )
    return error_page(request, 404, "Not found", words, *_nearest_page(request.path))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: mostly a page that was open while somebody signed in or out elsewhere."""
    words = (
        "The page that sent this was opened before you last signed in, or your browser keeps no "
        "cookies of this site. Nothing was done. Open the page anew and repeat it."
    )
    return error_page(request, 403, "Open that page anew", words, *_sent_from(request))


def method_not_allowed(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """In place of an answer without words: a browser gets it after signing in, where it sent."""
    words = (
        "This address takes what a form or a program sends, and shows nothing by itself. Nothing "
        "was done."
    )
    page = error_page(request, 405, "Nothing is shown here", words, *_nearest_page(request.path))
    page["Allow"] = answer["Allow"]
    return page


def _sent_from(request: HttpRequest) -> tuple[str, str]:
    """The page with the form, and what its link says."""
    page = request.META.get("HTTP_REFERER", "")
    try:
        is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()})
    except DisallowedHost:
        return "", ""
    return (page, "Open the page anew") if is_ours else _nearest_page(request.path)


def _nearest_page(path: str) -> tuple[str, str]:
    """The page above an address: that of a run for what is done to it."""
    while path.count("/") > 2:
        path = f"{path.rstrip('/').rpartition('/')[0]}/"
        try:
            resolve(path)
        except Resolver404:
            continue
        return path, "One page up"
    return "", ""
