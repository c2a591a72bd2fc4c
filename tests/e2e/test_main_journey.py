"""From signing in to a verified size in a model's tags, in a browser, on real containers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.installation import Installation
from tests.e2e.visitor import sign_in, watch_to_the_end

pytestmark = [pytest.mark.e2e, pytest.mark.docker]


def test_a_run_is_started_watched_and_its_size_applied(
    installation: Installation, page: Page
) -> None:
    installation.prepare_sample()
    with installation:
        sign_in(page, installation)
        start_run_of_sample(page)
        watch_to_the_end(page, installation)
        cpu, memory = apply_as_tags(page)
        see_tags_on_model(page, cpu, memory)
        assert installation.stop() < 5
    assert installation.containers() == []


def start_run_of_sample(page: Page) -> None:
    """From the model's page; config, dataset and target are filled in, being the only ones."""
    page.get_by_role("link", name="Models").first.click()
    page.get_by_role("link", name="diabetes-ridge").first.click()
    page.get_by_role("link", name="Profile it").first.click()
    page.get_by_label("At a rate").check()
    page.get_by_label("Requests a second", exact=True).fill("75")
    page.get_by_label("A latency bound").check()
    page.get_by_label("At most, milliseconds").fill("50")
    page.get_by_role("button", name="Start the run").click()
    expect(page).to_have_url(re.compile(r"/runs/diabetes-ridge-1/$"))


def apply_as_tags(page: Page) -> tuple[str, str]:
    """Apply the advice; the two sizes that the form said it would write."""
    expect(page.locator(".verdict")).to_contain_text("Verified")
    page.get_by_role("link", name="Apply as tags").click()
    sizes = [
        page.locator("tr.new", has_text=key).locator(".value").inner_text()
        for key in ("requestedCpu", "requestedMemoryInGb")
    ]
    page.get_by_role("button", name="Apply as tags").click()
    return sizes[0], sizes[1]


def see_tags_on_model(page: Page, cpu: str, memory: str) -> None:
    expect(page).to_have_url(re.compile(r"/models/diabetes-ridge/1/$"))
    tags = page.locator("body")
    for key, value in (("requestedCpu", cpu), ("requestedMemoryInGb", memory)):
        expect(tags).to_contain_text(key)
        expect(tags).to_contain_text(value)
    assert float(cpu) > 0
    assert float(memory) > 0
