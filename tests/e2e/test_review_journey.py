"""A run started, two compared, and a size proposed, reviewed, applied and reverted, by keyboard.

By three people with different roles, on one installation that asks for a review: a fresh clone on a
machine that has neither Docker nor a queue server. So runs are of processes, and over soon.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import keyboard
from tests.e2e.installation import Installation, fresh_clone
from tests.e2e.visitor import HIDE, NOISE, POLLS_MS, RUN_TIMEOUT_MS

pytestmark = pytest.mark.e2e

PASSWORD = "staple horse battery correct"
ROLES = {"alice": "contributor", "carol": "reviewer", "victor": "viewer"}
PEOPLE = f"""
from django.contrib.auth.models import Group, User
for name, role in {ROLES!r}.items():
    User.objects.create_user(name, password={PASSWORD!r}).groups.add(Group.objects.get(name=role))
"""
HIDDEN = {"docker", "dockerd", "redis-server", "valkey-server"}
RUNS = ("diabetes-ridge-1", "diabetes-ridge-2")


@pytest.fixture(scope="module")
def profiled(browser: Browser) -> Iterator[Installation]:
    """With three people and two runs of the sample: its own, and one that Alice asked for."""
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    clone = fresh_clone(folder / "clone")
    hidden = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "PATH": str(bare_tools(folder))}
    site = Installation(clone, clone / "var", SIZING_REVIEW="required", **hidden)
    try:
        with site:
            site.manage("shell", "--verbosity", "0", "-c", PEOPLE)
            page = browser.new_page()
            keyboard.sign_in(page, site.address, "alice", PASSWORD)
            start_run_of_sample(page)
            page.context.close()
            yield site
            assert "plain processes" in site.printed()
            assert site.stop() < 5
        assert site.processes() == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bare_tools(folder: Path) -> Path:
    """This machine's commands, as if neither Docker nor a queue server were installed."""
    tools = folder / "bin"
    tools.mkdir()
    for directory in filter(os.path.isdir, os.get_exec_path()):
        for command in os.scandir(directory):
            if command.name not in HIDDEN and not (tools / command.name).is_symlink():
                (tools / command.name).symlink_to(command.path)
    return tools


def start_run_of_sample(page: Page) -> None:
    """From the model's page; config, dataset and target are filled in, being the only ones."""
    keyboard.press(page, page.get_by_role("link", name="Models").first)
    keyboard.press(page, page.get_by_role("link", name="diabetes-ridge").first)
    keyboard.press(page, page.get_by_role("link", name="Profile it").first)
    keyboard.check(page, page.get_by_label("At a rate"))
    keyboard.fill(page, page.get_by_label("Requests a second", exact=True), "75")
    keyboard.check(page, page.get_by_label("A latency bound"))
    keyboard.fill(page, page.get_by_label("At most, milliseconds"), "50")
    keyboard.press(page, page.get_by_role("button", name="Start the run"))
    expect(page).to_have_url(re.compile(f"/runs/{RUNS[1]}/$"))


@pytest.fixture
def visit(browser: Browser, profiled: Installation) -> Iterator[Callable[[str], Page]]:
    """A browser of each person's own, signed in by keyboard; no page may complain."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def signed_in(name: str) -> Page:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            keyboard.sign_in(page, profiled.address, name, PASSWORD)
            return page

        yield signed_in
    assert complaints == []


def test_a_live_page_says_when_it_is_cut_off_and_rests_while_hidden(
    visit: Callable[[str], Page], profiled: Installation
) -> None:
    page = visit("alice")
    page.goto(f"{profiled.address}runs/{RUNS[1]}/")
    lost = page.locator("[data-connection-lost]")
    page.context.set_offline(True)
    expect(lost).to_contain_text("Connection lost at")
    page.context.set_offline(False)
    expect(lost).to_be_hidden()
    page.evaluate(HIDE, True)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2 * POLLS_MS)
    assert asked == []
    with page.expect_response(re.compile("/live/")) as answer:
        page.evaluate(HIDE, False)
    assert answer.value.ok


def ended(page: Page, site: Installation, run: str) -> bool:
    """Wait at a run's page until it ended; whether its measurement may be believed."""
    page.goto(f"{site.address}runs/{run}/")
    ending = page.locator(".verdict, .ending").first
    ending.wait_for(timeout=RUN_TIMEOUT_MS)
    said = ending.inner_text()
    assert page.locator(".ending").count() == 0, said
    if NOISE.search(said):
        return False
    assert "Provisional" in said  # a size of processes has not been run at
    return True


@pytest.fixture
def believed(visit: Callable[[str], Page], profiled: Installation) -> str:
    """The last run that this machine was quiet enough for."""
    page = visit("alice")
    found = [run for run in RUNS if ended(page, profiled, run)]
    assert found, f"the machine was too noisy for every run: {profiled.printed()}"
    return found[-1]


def test_two_runs_are_compared(
    visit: Callable[[str], Page], profiled: Installation, believed: str
) -> None:
    page = visit("alice")
    page.goto(f"{profiled.address}runs/{RUNS[1]}/")
    other = page.get_by_label("Compare with")
    keyboard.choose(page, other, RUNS[0])
    keyboard.press(page, page.get_by_role("button", name="Compare", exact=True))
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    for run in RUNS:
        expect(page.locator("main")).to_contain_text(run)
    keyboard.press(page, page.get_by_role("link", name="Differences only"))
    expect(page).to_have_url(re.compile("differences"))


def test_a_size_is_proposed_reviewed_applied_and_reverted(
    visit: Callable[[str], Page], profiled: Installation, believed: str
) -> None:
    alice, carol, victor = (visit(name) for name in ROLES)
    run = f"{profiled.address}runs/{believed}/"
    refused(victor, run, "propose/")
    address = propose(alice, run)
    # Who proposed it cannot approve it, in the page or past it.
    expect(alice.locator("#why-approve")).to_contain_text("takes the role reviewer")
    assert posted(alice, address, "approve") == 403
    assert posted(victor, address, "comment") == 403
    approve(carol, profiled)
    apply(alice, address)
    model = f"{profiled.address}models/diabetes-ridge/1/"
    victor.goto(model)
    expect(victor.locator("#tags")).to_contain_text("requestedCpu")
    expect(victor.locator("#size")).to_contain_text(believed)
    expect(victor.get_by_role("button", name="Set tag")).to_have_count(0)
    revert(carol, address)
    victor.reload()
    expect(victor.locator("#size")).to_contain_text("none in the tags")


def refused(page: Page, run: str, action: str) -> None:
    """A viewer is led to nothing that changes something, and refused at its address."""
    page.goto(run)
    expect(page.get_by_role("link", name="New run")).to_have_count(0)
    assert page.goto(f"{run}{action}").status == 403
    expect(page.locator("main")).to_contain_text("takes the role contributor")


def propose(page: Page, run: str) -> str:
    page.goto(run)
    keyboard.press(page, page.get_by_role("link", name=re.compile("^Propose")).first)
    keyboard.fill(page, page.get_by_label("Why"), "Less than half of what it has, **@carol**.")
    keyboard.press(page, page.get_by_role("button", name="Propose", exact=True))
    expect(page).to_have_url(re.compile(r"/review/\d+/$"))
    expect(page.locator(".events strong .mention")).to_have_text("@carol")
    return page.url


def approve(page: Page, site: Installation) -> None:
    """From the inbox, which counts what waits."""
    page.goto(site.address)
    inbox = page.get_by_role("link", name=re.compile("Review 1")).first
    keyboard.press(page, inbox)
    keyboard.press(page, page.get_by_role("link", name="#1", exact=True))
    keyboard.fill(page, page.get_by_label("Your words"), "Agreed.")
    confirm_what_speaks_against_it(page)
    keyboard.press(page, page.get_by_role("button", name="Approve", exact=True))
    expect(page.locator(".event-approved")).to_contain_text("Agreed.")


def apply(page: Page, address: str) -> None:
    page.goto(address)
    confirm_what_speaks_against_it(page)
    keyboard.press(page, page.get_by_role("button", name=re.compile("^Apply")))
    expect(page.locator(".event-applied")).to_be_visible()


def revert(page: Page, address: str) -> None:
    page.goto(address)
    keyboard.press(page, page.get_by_role("button", name="Revert"))
    expect(page.locator(".event-reverted")).to_be_visible()


def confirm_what_speaks_against_it(page: Page) -> None:
    """Newer evidence, or a size that was not verified on a busy machine."""
    although = page.get_by_label("I know what speaks against it")
    if although.count():
        keyboard.press(page, although, "Space")


def posted(page: Page, address: str, action: str) -> int:
    """The status of a request past the page, with the session and the token of this person."""
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
    answer = page.request.post(
        f"{address}{action}/",
        form={"csrfmiddlewaretoken": token, "text": "Let me."},
        headers={"referer": address},
        max_redirects=0,
    )
    return answer.status
