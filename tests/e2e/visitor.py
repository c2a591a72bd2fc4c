"""What somebody does in the browser, in more than one journey."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.installation import Installation

RUN_TIMEOUT_MS = 300_000
#: How often a live page asks.
POLLS_MS = 2000
#: What a browser does to the page of a tab that is hidden, or shown again.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

#: How a declined advice begins when its measurement may not be believed.
NOISE = re.compile(r"measurement( at the largest size)? is invalid")
NOISY_RUNS = 2


def sign_in(page: Page, installation: Installation) -> None:
    page.goto(installation.address)
    expect(page).to_have_url(re.compile("/sign-in/"))
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/runs/"))


def watch_to_the_end(page: Page, installation: Installation) -> None:
    """Look at a run's page, touching nothing, until it shows how the run ended.

    Where the host was too noisy to be believed, do what the page offers then: run it again.
    """
    for _ in range(NOISY_RUNS):
        _see_end(page, installation)
        if not NOISE.search(page.locator(".verdict").inner_text()):
            return
        before = page.url
        page.get_by_role("button", name="Run again").click()
        expect(page).not_to_have_url(before)
    _see_end(page, installation)


def _see_end(page: Page, installation: Installation) -> None:
    ending = page.locator(".verdict, .ending")
    ending.first.wait_for(timeout=RUN_TIMEOUT_MS)
    message = f"{ending.first.inner_text()}\n\n{installation.printed()}"
    assert page.locator(".ending").count() == 0, message
