"""A run's page, or a comparison, as one file: it opens from disk, and asks no network for anything.

The page's own templates are rendered with `report` set, which leaves out what can be done there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from profiler import __version__
from runs import compare_charts, compare_page
from runs.charts import data
from runs.circumstance_facts import circumstance_facts
from runs.comparing import RunComparison
from runs.models import ProfileRun
from runs.run_page import page_context
from runs.templatetags.presentation import ICON_SPRITE
from runs.what_if_card import what_if_card

STATIC = Path(settings.BASE_DIR) / "static"
PLOTLY = "vendor/plotly-4.1.1"
FONT = "vendor/inter-5.3.0/inter-latin-wght-normal.woff2"
STYLES = ("report", "tokens", "layout", "components", "run", "compare")
#: What is imported comes before what imports it.
CHART_SCRIPTS = ("time-range", "chart-colours", "chart-files", "chart", "charts")
FONT_FACE = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
CHART = re.compile(r'data-chart="([\w-]+)"')
LINK = re.compile(r'href="([/?][^"]*)"')


class NotEnded(ValueError):
    """There is a report only of what stays as it is; the message says so."""


@dataclass(frozen=True)
class Script:
    """A script within the file, and what the file's policy knows it by."""

    text: str

    @property
    def hash(self) -> str:
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


def run_report(run: ProfileRun, request: HttpRequest) -> str:
    """With the charts of its decisive measurement; raises NotEnded for a run that goes on."""
    if not run.is_finished:
        raise NotEnded(f"{run.name} has not ended yet; there is a report of it once it has.")
    context = page_context(run, None)
    if context["size_table"]:
        context["size_table"] = replace(context["size_table"], leads_to="")
    context |= {
        "what_if": what_if_card(run, context["curve"], QueryDict()),
        "raw": [],
        "raw_dropped": "",
        "spec": _pretty(run.spec),
        "inputs": list(_hashes(run.input_hashes)),
    }
    page = run.get_absolute_url()
    return _written("run", context, request, page, lambda chart: data.source(run, chart).draw())


def comparison_report(found: RunComparison, request: HttpRequest, x: str, y: str) -> str:
    """`x` and `y` are the metrics of its scatter."""
    context = compare_page.page_context(found) | {
        "x": x,
        "y": y,
        "specs": [
            {
                "run": run,
                "spec": _pretty(run.spec),
                "circumstances": circumstance_facts(run.circumstances or {}),
            }
            for run in found.runs
        ],
    }
    return _written(
        "compare", context, request, reverse("run_compare"),
        lambda chart: compare_charts.draw(found.runs, chart, x, y),
    )  # fmt: skip


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _hashes(found: dict, under: str = "") -> list[tuple[str, str]]:
    """Of all inputs, however deep they lie, by what they are of."""
    pairs = []
    for name, value in found.items():
        label = f"{under} {name}".strip()
        pairs += _hashes(value, label) if isinstance(value, dict) else [(label, str(value))]
    return pairs


# --- The file -------------------------------------------------------------------------------------
def _written(
    kind: str, context: dict, request: HttpRequest, page: str, draw: Callable[[str], dict]
) -> str:
    """First the page, which tells the charts that it has; then the file with those in it."""
    address = request.build_absolute_uri("/")
    context = context | _frame(address) | {"report": True, "charts": {}}
    template = f"report/{kind}.html"
    shown = CHART.findall(render_to_string(template, context, request))
    context["charts"] = {f"chart-data-{chart}": draw(chart) for chart in shown}
    written = render_to_string(template, context, request)
    written = written.replace(f"{static(ICON_SPRITE)}#", "#icon-")
    return LINK.sub(lambda found: f'href="{urljoin(urljoin(address, page), found[1])}"', written)


def _frame(address: str) -> dict:
    return {
        "made_at": timezone.now(),
        "version": __version__,
        "address": address,
        "installation": settings.PROFILER_INSTALLATION,
        **_assets(),
    }


@cache
def _assets() -> dict:
    """What pages load from the server, as text."""
    theme, plotly = _read("js/theme.js"), _read(f"{PLOTLY}/plotly-basic.min.js")
    charts = "".join(_read(f"js/{name}.js") for name in CHART_SCRIPTS)
    charts = EXPORT.sub("", IMPORT.sub("", charts))
    return {
        "styles": "".join(_style(name) for name in STYLES),
        "plotly_styles": _read(f"{PLOTLY}/plotly.css"),
        "sprite": _sprite(),
        "scripts": {"theme": Script(theme), "plotly": Script(plotly), "charts": Script(charts)},
    }


def _read(name: str) -> str:
    return (STATIC / name).read_text()


def _style(name: str) -> str:
    """The tokens' fonts lie beside them; the file has the one of Latin text in it."""
    style = _read(f"css/{name}.css")
    if name != "tokens":
        return style
    font = base64.b64encode((STATIC / FONT).read_bytes()).decode()
    face = f'url("data:font/woff2;base64,{font}") format("woff2")'
    faces = f'@font-face {{ font-family: "Inter"; font-weight: 100 900; src: {face}; }}\n'
    return faces + FONT_FACE.sub("", style)


def _sprite() -> str:
    """Ids of icons are words that sections go by, too."""
    return _read(ICON_SPRITE).replace('id="', 'id="icon-').replace("<svg ", "<svg hidden ", 1)
