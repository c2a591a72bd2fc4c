"""Every page of the site in a browser: accessible in both themes, strict, narrow, by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from tests.e2e import every_page, reading
from tests.e2e.every_page import Address

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("db")]

ADDRESSES = every_page.site_pages()
each_address = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.id)
each_kind = pytest.mark.parametrize("kind", every_page.admin_kinds())
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Site:
    """A served site with rows in it, and a session in which an administrator is signed in."""

    url: str
    rows: dict[str, object]
    session: str

    def address(self, path: str) -> str:
        return self.url + path.format_map(self.rows)


@pytest.fixture(scope="module")
def site(
    django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Made once for all pages: they are only looked at."""
    folder = tmp_path_factory.mktemp("site")
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    changes = {
        "PROFILER_DATA_DIR": folder,
        "STORAGES": {
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    }
    with override_settings(**changes), django_db_blocker.unblock():
        rows = every_page.make_rows()
        client = Client()
        client.force_login(User.objects.get(username="root"))
        server = LiveServer("localhost")
        yield Site(server.url, rows, client.cookies["sessionid"].value)
        server.stop()
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def db(site: Site) -> None:
    """The module's rows, in place of each test's own: no test changes them."""


@pytest.fixture(autouse=True)
def data_dir(site: Site, settings) -> Path:
    """The module's, in place of each test's own."""
    return settings.PROFILER_DATA_DIR


@dataclass(frozen=True)
class Tab:
    """A browser's tab, in which an administrator is signed in; and what the browser says there."""

    page: Page
    said: list[str]


@pytest.fixture(scope="module")
def tab(browser: Browser, site: Site) -> Iterator[Tab]:
    """One for all pages, as somebody goes from one to the next."""
    context = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    context.add_cookies([{"name": "sessionid", "value": site.session, "url": site.url}])
    page, said = context.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield Tab(page, said)
    context.close()


def troubles(tab: Tab, address: str, *, narrow: bool = True, keyboard: bool = False) -> list[str]:
    """All that is wrong with a page: what the browser says, its policy, in both themes, narrow,
    and by keyboard. It is loaded once: most of what this takes is loading.
    """
    page, found = tab.page, []
    tab.said.clear()
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    response = page.goto(address, wait_until="load")
    assert response.status in (200, 400), response.status
    strict = reading.policy(response)
    if strict.get("default-src") != "'none'" or "unsafe" in " ".join(strict.values()):
        found.append(f"its policy is {strict}")
    if keyboard:
        found += [f"by keyboard: {one}" for one in left_out_by_keyboard(page)]
    reading.unfold(page)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        reading.settle(page)
        wrong = reading.violations(page, only=reading.COLOUR_RULES if theme == "dark" else ())
        found += [f"{theme}: {one}" for one in wrong]
    if page.locator(reading.MENUS).count():
        page.evaluate(reading.OPENED, reading.MENUS)
        wrong = reading.violations(page, within=reading.MENUS)
        found += [f"in a menu: {one}" for one in wrong]
    if narrow:
        page.set_viewport_size(NARROW)
        reading.settle(page)
        found += [f"too wide for a phone: {one}" for one in reading.overflow(page)]
        wrong = reading.violations(page, only=reading.NARROW_RULES)
        found += [f"on a phone: {one}" for one in wrong]
    # What the browser itself says of a page that was refused on purpose is no trouble.
    said = [one for one in tab.said if response.status != 400 or "status of 400" not in one]
    return found + said


def left_out_by_keyboard(page: Page) -> list[str]:
    """What Tab does not reach, and where nothing shows that it did; as the page comes, folded."""
    reading.settle(page)
    wanted = page.evaluate(reading.CONTROLS)
    reached, unmarked = reading.walk(page)
    found = [f"nothing marks the focus of {one}" for one in unmarked]
    if not reached >= wanted > 2:
        found.append(f"Tab reaches {reached} of {wanted} controls")
    page.evaluate("document.activeElement.blur()")
    return found


def test_every_url_of_the_site_is_looked_at() -> None:
    known = set(every_page.PATHS) | every_page.NO_PAGE
    assert every_page.url_names() - known == set()
    assert known - every_page.url_names() == set()


@each_address
def test_a_page_is_accessible_strict_fits_a_phone_and_is_used_by_keyboard(
    site: Site, tab: Tab, address: Address
) -> None:
    found = troubles(tab, site.address(address.path), keyboard=True)
    assert not found, "\n".join(found)


def test_the_skip_link_comes_first_and_leads_to_the_content(site: Site, tab: Tab) -> None:
    page = tab.page
    page.goto(site.address("/runs/"))
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("path", every_page.ADMIN_PATHS)
def test_the_administration_is_accessible_strict_and_fits_a_phone(
    site: Site, tab: Tab, path: str
) -> None:
    found = troubles(tab, site.address(path))
    assert not found, "\n".join(found)


@each_kind
def test_rows_in_the_administration_are_accessible_and_strict(
    site: Site, tab: Tab, kind: str
) -> None:
    client = Client()
    client.cookies["sessionid"] = site.session
    shown = [path for path in every_page.admin_paths(kind) if client.get(path).status_code == 200]
    assert f"/admin/{kind}/" in shown
    # Tables of Django's own are wider than a phone, and scroll.
    found = {path: troubles(tab, site.address(path), narrow=False) for path in shown}
    wrong = [f"{path}: {one}" for path, some in found.items() for one in some]
    assert not wrong, "\n".join(wrong)
