"""What the pages give as files, each as a twins.Action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from runs.twins import Action

if TYPE_CHECKING:
    from runs.models import ProfileRun
    from runs.raw_data import Kept


def export_list(listing: str, query: str = "", form: str = "csv") -> Action:
    """The list as its page shows it under this query."""
    out, behind = f"{listing}.{form}", f"?{query}" if query else ""
    return Action(
        [("export", listing), *([("--query", query)] if query else []), ("--out", out)],
        "export_list", (listing, out), {"query": query} if query else {}, "GET",
        f"lists/{listing}/{form}/{behind}", out=out,
    )  # fmt: skip


def comparison_report(runs: Sequence[ProfileRun]) -> Action:
    """The first is the base."""
    names, base = [run.name for run in runs], runs[0].name
    out = "comparison.html"
    query = urlencode({"runs": ",".join(names), "base": base}, safe=",")
    return Action(
        [("run", "compare", *names), ("--base", base), ("--report", out)], "comparison_report",
        (names, out), {"base": base}, "GET", f"compare/report/?{query}", out=out,
    )  # fmt: skip


def run_report(name: str) -> Action:
    out = f"{name}-report.html"
    return Action(
        [("run", "report", name), ("--out", out)], "run_report", (name, out), {}, "GET",
        f"runs/{name}/report/", out=out,
    )  # fmt: skip


def export_raw(name: str, form: str = "csv") -> Action:
    out = f"{name}-raw-{form}.zip"
    return Action(
        [("run", "export", name, "--format", form), ("--out", out)], "export_raw",
        (name, out, form), {}, "GET", f"runs/{name}/raw/{form}/", out=out,
    )  # fmt: skip


def export_series(one: Kept, form: str = "csv") -> Action:
    """One series of one measurement."""
    name, out = one.run.name, f"{one.run.name}-{one.name}.{form}"
    part = [("--measurement", str(one.ordinal)), ("--series", one.series)]
    return Action(
        [("run", "export", name, "--format", form), *part, ("--out", out)], "export_series",
        (name, one.ordinal, one.series, out, form), {}, "GET",
        f"runs/{name}/raw/{form}/{one.ordinal}/{one.series}/", out=out,
    )  # fmt: skip
