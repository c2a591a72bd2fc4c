"""Where a chart's plot is on the screen."""

from __future__ import annotations

from playwright.sync_api import Page


def plot_box(page: Page, chart: str) -> dict[str, float]:
    """Between the axes: where the lines of the grid are."""
    grid = page.locator(f"#chart-{chart} .gridlayer .y").first
    grid.scroll_into_view_if_needed()
    return grid.bounding_box()


def point_at_middle(page: Page, chart: str) -> None:
    box = plot_box(page, chart)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
