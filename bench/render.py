"""Puts what the benchmarks found (bench/results/*.json) into docs/benchmarks.md and its companion.

Between each pair of `[//]: # (results of NAME)` and `[//]: # (end of NAME)`, which no reader sees.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit.report import NOT_REACHED, REACHED
from bench.kit.script import RESULTS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
SIZING_PAGE = ROOT / "docs" / "benchmarks-sizing.md"
PAGES_PAGE = ROOT / "docs" / "benchmarks-pages.md"
PLACE = re.compile(
    r"(?P<begin>\[//\]: # \(results of (?P<name>\w+)\)\n)(?P<body>.*?)"
    r"(?P<end>\[//\]: # \(end of (?P=name)\)\n)",
    re.DOTALL,
)
NOTHING = "No figures are kept yet."


def rendered(page: str, results: Mapping[str, dict]) -> str:
    """The page with the tables of each benchmark that there are results of, by name."""

    def fill(place: re.Match[str]) -> str:
        found = results.get(place["name"])
        body = "\n\n".join(_parts(found)) if found else NOTHING
        return f"{place['begin']}\n{body}\n\n{place['end']}"

    return PLACE.sub(fill, page)


def read_results(folder: Path = RESULTS) -> dict[str, dict]:
    """What whole benchmarks wrote; a quick try is no result."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return {one["name"]: one for one in found if not one["quick"]}


def _parts(found: dict) -> list[str]:
    parts = []
    for table in found["tables"]:
        if table["rows"]:
            parts += [f"**{table['title']}**", _table(table)]
    if found["notes"]:
        parts.append("\n".join(f"* {note}" for note in found["notes"]))
    return [*parts, _circumstances(found)]


def _table(table: dict) -> str:
    """Markdown; the columns of goals only where there is one."""
    judged = any(row["goal"] for row in table["rows"])
    header = [*table["columns"], table["figure"], *(["must be", ""] if judged else [])]
    lines = [header, ["---"] * len(header)]
    for row in table["rows"]:
        goal = [row["goal"] or "", _verdict(row)] if judged else []
        lines.append([*row["cells"], row["measured"], *goal])
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _verdict(row: dict) -> str:
    if row["reached"] is None:
        return ""
    return REACHED if row["reached"] else f"**{NOT_REACHED}**"


def _circumstances(found: dict) -> str:
    facts = found["circumstances"]
    return (
        f"{facts['started_at']}, {facts['cpu_model']}, {facts['cores']} cores, Linux "
        f"{facts['kernel']}, cgroup {facts['cgroup_version']}, Docker {facts['docker'] or 'none'}, "
        f"Python {facts['python']}, engine {facts['engine_version']}; load average before "
        f"{facts['load_before']['1m']:.2f}; took {found['took_s']:.0f} s."
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    for page in (PAGE, SIZING_PAGE, PAGES_PAGE):
        page.write_text(rendered(page.read_text(), read_results()))


if __name__ == "__main__":
    main()
