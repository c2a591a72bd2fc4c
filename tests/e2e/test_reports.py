"""A report, opened from disk without any network: it is complete, and its charts work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import reading
from tests.e2e.plots import point_at_middle
from tests.measured_runs import sized_run

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PLOTS = ("sizing", "latency", "throughput", "cpu", "memory", "distribution")


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    """Somebody without a network; nothing may be asked for, nothing complained about."""
    context = browser.new_context(offline=True, accept_downloads=True)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []


def saved(page: Page, tmp_path: Path) -> str:
    """Downloaded from the page that is open, as its reader gets it."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Report").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path.as_uri()


def opened(reader: Page, address: str, plots: tuple[str, ...]) -> None:
    reader.goto(address)
    for chart in plots:
        reader.locator(f"#chart-{chart} .main-svg").first.wait_for()


def test_a_runs_report_is_read_offline(
    live_server, visitor: Page, reader: Page, make, tmp_path: Path
) -> None:
    run = sized_run(make)
    visitor.goto(live_server.url + run.get_absolute_url())
    opened(reader, saved(visitor, tmp_path), PLOTS)
    expect(reader.get_by_role("heading", name=run.name)).to_be_visible()
    expect(reader.locator(".verdict")).to_contain_text("Keeps p95 ≤ 50 ms")
    expect(reader.get_by_text("Report made on")).to_contain_text(live_server.url)
    expect(reader.locator("[data-footer=memory]")).to_contain_text("240 of 401 samples shown")
    assert reading.violations(reader) == []

    reader.locator("#chart-cpu").focus()
    reader.keyboard.press("End")
    expect(reader.locator("[data-reading=memory]")).to_contain_text("80 MiB")
    reader.keyboard.press("+")
    expect(reader.locator("[data-tools=latency] [data-do=whole]")).to_be_visible()
    expect(reader.locator("[data-footer=memory]")).to_contain_text("in the whole time")

    for choice in ("light", "dark"):
        reader.get_by_role("button", name=f"Change to {choice}").click()
    expect(reader.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert reading.violations(reader) == []
    for kind in ("png", "csv"):
        with reader.expect_download():
            reader.locator(f"[data-tools=latency] [data-do={kind}]").click()
    assert reader.pdf().startswith(b"%PDF")


def test_a_comparisons_report_is_read_offline(
    live_server, visitor: Page, reader: Page, make, tmp_path: Path
) -> None:
    names = f"{sized_run(make).name},{sized_run(make).name}"
    visitor.goto(f"{live_server.url}/runs/compare/?runs={names}")
    opened(reader, saved(visitor, tmp_path), ("sizing", "latency", "cpu", "memory", "scatter"))
    expect(reader.get_by_role("heading", name="Comparison of 2 runs")).to_be_visible()
    assert reading.violations(reader) == []
    point_at_middle(reader, "cpu")
    expect(reader.locator("[data-reading=cpu]")).to_contain_text("500m, 500m")
