"""docs/result.md as a test reads it: which fields of a RESULT it names, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "result.md"
ROOT = "RESULT"
#: Objects whose keys are data, or those of a spec or a measurement.
FREE = {
    "error_counts", "numbers", "remeasured", "saving", "variant", "fix", "models", "labels", "load",
    "grid", "floors", "objective", "metrics", "first_wrong", "example",
}  # fmt: skip
NUMBER = {"value", "low", "high"}


@dataclass
class Section:
    """What stands in the first column of its tables, and all that is written as code in it."""

    keys: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


def sections() -> dict[str, Section]:
    """By the object that the heading names."""
    found: dict[str, Section] = {}
    section = Section()
    for line in PAGE.read_text().splitlines():
        if heading := re.fullmatch(r"### `([^`]+)`", line):
            section = found.setdefault(heading[1], Section())
        section.words |= set(re.findall(r"`([^`]+)`", line))
        if line.startswith("| `"):
            section.keys |= set(re.findall(r"`([^`]+)`", line.split(" | ")[0]))
    return found


def undocumented(result: dict) -> list[str]:
    """Every field of a RESULT that the page does not name where it belongs."""
    known = sections()
    missing = set()
    for path, keys in _objects(result, ROOT):
        place = path.removeprefix(f"{ROOT}.")
        while place not in known:
            place = place.rpartition(".")[0]
        own = place == path.removeprefix(f"{ROOT}.")
        missing |= {
            f"{path}.{key}" for key in keys - (known[place].keys if own else known[place].words)
        }
    return sorted(missing)


def _objects(value: object, path: str) -> Iterator[tuple[str, set[str]]]:
    if isinstance(value, list):
        for one in value:
            yield from _objects(one, f"{path}[]")
    if not isinstance(value, dict) or value.keys() == NUMBER:
        return
    named = {key: one for key, one in value.items() if not key.isdecimal()}
    yield path, set(named)
    for key, one in named.items():
        if key not in FREE:
            yield from _objects(one, f"{path}.{key}")
