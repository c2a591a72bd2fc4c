"""Lists in a browser: search, keyboard, saved filters, columns, many rows, zone and theme."""

from __future__ import annotations

import os
import re

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from runs.models import ProfileRun
from tests.measured_runs import failed_run, sized_run

# Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(make) -> None:
    models = [make.model("ridge", tags={"team": "risk"})]
    parts = {"config": make.config(), "dataset": make.dataset(), "target": make.target()}
    for name in ("alpha", "beta"):
        sized_run(make, name=name, models=models, **parts)
    failed_run(make, "OutOfMemory", "Killed", name="gamma", models=models, **parts)
    make.run(name="delta", models=models, **parts)


@pytest.fixture
def visitor(live_server, browser: Browser, alice, runs) -> Page:
    """Alice in New York, at the list of runs; anything the browser complains about fails."""
    client = Client()
    client.force_login(alice)
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        timezone_id="America/New_York",
        color_scheme="dark",
        base_url=live_server.url,
    )
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/runs/?sort=name")
    yield page
    context.close()
    assert complaints == []


def test_two_runs_are_compared_with_the_keyboard_alone(visitor: Page) -> None:
    for key in "jxjxc":
        visitor.keyboard.press(key)
    expect(visitor).to_have_url(re.compile(r"/runs/compare/\?runs=alpha,beta$"))


def test_the_search_is_focused_suggests_and_leads_there(visitor: Page) -> None:
    visitor.keyboard.press("/")
    visitor.keyboard.type("risk")
    suggested = visitor.get_by_role("link", name="ridge:1")
    expect(suggested).to_be_visible()
    visitor.keyboard.press("ArrowDown")
    visitor.keyboard.press("Enter")
    expect(visitor).to_have_url(re.compile("/models/ridge/1/$"))
    visitor.wait_for_load_state()
    visitor.keyboard.press("/")
    visitor.keyboard.type("gamma")
    visitor.keyboard.press("Enter")
    expect(visitor).to_have_url(re.compile(r"/search/\?q=gamma$"))
    expect(visitor.get_by_role("heading", name="Runs")).to_be_visible()


def test_the_shortcuts_are_listed_go_places_and_can_be_switched_off(visitor: Page) -> None:
    visitor.keyboard.press("?")
    expect(visitor.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    visitor.keyboard.press("Escape")
    visitor.keyboard.press("g")
    visitor.keyboard.press("m")
    expect(visitor).to_have_url(re.compile("/models/$"))
    # Keys count once the page's scripts have run.
    visitor.wait_for_load_state()
    visitor.keyboard.press("?")
    visitor.get_by_label("Use these shortcuts in this browser").uncheck()
    visitor.keyboard.press("Escape")
    visitor.keyboard.press("g")
    visitor.keyboard.press("r")
    visitor.keyboard.press("/")
    expect(visitor).to_have_url(re.compile("/models/$"))
    assert visitor.evaluate("document.activeElement.name") != "q"


def test_a_filter_is_saved_applied_and_deleted(visitor: Page) -> None:
    visitor.get_by_role("combobox", name="State").select_option("failed")
    visitor.get_by_role("button", name="Search", exact=True).click()
    visitor.locator("summary", has_text="Save").click()
    visitor.get_by_label("Save this filter and order as").fill("Broken")
    visitor.locator(".menu-form").get_by_role("button", name="Save", exact=True).click()
    visitor.goto("/runs/")
    visitor.get_by_role("link", name="Broken", exact=True).click()
    expect(visitor.locator("tbody tr")).to_have_count(1)
    visitor.get_by_role("button", name="Delete the saved filter Broken").click()
    expect(visitor.get_by_role("link", name="Broken", exact=True)).to_have_count(0)


def test_columns_are_chosen_and_stay(visitor: Page) -> None:
    visitor.get_by_text("Columns", exact=True).click()
    visitor.get_by_label("Target").last.uncheck()
    visitor.get_by_label("Objective").check()
    visitor.get_by_role("button", name="Show these").click()
    visitor.goto("/runs/")
    headers = visitor.locator("thead th").all_inner_texts()
    assert "Objective" in headers
    assert "Target" not in headers


def test_all_rows_are_checked_and_what_happened_to_each_is_said(visitor: Page) -> None:
    visitor.get_by_label("Check all on this page").check()
    expect(visitor.get_by_text("4 checked")).to_be_visible()
    visitor.get_by_role("button", name="Cancel", exact=True).click()
    visitor.get_by_role("button", name="Cancel: 4 runs").click()
    expect(visitor.get_by_text("Not cancelled, already succeeded:")).to_be_visible()
    expect(visitor.get_by_text("Being cancelled; what it measured so far is kept:")).to_be_visible()
    assert ProfileRun.objects.get(name="delta").state == "cancelled"


def test_times_are_in_the_zone_of_the_browser(visitor: Page) -> None:
    title = lambda: visitor.locator("tbody time").first.get_attribute("title")  # noqa: E731
    first = title()
    assert re.search(r" E[SD]T$", first)
    visitor.reload()
    # Now by the server, which has been told.
    assert title() == first


def test_the_theme_goes_round_and_comes_back_to_the_systems(visitor: Page) -> None:
    theme = lambda: visitor.evaluate("document.documentElement.dataset.bsTheme")  # noqa: E731
    seen = [theme()]
    for _ in range(3):
        visitor.get_by_role("button", name=re.compile("^Theme: ")).click()
        seen.append(theme())
    assert seen == ["dark", "light", "dark", "dark"]
    assert visitor.evaluate("document.documentElement.dataset.themeChosen") == "system"
