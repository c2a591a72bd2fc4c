"""What every answer goes through: the visitor's zone, compression."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from runs.models import ProfileRun

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.fixture
def run(make) -> ProfileRun:
    run = make.run()
    ProfileRun.objects.filter(pk=run.pk).update(created_at=NOON)
    return run


@pytest.mark.parametrize(
    ("zone", "title", "date"),
    [
        ("Europe/Berlin", "1 February 2026, 00:30:00 CET", "1 Feb 2026"),
        ("America/New_York", "31 January 2026, 18:30:00 EST", "31 Jan 2026"),
        ("", "31 January 2026, 23:30:00 UTC", "31 Jan 2026"),
        ("../../etc/passwd", "31 January 2026, 23:30:00 UTC", "31 Jan 2026"),
        ("Nowhere/Land", "31 January 2026, 23:30:00 UTC", "31 Jan 2026"),
    ],
)
def test_times_are_in_the_visitors_zone(signed_in, run, zone, title, date) -> None:
    signed_in.cookies["zone"] = zone
    page = signed_in.get("/runs/").content.decode()
    assert f'title="{title}">{date}</time>' in page
    assert 'datetime="2026-01-31T23:30:00+00:00"' in page


def test_files_are_in_utc_whatever_the_zone(signed_in, run) -> None:
    signed_in.cookies["zone"] = "Europe/Berlin"
    assert b"2026-01-31T23:30:00Z" in signed_in.get("/runs/?format=csv").getvalue()


def test_text_is_compressed_for_who_takes_it(signed_in, run) -> None:
    page = signed_in.get("/runs/", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert run.name in gzip.decompress(page.content).decode()
    assert "content-encoding" not in signed_in.get("/runs/").headers
