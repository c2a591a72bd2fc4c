"""Files dropped on a form: sent at once with progress, stopped, kept over mistakes, checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


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


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_sending_is_stopped_while_the_server_does_not_answer(
    live_server, visitor: Page, tmp_path: Path
) -> None:
    visitor.route("**/uploads/model/", lambda route: None)
    visitor.goto(f"{live_server.url}/models/register/")
    drop(visitor, written(tmp_path, "factor.txt", "2.5"))
    visitor.get_by_role("button", name="Stop sending").click()
    expect(visitor.locator("[data-upload-status]")).to_have_text(
        "Sending was stopped. Nothing was kept."
    )
    expect(staged(visitor)).to_be_empty()


def test_a_mistake_elsewhere_and_a_reload_send_nothing_twice(
    live_server, visitor: Page, tmp_path: Path, complaints: list[str]
) -> None:
    visitor.goto(f"{live_server.url}/models/register/")
    drop(visitor, written(tmp_path, "factor.txt", "2.5"))
    expect(staged(visitor)).to_contain_text("factor.txt")
    visitor.get_by_label("Name").fill("no good")
    visitor.reload()
    expect(staged(visitor)).to_contain_text("factor.txt")
    expect(visitor.get_by_label("Name")).to_have_value("no good")
    visitor.get_by_role("button", name="Register model").click()
    expect(visitor.get_by_role("alert")).to_contain_text("need not be chosen again")
    complaints.clear()  # the browser's own, of the answer that the form was refused with
    visitor.get_by_label("Name").fill("factor")
    visitor.get_by_role("button", name="Register model").click()
    expect(visitor).to_have_url(re.compile(r"/models/factor/1/$"))


def test_a_script_dropped_over_a_broken_one_takes_its_place(
    live_server, visitor: Page, tmp_path: Path
) -> None:
    visitor.goto(f"{live_server.url}/configs/register/")
    drop(visitor, written(tmp_path, "score.py", "def init():\n    pass\n"))
    expect(visitor.locator("#checked")).to_contain_text("has no run()")
    drop(visitor, written(tmp_path, "score.py", "def init(): ...\ndef run(data): return data\n"))
    expect(visitor.locator("#checked")).to_contain_text("This can be served")
    expect(visitor.locator("#checked .highlight")).to_contain_text("def run(data)")
