"""Everything registered by upload, then a run of it to the end, and two cancelled: by keyboard.

On a machine without Docker, as its processes: it takes no image to build, and no sizes to search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import keyboard
from tests.e2e.conftest import used
from tests.e2e.installation import ROOT, Installation

pytestmark = pytest.mark.e2e

RUN_TIMEOUT_MS = 240_000

#: It needs no package.
SCORE = """
import json, os

def init():
    global factor
    folder = os.environ["AZUREML_MODEL_DIR"]
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    factor = float(open(paths[0]).read())

def run(raw_data):
    return [factor * value for value in json.loads(raw_data)["data"]]
"""
ROWS = "".join(f'{{"data": [{number}, 2, 3]}}\n' for number in range(30))


@pytest.fixture
def as_processes(place: Path) -> Iterator[Installation]:
    """This checkout with nothing registered but a target of processes."""
    changes = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "PROFILER_ALLOW_PROCESS_TARGET": "1"}
    site = Installation(ROOT, place / "data", **changes)
    (place / "data").mkdir()
    (place / "data" / "sample-registered").touch()
    yield from used(site)


@pytest.fixture
def files(place: Path) -> Path:
    folder = place / "files"
    folder.mkdir()
    (folder / "factor.txt").write_text("2.5")
    (folder / "rows.jsonl").write_text(ROWS)
    (folder / "score.py").write_text(SCORE)
    return folder


def go(page: Page, *links: str) -> None:
    for link in links:
        keyboard.press(page, page.get_by_role("link", name=link).first)


def register_model(page: Page, files: Path) -> None:
    go(page, "Models", "Register model")
    keyboard.fill(page, page.get_by_label("Name"), "factor")
    keyboard.choose_file(page, page.get_by_label("Model file or files"), files / "factor.txt")
    expect(page.locator("[data-staged]")).to_contain_text("factor.txt")
    keyboard.press(page, page.get_by_role("button", name="Register model"))
    expect(page).to_have_url(re.compile(r"/models/factor/1/$"))


def register_dataset(page: Page, files: Path) -> None:
    """Its rows are shown before it is kept."""
    go(page, "Datasets", "Register dataset")
    keyboard.fill(page, page.get_by_label("Name"), "rows")
    keyboard.choose_file(page, page.get_by_label("Dataset file"), files / "rows.jsonl")
    expect(page.locator("#checked")).to_contain_text("30 rows, 30 different")
    keyboard.press(page, page.get_by_role("button", name="Register dataset"))
    expect(page).to_have_url(re.compile(r"/datasets/rows/1/$"))


def register_config(page: Page, files: Path) -> None:
    """Its script is shown and checked before it is kept."""
    go(page, "Configs", "Register config")
    keyboard.fill(page, page.get_by_label("Name"), "multiply")
    keyboard.choose_file(page, page.get_by_label("Source files"), files / "score.py")
    expect(page.locator("#checked")).to_contain_text("This can be served")
    expect(page.locator("#checked .highlight")).to_contain_text("def run(raw_data)")
    keyboard.press(page, page.get_by_role("button", name="Register config"))
    expect(page).to_have_url(re.compile(r"/configs/multiply/1/$"))


def start_run(page: Page) -> None:
    """All that there is to choose from is chosen already, but for the model."""
    go(page, "New run")
    keyboard.fill(page, page.get_by_role("combobox", name="Models"), "factor")
    page.keyboard.press("Enter")
    keyboard.press(page, page.get_by_role("link", name="People wait for it"))
    expect(page.locator("#told")).to_contain_text("20 requests/s, Poisson; p99 under 80 ms")
    expect(page.locator("#told-more")).to_contain_text("How long it takes")
    # What is enough of for a p99 comes ten times sooner.
    keyboard.fill(page, page.get_by_label("Requests a second", exact=True), "200")
    expect(page.locator("#told")).to_contain_text("200 requests/s, Poisson; p99 under 80 ms")
    keyboard.press(page, page.get_by_role("button", name="Start the run"))
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^factor-\d+$"))


def test_everything_is_registered_by_upload_and_run(
    as_processes: Installation, page: Page, files: Path
) -> None:
    # Dialogues are caught from now on: a key may be quicker than the waiting for one of them.
    page.on("filechooser", lambda dialogue: None)
    with as_processes:
        keyboard.sign_in(page, as_processes.address, "admin", as_processes.password)
        register_model(page, files)
        register_dataset(page, files)
        register_config(page, files)
        start_run(page)
        # A noisy host may decline what is otherwise provisional; either is a verdict.
        page.locator(".verdict").wait_for(timeout=RUN_TIMEOUT_MS)
        repeat_and_cancel(page)
        force_a_run_that_does_not_stop(page, as_processes)
        as_processes.stop()
    assert as_processes.processes() == []


def repeat_and_cancel(page: Page) -> None:
    """The first step: it is asked to stop, and stops by itself."""
    keyboard.press(page, page.get_by_role("button", name="Run again"))
    expect(page.get_by_role("heading", level=1)).to_have_text("factor-2")
    page.locator(".live-now", has_text=re.compile("Measuring|Warming|Checking")).wait_for(
        timeout=RUN_TIMEOUT_MS
    )
    keyboard.press(page, page.get_by_role("link", name="Cancel run"))
    expect(page.get_by_text("First step: ask it to stop")).to_be_visible()
    keyboard.press(page, page.get_by_role("button", name="Ask it to stop"))
    page.locator(".ending").wait_for(timeout=RUN_TIMEOUT_MS)
    expect(page.locator(".ending")).to_contain_text("Cancelled by admin")
    expect(page.locator(".ending")).to_contain_text("It stopped by itself")


def force_a_run_that_does_not_stop(page: Page, installation: Installation) -> None:
    """The second step: its job hangs, which is no time to wait for the sweeper."""
    keyboard.press(page, page.get_by_role("button", name="Run again"))
    expect(page.get_by_role("heading", level=1)).to_have_text("factor-3")
    page.locator(".live-now", has_text=re.compile("Measuring|Warming|Checking")).wait_for(
        timeout=RUN_TIMEOUT_MS
    )
    installation.freeze_job()
    keyboard.press(page, page.get_by_role("link", name="Cancel run"))
    keyboard.press(page, page.get_by_role("button", name="Ask it to stop"))
    expect(page.locator("#live")).to_contain_text("Asked to stop by admin")
    keyboard.press(page, page.get_by_role("link", name="Stop by force"))
    expect(page.get_by_text("Second step: by force")).to_be_visible()
    keyboard.press(page, page.get_by_role("button", name="Stop by force"))
    expect(page.locator(".ending")).to_contain_text("stopped by force by admin")
