"""What a benchmark found, beside what it must reach: printed as it comes, kept as JSON."""

from __future__ import annotations

import json
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.kit.cores import CAPACITY
from profiler.circumstances import host_facts

REACHED, NOT_REACHED = "reached", "NOT reached"


@dataclass(frozen=True)
class Goal:
    """What a figure must reach: `bound` at most, or at least where `at_least`."""

    bound: float
    unit: str
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"at {'least' if self.at_least else 'most'} {said(self.bound, self.unit)}"


@dataclass(frozen=True)
class Row:
    """`cells` under the table's columns; `values` of all repeats, whose median the goal is for.

    No values, where some were to be had, are a failure to measure, and never reach a goal.
    """

    cells: tuple[str, ...]
    values: tuple[float, ...] = ()
    unit: str = ""
    goal: Goal | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.median is not None and self.goal.met_by(self.median)

    @property
    def measured(self) -> str:
        """The median, and the least and most of the repeats where they differ."""
        if self.median is None:
            return "not measured" if self.goal else ""
        text = said(self.median, self.unit)
        low, high = (said(end(self.values), self.unit) for end in (min, max))
        return text if low == high else f"{text} ({low} to {high})"

    def to_json(self) -> dict:
        return {
            "cells": list(self.cells),
            "values": list(self.values),
            "unit": self.unit,
            "median": self.median,
            "measured": self.measured,
            "goal": str(self.goal) if self.goal else None,
            "reached": self.reached,
        }


@dataclass
class Table:
    title: str
    columns: tuple[str, ...]
    #: What the measured column holds.
    figure: str
    rows: list[Row] = field(default_factory=list)

    def row(
        self, *cells: str, values: Sequence[float] = (), unit: str = "", goal: Goal | None = None
    ) -> None:
        """Keep a row and print it."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for the columns {self.columns}")
        row = Row(cells, tuple(map(float, values)), unit or (goal.unit if goal else ""), goal)
        self.rows.append(row)
        said_cells = (
            f"{column} {cell}".strip() for column, cell in zip(self.columns, cells, strict=True)
        )
        line = "  " + " | ".join(said_cells)
        if row.measured:
            line += f" | {self.figure} {row.measured}"
        if goal:
            line += f", {goal}: {REACHED if row.reached else NOT_REACHED}"
        say(line)

    def to_json(self) -> dict:
        rows = [row.to_json() for row in self.rows]
        columns = list(self.columns)
        return {"title": self.title, "columns": columns, "figure": self.figure, "rows": rows}


@dataclass
class Report:
    """One benchmark's tables, what was left out and why, and where and when it was."""

    name: str
    title: str
    quick: bool
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.circumstances = circumstances()
        say(f"\n{self.title}{' (quick: not to be believed)' if self.quick else ''}")

    def table(self, title: str, *columns: str, figure: str) -> Table:
        say(f"\n  {title}")
        self.tables.append(Table(title, columns, figure))
        return self.tables[-1]

    def note(self, text: str) -> None:
        """Something left out, or to be known about the figures."""
        if text not in self.notes:
            self.notes.append(text)
            say(f"  {text}")

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n")
        return path

    def to_json(self) -> dict:
        return {
            "name": self.name,
            "title": self.title,
            "quick": self.quick,
            "circumstances": self.circumstances,
            "took_s": round(time.monotonic() - self.began, 1),
            "notes": self.notes,
            "tables": [table.to_json() for table in self.tables],
        }


def circumstances() -> dict:
    """Host, cores, kernel, versions and date, and which peers there were."""
    return {
        **host_facts(),
        "machine": platform.machine(),
        **{name: list(cores) for name, cores in asdict(CAPACITY).items() if "cores" in name},
        "wrk": _version(("wrk", "-v")),
        "docker": _version(("docker", "version", "--format", "{{.Server.Version}}")),
    }


def _version(command: tuple[str, ...]) -> str | None:
    """The first line that a program says of itself; None where it is not, or does not answer."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    lines = done.stdout.splitlines()
    return lines[0].strip() if lines else None


def said(value: float, unit: str) -> str:
    """A value for a reader: a share as percent, all else with three digits that count."""
    if unit == "share":
        return f"{_digits(value * 100)} %"
    return f"{_digits(value)} {unit}".strip()


def _digits(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"


def say(text: str) -> None:
    print(text, flush=True)
