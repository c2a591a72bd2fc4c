"""Signing in, being locked out, and that nothing is seen without it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import URLPattern, reverse

from runs.urls import urlpatterns

pytestmark = pytest.mark.django_db

OPEN = {"health", "sign_in"}
PASSWORD = "correct horse battery"


def address(pattern: URLPattern) -> str:
    values = {"name": "x", "version": 1, "chart": "cpu", "form": "csv", "ordinal": 0, "number": 1}
    values |= {
        "listing": "runs",
        "series": "usage",
        "action": "approve",
        "what": "model",
        "purpose": "model",
        "key": uuid4(),
    }
    names = pattern.pattern.converters
    return reverse(pattern.name, kwargs={name: values[name] for name in names})


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_but_sign_in_and_health_needs_a_signed_in_user(client, pattern) -> None:
    if pattern.name in OPEN:
        assert client.get(address(pattern)).status_code == 200
        return
    for answer in (client.get(address(pattern)), client.post(address(pattern))):
        assert answer.status_code == 302
        assert answer.url.startswith("/sign-in/?next=")


def test_alice_signs_in_and_comes_to_the_page_she_asked_for(client, alice) -> None:
    answer = client.post(
        "/sign-in/?next=/models/",
        {"username": "alice", "password": PASSWORD, "next": "/models/"},
    )
    assert answer.url == "/models/"


def test_another_site_is_no_page_to_come_to(client, alice) -> None:
    answer = client.post(
        "/sign-in/", {"username": "alice", "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer.url == "/"


def test_a_wrong_password_is_refused_without_saying_which_was_wrong(client, alice) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": "guess"})
    assert "do not belong together" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_too_many_tries_lock_the_name_out_and_say_for_how_long(client, alice, settings) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        answer = client.post("/sign-in/", {"username": "alice", "password": "guess"})
    assert answer.status_code == 429
    assert "locked for 15 min" in answer.content.decode()
    right = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert right.status_code == 429
    assert "_auth_user_id" not in client.session


def test_signing_out_takes_a_post(signed_in) -> None:
    assert signed_in.get("/sign-out/").status_code == 405
    assert signed_in.post("/sign-out/").url == "/sign-in/"
    assert "_auth_user_id" not in signed_in.session


@pytest.mark.parametrize(
    "page", ["/sign-in/", "/models/register/", "/datasets/register/", "/configs/register/"]
)
def test_pages_hold_nothing_that_their_content_security_policy_forbids(signed_in, page) -> None:
    if page == "/sign-in/":
        signed_in.logout()
    answer = signed_in.get(page)
    html = answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    for forbidden in (" style=", "<style", " onclick=", " onchange=", "javascript:"):
        assert forbidden not in html
