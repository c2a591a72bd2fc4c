"""Everything registered by upload in a browser, then a run of it to the end; and one cancelled.

On a machine without Docker, as its processes: it takes no image to build, and no sizes to search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import ROOT, used
from tests.e2e.installation import Installation
from tests.e2e.visitor import sign_in

pytestmark = pytest.mark.e2e

RUN_TIMEOUT_MS = 120_000

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


def drop(page: Page, path: Path) -> None:
    """What a browser does when a file is let go over the form."""
    zone = page.locator("[data-drop-zone]")
    transfer = page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name));
            return transfer;
        }""",
        [path.name, path.read_text()],
    )
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": transfer})


def staged(page: Page) -> Locator:
    return page.locator("[data-staged]")


def stop_sending(page: Page, path: Path) -> None:
    """While a server that does not answer is being sent to."""
    address = "**/uploads/model/"
    page.route(address, lambda route: None)
    drop(page, path)
    page.get_by_role("button", name="Stop sending").click()
    expect(page.locator("[data-upload-status]")).to_have_text(
        "Sending was stopped. Nothing was kept."
    )
    expect(staged(page)).to_be_empty()
    page.unroute(address)


def register_model(page: Page, files: Path) -> None:
    """By dropping it; a mistake elsewhere and a reload send nothing twice."""
    page.get_by_role("link", name="Models").first.click()
    page.get_by_role("link", name="Register model").first.click()
    stop_sending(page, files / "factor.txt")
    drop(page, files / "factor.txt")
    expect(staged(page)).to_contain_text("factor.txt")
    page.get_by_label("Name").fill("no good")
    page.reload()
    expect(staged(page)).to_contain_text("factor.txt")
    expect(page.get_by_label("Name")).to_have_value("no good")
    page.get_by_role("button", name="Register model").click()
    expect(page.get_by_role("alert")).to_contain_text("need not be chosen again")
    page.get_by_label("Name").fill("factor")
    page.get_by_role("button", name="Register model").click()
    expect(page).to_have_url(re.compile(r"/models/factor/1/$"))


def register_dataset(page: Page, files: Path) -> None:
    """With the plain field, as the keyboard does it; its rows are shown before it is kept."""
    page.get_by_role("link", name="Datasets").first.click()
    page.get_by_role("link", name="Register dataset").first.click()
    page.get_by_label("Dataset file").set_input_files(files / "rows.jsonl")
    expect(page.locator("#checked")).to_contain_text("30 rows, 30 different")
    page.get_by_label("Name").fill("rows")
    page.get_by_role("button", name="Register dataset").click()
    expect(page).to_have_url(re.compile(r"/datasets/rows/1/$"))


def register_config(page: Page, files: Path) -> None:
    """A script that cannot be served is said before it is kept; another takes its place."""
    page.get_by_role("link", name="Configs").first.click()
    page.get_by_role("link", name="Register config").first.click()
    broken = files / "broken" / "score.py"
    broken.parent.mkdir()
    broken.write_text("def init():\n    pass\n")
    drop(page, broken)
    expect(page.locator("#checked")).to_contain_text("has no run()")
    drop(page, files / "score.py")
    expect(page.locator("#checked")).to_contain_text("This can be served")
    expect(page.locator("#checked .highlight")).to_contain_text("def run(raw_data)")
    page.get_by_label("Name").fill("multiply")
    page.get_by_role("button", name="Register config").click()
    expect(page).to_have_url(re.compile(r"/configs/multiply/1/$"))


def start_run(page: Page) -> None:
    """All that there is to choose from is chosen already, but for the model."""
    page.get_by_role("link", name="New run").first.click()
    models = page.get_by_role("combobox", name="Models")
    models.fill("factor")
    models.press("Enter")
    page.get_by_role("link", name="People wait for it").click()
    expect(page.locator("#told")).to_contain_text("20 requests/s, Poisson; p99 under 80 ms")
    expect(page.locator("#told-more")).to_contain_text("How long it takes")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^factor-\d+$"))


def test_everything_is_registered_by_upload_and_run(
    as_processes: Installation, page: Page, files: Path
) -> None:
    with as_processes:
        sign_in(page, as_processes)
        register_model(page, files)
        register_dataset(page, files)
        register_config(page, files)
        start_run(page)
        # A noisy host may decline what is otherwise provisional; either is a verdict.
        page.locator(".verdict").wait_for(timeout=RUN_TIMEOUT_MS)
        repeat_and_cancel(page)
        force_a_run_that_does_not_stop(page, as_processes)
        assert as_processes.stop() < 5
    assert as_processes.processes() == []


def repeat_and_cancel(page: Page) -> None:
    """The first step: it is asked to stop, and stops by itself."""
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("factor-2")
    page.locator(".live-now", has_text=re.compile("Measuring|Warming|Checking")).wait_for(
        timeout=RUN_TIMEOUT_MS
    )
    page.get_by_role("link", name="Cancel run").click()
    expect(page.get_by_text("First step: ask it to stop")).to_be_visible()
    page.get_by_role("button", name="Ask it to stop").click()
    page.locator(".ending").wait_for(timeout=RUN_TIMEOUT_MS)
    expect(page.locator(".ending")).to_contain_text("Cancelled by admin")
    expect(page.locator(".ending")).to_contain_text("It stopped by itself")


def force_a_run_that_does_not_stop(page: Page, installation: Installation) -> None:
    """The second step: its job hangs, which is no time to wait for the sweeper."""
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("factor-3")
    page.locator(".live-now", has_text=re.compile("Measuring|Warming|Checking")).wait_for(
        timeout=RUN_TIMEOUT_MS
    )
    installation.freeze_job()
    page.get_by_role("link", name="Cancel run").click()
    page.get_by_role("button", name="Ask it to stop").click()
    expect(page.locator("#live")).to_contain_text("Asked to stop by admin")
    page.get_by_role("link", name="Stop by force").click()
    expect(page.get_by_text("Second step: by force")).to_be_visible()
    page.get_by_role("button", name="Stop by force").click()
    expect(page.locator(".ending")).to_contain_text("stopped by force by admin")
