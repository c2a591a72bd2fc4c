"""A live run's page: it rests while nobody looks, and says so when the connection is lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from runs.models import ProfileRun
from tests.e2e.visitor import HIDE, POLLS_MS

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

#: As long as a request may take (templates/runs/_progress.html).
GIVEN_UP_MS = 10_000


@pytest.fixture
def run(make) -> ProfileRun:
    """Measuring, as a worker has left it a moment ago."""
    run = make.run()
    token = run.begin(run.attempt)
    run.progress(token, "measuring", 0.4, "Sending 100 requests/s")
    return run


def polls(page: Page) -> list[Request]:
    """Whatever the page asks the server for, from now on; its icon comes when the browser likes."""
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    return asked


def progressed(run: ProfileRun, message: str) -> None:
    ProfileRun.objects.filter(pk=run.pk).update(message=message)


def opened(page: Page, live_server, run: ProfileRun) -> Page:
    page.goto(live_server.url + run.get_absolute_url())
    expect(page.locator(".live-message")).to_contain_text("Sending 100 requests/s")
    return page


def test_a_hidden_tab_asks_for_nothing_and_goes_on_when_shown(
    live_server, visitor: Page, run
) -> None:
    page = opened(visitor, live_server, run)
    page.evaluate(HIDE, True)
    page.wait_for_load_state("networkidle")
    asked = polls(page)
    progressed(run, "Sending 200 requests/s")
    page.wait_for_timeout(3 * POLLS_MS)
    assert [request.url for request in asked if "/static/" not in request.url] == []
    expect(page.locator(".live-message")).to_contain_text("Sending 100 requests/s")
    page.evaluate(HIDE, False)
    # At once, without waiting for the next turn.
    expect(page.locator(".live-message")).to_contain_text("200 requests/s", timeout=POLLS_MS / 2)


def test_a_lost_connection_is_said_and_recovered_from(
    live_server, visitor: Page, run, complaints
) -> None:
    page = opened(visitor, live_server, run)
    lost = page.locator("[data-connection-lost]")
    expect(lost).to_be_hidden()
    page.context.set_offline(True)
    expect(lost).to_contain_text(re.compile(r"Connection lost at \d+:\d\d:\d\d.*, trying again"))
    said = lost.inner_text()
    page.wait_for_timeout(2 * POLLS_MS)
    assert lost.inner_text() == said  # since when, not the last try
    progressed(run, "Sending 300 requests/s")
    page.context.set_offline(False)
    expect(page.locator(".live-message")).to_contain_text("Sending 300 requests/s")
    expect(lost).to_be_hidden()
    complaints.clear()  # the browser's own, of what it could not load


def test_a_server_that_fails_is_said_and_recovered_from(
    live_server, visitor: Page, run, complaints
) -> None:
    page = opened(visitor, live_server, run)
    lost = page.locator("[data-connection-lost]")
    page.route("**/live/**", lambda route: route.fulfill(status=502, body="Bad gateway"))
    expect(lost).to_be_visible()
    expect(page.locator(".live-message")).to_contain_text("Sending 100 requests/s")
    page.unroute("**/live/**")
    expect(lost).to_be_hidden()
    complaints.clear()


def test_a_server_that_hangs_is_given_up_and_asked_again(
    live_server, visitor: Page, run, complaints
) -> None:
    """As when a laptop was asleep: nobody says that the connection is gone."""
    page = opened(visitor, live_server, run)
    page.route("**/live/**", lambda route: None)
    lost = page.locator("[data-connection-lost]")
    expect(lost).to_be_visible(timeout=GIVEN_UP_MS + 3 * POLLS_MS)
    page.unroute("**/live/**")
    expect(lost).to_be_hidden(timeout=GIVEN_UP_MS + 3 * POLLS_MS)
    complaints.clear()


def test_who_is_signed_out_is_told_so(live_server, visitor: Page, run, complaints) -> None:
    page = opened(visitor, live_server, run)
    page.context.clear_cookies()
    expect(page.locator("[data-connection-lost]")).to_contain_text("You are signed out")
    # Nothing of the page to sign in on is put into this one.
    expect(page.locator(".live-message")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    complaints.clear()


def test_the_page_of_a_run_that_ends_shows_how(live_server, visitor: Page, run) -> None:
    page = opened(visitor, live_server, run)
    run.refresh_from_db()
    run.fail(run.fencing_token, "NeverReady", "It did not answer in 60 s.")
    expect(page.locator(".ending")).to_contain_text("It did not answer in 60 s.")
    asked = polls(page)
    page.wait_for_timeout(2 * POLLS_MS)
    assert [request.url for request in asked if "/static/" not in request.url] == []
