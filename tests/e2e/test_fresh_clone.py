"""What a stranger gets: a fresh clone, `make run`, and nothing else, as far as a verified size.

With Docker; without it a stranger's way is the review's journey.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import used
from tests.e2e.installation import Installation, fresh_clone
from tests.e2e.visitor import sign_in, watch_to_the_end

pytestmark = pytest.mark.e2e


@pytest.fixture
def installation(place: Path) -> Iterator[Installation]:
    """It has to find the base image by itself, and keeps its data where it does by default."""
    clone = fresh_clone(place / "clone")
    yield from used(Installation(clone, clone / "var", PROFILER_BASE_IMAGE=None))


@pytest.mark.docker
def test_with_docker_the_sample_ends_verified_is_applied_and_nothing_is_lost(
    installation: Installation, page: Page
) -> None:
    with installation:
        sign_in(page, installation)
        page.get_by_role("link", name="diabetes-ridge-1").first.click()
        watch_to_the_end(page, installation)
        expect(page.locator(".verdict")).to_contain_text("Verified")
        run = page.url
        cpu, memory = apply_as_tags(page)
        see_tags_on_model(page, cpu, memory)
        assert installation.stop() < 5
        assert installation.containers() == []
        installation.start()
        page.goto(run)
        expect(page.locator(".verdict")).to_contain_text("Verified")


def apply_as_tags(page: Page) -> tuple[str, str]:
    """Apply the advice; the two sizes that the form said it would write."""
    page.get_by_role("link", name="Apply as tags").click()
    sizes = [
        page.locator("tr.new", has_text=key).locator(".value").inner_text()
        for key in ("requestedCpu", "requestedMemoryInGb")
    ]
    page.get_by_role("button", name="Apply as tags").click()
    return sizes[0], sizes[1]


def see_tags_on_model(page: Page, cpu: str, memory: str) -> None:
    expect(page).to_have_url(re.compile(r"/models/diabetes-ridge/1/$"))
    tags = page.locator("#tags")
    for key, value in (("requestedCpu", cpu), ("requestedMemoryInGb", memory)):
        expect(tags).to_contain_text(key)
        expect(tags).to_contain_text(value)
    assert float(cpu) > 0
    assert float(memory) > 0
