"""What a browser may do with a page, and settings that stop the start."""

from __future__ import annotations

import stat

import pytest
from django.core.checks import run_checks

pytestmark = pytest.mark.django_db


def test_pages_run_no_script_but_the_sites_own(signed_in) -> None:
    policy = signed_in.get("/runs/").headers["Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_pages_carry_the_usual_guards(signed_in) -> None:
    headers = signed_in.get("/runs/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(client, alice) -> None:
    client.post("/sign-in/", {"username": "alice", "password": "correct horse battery"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"


def test_wrong_settings_stop_the_start(settings) -> None:
    settings.SIZING_REVIEW = "sometimes"
    settings.PROFILER_CA_BUNDLE = "/nowhere/ca.pem"
    settings.PROFILER_TARGET = "unheard-of"
    settings.RAW_RETENTION_DAYS = -1
    expected = {"runs.E001", "runs.E002", "runs.E003", "runs.E004"}
    assert {problem.id for problem in run_checks()} >= expected


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PROFILER_PRICE_GPU_HOUR", -1.0, "runs.E005"),
        ("PROFILER_PRICE_CORE_HOUR", None, "runs.E006"),
        ("PROFILER_PRICE_GIB_HOUR", None, "runs.E006"),
        ("PROFILER_CURRENCY", "euro", "runs.E007"),
    ],
)
def test_wrong_prices_stop_the_start(settings, name, value, problem) -> None:
    settings.PROFILER_PRICE_CORE_HOUR = settings.PROFILER_PRICE_GIB_HOUR = 0.04
    assert not {found.id for found in run_checks()} & {"runs.E005", "runs.E006", "runs.E007"}
    setattr(settings, name, value)
    assert problem in {found.id for found in run_checks()}


def test_the_secret_key_is_made_once_and_kept_private(tmp_path) -> None:
    from profiler_site.settings import stored_secret

    path = tmp_path / "data" / "secret-key"
    secret = stored_secret(path)
    assert len(secret) > 40
    assert stored_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
