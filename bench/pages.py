"""What pages cost on a site of 10,000 runs: server time, time until charts are drawn, weight.

The database is filled once (var/bench/pages-*); every request is for another run, so that no cache
of the last one helps. One request at a time, on the machine's own loopback.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit import script
from bench.kit.report import Goal, Report
from bench.kit.truth import percentile
from bench.site.browser import View, chromium, view, visitor
from bench.site.installation import filled_site, session_cookie

ALL_CORES = os.sched_getaffinity(0)
RUNS, QUICK_RUNS = 10_000, 300
REPEATS, QUICK_REPEATS = 60, 5
VISITS, QUICK_VISITS = 12, 2
WARM_UP = 3
COMPARED = 5
MEDIAN, P95 = Goal(50, "ms"), Goal(150, "ms")
FIRST_RUN, FIRST_COMPARE = Goal(1.0, "s"), Goal(1.5, "s")
FIRST_WEIGHT, NEXT_WEIGHT = Goal(700, "kB"), Goal(60, "kB")


def bench(report: Report) -> None:
    # The server and the browser have all cores, as on a machine of their own.
    os.sched_setaffinity(0, ALL_CORES)
    runs = QUICK_RUNS if report.quick else RUNS
    with filled_site(runs) as address:
        session = session_cookie()
        pages = Pages(runs)
        time_server(report, address, session, pages)
        watch_browser(report, address, session, pages)
    report.note(
        "Runs are copies of 20 that differ, each with all rows of its own: 6 measurements, 10,000 "
        "requests and 6,000 samples of usage in chunks of a second. Models, datasets and configs "
        "share a file each, which the site keeps once by its content."
    )


class Pages:
    """Addresses of pages, another one each time."""

    def __init__(self, runs: int) -> None:
        self._random = random.Random(7)
        self._names = runs_that_measured()
        self._pages = runs // 25

    def each(self) -> dict[str, Iterator[str]]:
        """Endless addresses by the kind of page."""
        return {
            "runs list": self._addresses(lambda: f"runs/?page={self._any_page(10)}"),
            "filtered list": self._addresses(self._filtered),
            "sorted, far page": self._addresses(
                lambda: (
                    f"runs/?sort={self._one(('size', '-took', 'name'))}"
                    f"&page={self._any_page(self._pages)}"
                )
            ),
            "model page": self._addresses(lambda: f"models/{self._model()}/1/"),
            "run page": self._addresses(lambda: f"runs/{self._one(self._names)}/"),
            "compare of five": self._addresses(self._comparison),
            "search": self._addresses(lambda: f"search/?q={self._one(('model-0', 'run-042'))}"),
        }

    def _addresses(self, make) -> Iterator[str]:
        while True:
            yield make()

    def _one(self, values: Sequence[str]) -> str:
        return self._random.choice(values)

    def _any_page(self, pages: int) -> int:
        return self._random.randint(1, max(pages, 1))

    def _model(self) -> str:
        return f"model-{self._random.randrange(400):03}"

    def _filtered(self) -> str:
        return "runs/?" + self._one(
            (
                f"q={self._model()}",
                "state=failed",
                "standing=verified",
                f"q={self._model()}&state=succeeded&sort=name",
                "target=machine-1&standing=verified",
            )
        )

    def _comparison(self) -> str:
        return f"runs/compare/?runs={','.join(self._random.sample(self._names, COMPARED))}"


def runs_that_measured() -> list[str]:
    from runs.models import ProfileRun

    found = ProfileRun.objects.filter(state="succeeded", name__startswith="run-")
    return list(found.order_by("pk").values_list("name", flat=True))


# --- The server -----------------------------------------------------------------------------------
def time_server(report: Report, address: str, session: str, pages: Pages) -> None:
    """From sending a request to the last byte of its answer."""
    table = report.table(
        f"Server time of a page, {len(pages._names):,} runs with measurements", "page", "",
        figure="took",
    )  # fmt: skip
    client = requests.Session()
    client.cookies.set("sessionid", session)
    repeats = QUICK_REPEATS if report.quick else REPEATS
    for name, addresses in pages.each().items():
        times = [
            timed(client, address + next(addresses)) for _ in range(repeats + WARM_UP)
        ][WARM_UP:]  # fmt: skip
        table.row(name, "median", values=times, goal=MEDIAN)
        table.row(name, "p95", values=[percentile(times, 95)], goal=P95)


def timed(client: requests.Session, url: str) -> float:
    """In ms."""
    began = time.perf_counter()
    answer = client.get(url)
    took_ms = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return took_ms


# --- The browser ----------------------------------------------------------------------------------
def watch_browser(report: Report, address: str, session: str, pages: Pages) -> None:
    visits = QUICK_VISITS if report.quick else VISITS
    shown = pages.each()
    with chromium() as browser:
        first: dict[str, list[View]] = {"run page": [], "compare of five": []}
        later: list[View] = []
        for _ in range(visits):
            for name, views in first.items():
                with visitor(browser, address, session) as context:
                    views.append(view(context, address + next(shown[name])))
                    if name == "run page":
                        later.append(view(context, address + next(shown[name])))
    tell_times(report, first, later)
    tell_weights(report, first, later)


def tell_times(report: Report, first: dict[str, list[View]], later: list[View]) -> None:
    table = report.table("Until charts are drawn, from the click", "page", "", figure="took")
    for name, goal in (("run page", FIRST_RUN), ("compare of five", FIRST_COMPARE)):
        views = first[name]
        table.row(f"{name}, first visit", "in view", values=[v.in_view_s for v in views], goal=goal)
        table.row(f"{name}, first visit", "all", values=[v.all_s for v in views], goal=goal)
    table.row("run page, next visit", "in view", values=[v.in_view_s for v in later], unit="s")
    table.row("run page, next visit", "all", values=[v.all_s for v in later], unit="s")


def tell_weights(report: Report, first: dict[str, list[View]], later: list[View]) -> None:
    table = report.table("Bytes fetched, charts and all", "visit", figure="weighs")
    for name, views in first.items():
        table.row(f"first, {name}", values=kilobytes(views), goal=FIRST_WEIGHT)
    table.row("next, another run's page", values=kilobytes(later), goal=NEXT_WEIGHT)


def kilobytes(views: Sequence[View]) -> list[float]:
    return [one.bytes / 1000 for one in views]


if __name__ == "__main__":
    script.run(bench, name="pages", title="Pages of a site of 10,000 runs")
