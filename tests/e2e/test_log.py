"""Words are looked for in the whole log of a run, on its page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.measured_runs import sized_run

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_lines_of_the_log_are_found_and_marked(live_server, visitor: Page, make) -> None:
    run = sized_run(make)
    visitor.goto(live_server.url + run.get_absolute_url())
    visitor.get_by_role("heading", name="Log").click()
    visitor.get_by_label("Find in the whole log").fill("SERVICE")
    found = visitor.get_by_role("region", name="Lines found in the log")
    expect(found).to_have_text("2: [starting] Starting the service\n")
    expect(found.locator("mark")).to_have_text("service")
    expect(visitor.locator("[data-log-search] output")).to_have_text("1 line")
    expect(visitor.get_by_role("log")).to_be_hidden()
    visitor.get_by_label("Find in the whole log").fill("")
    expect(visitor.get_by_role("log")).to_contain_text("Using the image")
