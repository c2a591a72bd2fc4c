"""What a stranger gets: a fresh clone, `make run`, and nothing else; with Docker, and without.

With Docker as far as a verified size in the model's tags.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, used
from tests.e2e.installation import Installation
from tests.e2e.visitor import sign_in, watch_to_the_end

pytestmark = pytest.mark.e2e

NO_DOCKER = "unix:///nowhere/docker.sock"
HIDDEN = {"docker", "dockerd", "redis-server", "valkey-server"}


@pytest.fixture
def clone(place: Path) -> Path:
    """What is committed, and nothing that only this checkout has."""
    folder = place / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


@pytest.fixture
def without_base_image(clone: Path) -> Iterator[Installation]:
    """It has to find the base image by itself, and keeps its data where it does by default."""
    yield from used(Installation(clone, clone / "var", PROFILER_BASE_IMAGE=None))


@pytest.fixture
def without_docker(clone: Path, bare_tools: Path) -> Iterator[Installation]:
    changes = {"DOCKER_HOST": NO_DOCKER, "PATH": str(bare_tools)}
    yield from used(Installation(clone, clone / "var", **changes))


@pytest.fixture
def bare_tools(place: Path) -> Path:
    """This machine's commands, as if neither Docker nor a queue server were installed."""
    folder = place / "bin"
    folder.mkdir()
    for directory in filter(os.path.isdir, os.get_exec_path()):
        for command in os.scandir(directory):
            if command.name not in HIDDEN and not (folder / command.name).is_symlink():
                (folder / command.name).symlink_to(command.path)
    return folder


def see_the_sample_end(page: Page, installation: Installation, standing: str) -> None:
    sign_in(page, installation)
    page.get_by_role("link", name="diabetes-ridge-1").first.click()
    watch_to_the_end(page, installation)
    expect(page.locator(".verdict")).to_contain_text(standing)


@pytest.mark.docker
def test_with_docker_the_sample_ends_verified_is_applied_and_nothing_is_lost(
    without_base_image: Installation, page: Page
) -> None:
    installation = without_base_image
    with installation:
        see_the_sample_end(page, installation, "Verified")
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


def test_without_docker_the_sample_ends_measured_and_provisional(
    without_docker: Installation, page: Page
) -> None:
    installation = without_docker
    with installation:
        see_the_sample_end(page, installation, "Provisional")
        assert "plain processes" in installation.printed()
        assert installation.stop() < 5
    assert installation.processes() == []
