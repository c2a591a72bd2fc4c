"""What a visitor's browser sees: when a page's charts are drawn, and how much it fetched."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.kit.script import NotHere

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRAWN_TIMEOUT_S = 20
#: Set in every page before its own scripts: notes when the charts in view, and when all are drawn.
WATCH = """
window.drawn = {};
const isDrawn = (box) => box.querySelector(".main-svg");
const isInView = (box) => box.getBoundingClientRect().top < innerHeight;
const look = () => {
  const boxes = [...document.querySelectorAll("[data-chart]")];
  if (document.readyState !== "loading" && boxes.length) {
    if (boxes.filter(isInView).every(isDrawn)) drawn.inView ??= performance.now();
    if (boxes.every(isDrawn)) drawn.all ??= performance.now();
  }
  if (!drawn.all) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


@dataclass(frozen=True)
class View:
    """One page shown: seconds until the charts in view, and all, were drawn; bytes fetched."""

    in_view_s: float
    all_s: float
    bytes: int


@contextmanager
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise NotHere(f"none of {', '.join(BROWSERS)} is installed: apt-get install chromium")
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@contextmanager
def visitor(browser: Browser, address: str, session: str) -> Iterator[BrowserContext]:
    """Somebody signed in whose cache is empty."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
    context.add_init_script(WATCH)
    yield context
    context.close()


def view(context: BrowserContext, url: str) -> View:
    page = context.new_page()
    weight = Weight(page)
    page.goto(url, wait_until="load")
    # Charts further down may wait until someone comes near them.
    _wait_for(page, "inView")
    _scroll_through(page)
    drawn = _wait_for(page, "all")
    page.close()
    return View(drawn["inView"] / 1000, drawn["all"] / 1000, weight.bytes)


def _wait_for(page: Page, what: str) -> dict[str, float]:
    """The page's policy forbids the waiting that the browser's driver has."""
    end = time.monotonic() + DRAWN_TIMEOUT_S
    while what not in (drawn := page.evaluate("window.drawn")):
        if time.monotonic() > end:
            raise TimeoutError(f"{page.url}: not all charts were drawn in {DRAWN_TIMEOUT_S} s")
        time.sleep(0.02)
    return drawn


def _scroll_through(page: Page) -> None:
    page.evaluate(
        "for (const box of document.querySelectorAll('[data-chart]')) box.scrollIntoView()"
    )


class Weight:
    """Bytes that came over the wire, as the browser's own network log has them."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        log = page.context.new_cdp_session(page)
        log.send("Network.enable")
        log.on("Network.loadingFinished", self._add)

    def _add(self, event: dict) -> None:
        self.bytes += event["encodedDataLength"]
