"""Signing in and out."""

from __future__ import annotations

from datetime import timedelta

from axes.helpers import get_cool_off
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from runs.formatting import duration
from runs.forms.styling import StyledBoundField

TEMPLATE = "registration/sign_in.html"
TOO_MANY_TRIES = 429


class SignInForm(AuthenticationForm):
    bound_field_class = StyledBoundField
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "That name and password do not belong together.",
    }


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    page = views.LoginView.as_view(
        template_name=TEMPLATE, authentication_form=SignInForm, redirect_authenticated_user=True
    )
    return page(request)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    return views.LogoutView.as_view()(request)


def locked_out(request: HttpRequest, credentials: dict | None, *args: object) -> HttpResponse:
    """The answer to too many failed tries (AXES_LOCKOUT_CALLABLE): when to try again."""
    wait: timedelta | None = get_cool_off(request)
    context = {
        "form": SignInForm(request),
        "wait": duration(wait.total_seconds()) if wait else "",
        "next": request.POST.get("next", ""),
    }
    return render(request, TEMPLATE, context, status=TOO_MANY_TRIES)
