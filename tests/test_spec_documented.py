"""docs/spec.md and docs/environments.md name every key, and every one they name exists."""

from __future__ import annotations

import re
from pathlib import Path

from profiler.dataset import FORMATS
from profiler.environment import reading as environment
from profiler.spec import Budget, Objective
from profiler.spec_reader import answers, config, load, policy, reading, target

DOCS = Path(__file__).resolve().parent.parent / "docs"


def documented(name: str) -> set[str]:
    """What stands in the first column of a page's tables."""
    cells = re.findall(r"^\| (`[^|]+) \|", (DOCS / name).read_text(), re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([a-z_]+)`", cell)}


def test_every_key_of_a_spec_is_documented_and_no_other():
    keys = {
        *("name", "version", "path"),
        *config.KEYS,
        *reading.DATASET_KEYS,
        *target.KEYS,
        *("cpu_millicores", "memory_bytes"),
        *load.STAGE_KEYS,
        *load.LOAD_KEYS,
        *Objective.__dataclass_fields__,
        *Budget.__dataclass_fields__,
        *answers.KEYS,
        *policy.KEYS,
        *policy.GRID_KEYS,
        *policy.FLOOR_KEYS,
        *("question", "peak_rps"),
    }

    assert documented("spec.md") == keys - {"stages"}  # told in the text, beside the table


def test_every_part_of_a_spec_has_a_section():
    text = (DOCS / "spec.md").read_text()

    for part in reading.KEYS:
        assert re.search(rf"^## {part}\b", text, re.MULTILINE), part


def test_every_key_of_an_environment_is_documented_and_no_other():
    assert documented("environments.md") == set(environment.KEYS)


def test_every_format_is_documented():
    text = (DOCS / "datasets.md").read_text()

    for name in FORMATS:
        assert f"*{name}`" in text or f"a {name}" in text, name
