"""A browser, and installations that leave nothing behind."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.installation import ROOT, Installation

# Playwright's loop runs in the thread of the test, which reads and writes rows as well.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> str:
    """This machine's browser, kept off the cores that services are measured on.

    Someone watching from their own machine would not disturb the measurement either. Where tests
    run beside each other nothing is measured.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"none of {', '.join(BROWSERS)} is installed: apt-get install chromium"
    if "PYTEST_XDIST_WORKER" in os.environ:
        return found
    wrapper = tmp_path_factory.mktemp("browser") / "chromium"
    last_core = max(os.sched_getaffinity(0))
    wrapper.write_text(f'#!/bin/sh\nexec taskset --cpu-list {last_core} {found} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about; whoever provokes it on purpose clears it."""
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A new visitor's page; anything the browser complains about fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # Shown when the test fails.
    sys.stdout.write(f"At the end the browser was at {page.url}:\n{page.inner_text('body')}\n")
    context.close()
    assert complaints == []


@pytest.fixture
def visitor(page: Page, client, alice, live_server) -> Page:
    """The same, signed in to the site under test as Alice: for pages of runs that are stored."""
    client.force_login(alice)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    return page


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder with a short path, since a socket's path may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def installation(place: Path) -> Iterator[Installation]:
    """This checkout, on data of its own, before it is started."""
    yield from used(Installation(ROOT, place / "data"))


def used(site: Installation) -> Iterator[Installation]:
    """An installation that a test may start; what it printed is shown when the test fails."""
    yield site
    site.kill()
    sys.stdout.write(site.printed())
