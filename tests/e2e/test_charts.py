"""Charts in a browser: a closer look by mouse and keyboard, the shared cursor, files, the theme."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.plots import plot_box, point_at_middle
from tests.measured_runs import sized_run

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

OVER_TIME = ("latency", "throughput", "cpu", "memory")
SHOWN = "element => element.querySelector('.js-plotly-plot')._fullLayout.xaxis.range"
#: What is written over the picture of a chart.
KEEP_TITLE = """() => {
  const draw = Plotly.toImage;
  Plotly.toImage = (figure, how) => ((window.kept = figure.layout.title), draw(figure, how));
}"""


@pytest.fixture
def run(make):
    return sized_run(make)


def opened(page: Page, live_server, address: str) -> Page:
    page.goto(live_server.url + address)
    for chart in page.locator("[data-chart]").all():
        chart.locator(".main-svg").first.wait_for()
    return page


def shown(page: Page, chart: str) -> list[float]:
    return page.locator(f"#chart-{chart}").evaluate(SHOWN)


def tool(page: Page, chart: str, action: str):
    return page.locator(f"[data-tools={chart}] [data-do={action}]")


def drag(page: Page, chart: str, begin: float, end: float) -> None:
    """Over shares of the plot's width."""
    box = plot_box(page, chart)
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], height, steps=4)
    page.mouse.up()


def test_a_range_is_dragged_out_and_comes_in_full_in_every_chart(
    live_server, visitor: Page, run
) -> None:
    page = opened(visitor, live_server, run.get_absolute_url())
    whole = shown(page, "memory")
    expect(page.locator("[data-footer=memory]")).to_contain_text("240 of 401 samples shown")
    with page.expect_response(re.compile(r"series/memory/.*from=.*to=")):
        drag(page, "latency", 0.25, 0.5)
    expect(page.locator("[data-footer=memory]")).to_have_text(
        re.compile(r"^all \d+ samples shown$")
    )
    ranges = [shown(page, chart) for chart in OVER_TIME]
    assert all(found == pytest.approx(ranges[0]) for found in ranges)
    assert ranges[0] == pytest.approx([1.5, 3.0], abs=0.1)
    points = page.locator("[data-points=cpu]").get_attribute("href")
    assert f"from={ranges[0][0]:g}" in points

    address = page.url
    tool(page, "cpu", "whole").click()
    expect(page.locator("[data-footer=memory]")).to_contain_text("240 of 401 samples shown")
    assert shown(page, "memory") == pytest.approx(whole)
    assert "from=" not in page.url
    assert "from=" not in page.locator("[data-points=cpu]").get_attribute("href")

    opened(page, live_server, address.removeprefix(live_server.url))
    expect(page.locator("[data-footer=memory]")).to_have_text(
        re.compile(r"^all \d+ samples shown$")
    )
    assert shown(page, "latency") == pytest.approx(ranges[0])


def test_the_points_of_a_range_are_one_click_away(live_server, visitor: Page, run) -> None:
    page = opened(visitor, live_server, f"{run.get_absolute_url()}?from=2&to=3")
    page.locator("[data-points=latency]").click()
    expect(page.get_by_role("heading", name="101 requests")).to_be_visible()


def test_the_cursor_is_in_all_charts_over_time(live_server, visitor: Page, run) -> None:
    page = opened(visitor, live_server, run.get_absolute_url())
    point_at_middle(page, "cpu")
    for chart in OVER_TIME:
        expect(page.locator(f"#chart-{chart} .cursor")).to_have_count(1)
        expect(page.locator(f"[data-reading={chart}]")).to_contain_text(
            re.compile(r"at (1\.9|2\.[01]) s")
        )
    expect(page.locator("#chart-sizing .cursor")).to_have_count(0)


def test_keys_move_the_cursor_and_look_closer(live_server, visitor: Page, run) -> None:
    page = opened(visitor, live_server, run.get_absolute_url())
    cpu = page.locator("#chart-cpu")
    cpu.focus()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowLeft")
    expect(cpu).to_have_attribute("aria-valuetext", re.compile(r"^at 5\.\d s: 500m"))
    expect(page.locator("[data-reading=memory]")).to_contain_text("80 MiB")
    page.keyboard.press("+")
    expect(tool(page, "cpu", "whole")).to_be_visible()
    width = shown(page, "cpu")[1] - shown(page, "cpu")[0]
    assert width == pytest.approx(4, abs=0.1)
    page.keyboard.press("0")
    expect(tool(page, "cpu", "whole")).to_be_hidden()


def test_buttons_do_what_a_mouse_does(live_server, visitor: Page, run) -> None:
    """For those who have neither mouse nor know the keys: each is reached by Tab."""
    page = opened(visitor, live_server, run.get_absolute_url())
    tool(page, "latency", "closer").focus()
    page.keyboard.press("Enter")
    expect(tool(page, "latency", "wider")).to_be_visible()
    before = shown(page, "latency")
    tool(page, "latency", "earlier").focus()
    page.keyboard.press("Enter")
    assert shown(page, "latency")[0] < before[0]
    tool(page, "latency", "whole").focus()
    page.keyboard.press("Enter")
    expect(tool(page, "latency", "closer")).to_be_focused()


def test_a_chart_is_saved_as_picture_and_as_numbers_of_what_is_seen(
    live_server, visitor: Page, run, tmp_path: Path
) -> None:
    page = opened(visitor, live_server, f"{run.get_absolute_url()}?from=2&to=3")
    expect(page.locator("[data-footer=latency]")).to_contain_text("all 101 requests")
    page.evaluate(KEEP_TITLE)
    with page.expect_download() as picture:
        tool(page, "latency", "png").click()
    title = page.evaluate("kept")
    assert title["text"] == "Latency"
    assert title["subtitle"]["text"].startswith(f"{run.name}  ·  2 to 3 s  ·  all 101 requests")
    assert picture.value.suggested_filename == f"{run.name}-latency-2-3s.png"
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as numbers:
        tool(page, "latency", "csv").click()
    rows = list(csv.DictReader(numbers.value.path().read_text().splitlines()))
    requests = [float(row["time_s"]) for row in rows if row["series"] == "request"]
    assert (len(requests), min(requests), max(requests)) == (101, 2.0, 3.0)
    assert {"p99 of 1 s", "p50 of 1 s"} <= {row["series"] for row in rows}


def test_charts_follow_the_theme(live_server, visitor: Page, run) -> None:
    page = opened(visitor, live_server, run.get_absolute_url())
    line = page.locator("#chart-cpu .scatterlayer .js-line").first
    light = line.evaluate("element => getComputedStyle(element).stroke")
    for choice in ("light", "dark"):
        page.get_by_role("button", name=f"Change to {choice}").click()
    dark = line.evaluate("element => getComputedStyle(element).stroke")
    assert light != dark


def test_compared_runs_are_looked_at_closer_together(live_server, visitor: Page, make) -> None:
    names = f"{sized_run(make).name},{sized_run(make).name}"
    page = opened(visitor, live_server, f"/runs/compare/?runs={names}")
    drag(page, "cpu", 0.5, 0.75)
    for chart in OVER_TIME:
        expect(tool(page, chart, "whole")).to_be_visible()
    expect(page.locator("[data-footer=memory]")).to_have_text(
        re.compile(r"points a line, made from 1\d\d samples")
    )
    assert shown(page, "latency") == pytest.approx([3.0, 4.5], abs=0.1)


def test_a_range_that_cannot_be_loaded_is_said(live_server, visitor: Page, run, complaints) -> None:
    page = opened(visitor, live_server, run.get_absolute_url())
    page.route("**/series/cpu/**", lambda route: route.abort())
    drag(page, "cpu", 0.5, 0.75)
    expect(page.locator("[data-footer=cpu]")).to_contain_text("could not be loaded from the server")
    complaints.clear()  # the browser's own, of the request that was broken off
