"""What a command prints: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

FORMATS = ("table", "json", "yaml")
#: Of a table that no terminal shows: as wide as it takes, so that nothing is cut.
UNBOUNDED = 10_000

Row = Mapping[str, Any]
#: Title of a column -> where in a row it is, such as `tags/profile.standing`.
Columns = Mapping[str, str]


def show(data: Any, form: str, columns: Columns | None = None) -> None:
    """A list (with columns for the table) or one thing."""
    if form == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))  # noqa: T201
    elif form == "yaml":
        print("\n".join(yaml_lines(data)))  # noqa: T201
    elif isinstance(data, list):
        _print(_rows(data, columns or {}))
    else:
        _print(_facts(data))


def _print(table: Table) -> None:
    width = None if sys.stdout.isatty() else UNBOUNDED
    Console(width=width, highlight=False, soft_wrap=width is not None).print(table)


def _table(*titles: str) -> Table:
    # No frame: what a shell cuts up should hold the values alone.
    return Table(*titles, box=None, pad_edge=False, header_style="bold", show_header=bool(titles))


def _rows(rows: Iterable[Row], columns: Columns) -> Table:
    table = _table(*columns)
    for row in rows:
        table.add_row(*(_plain(found(row, place)) for place in columns.values()))
    return table


def _facts(thing: Row) -> Table:
    table = _table()
    for key, value in thing.items():
        table.add_row(f"[bold]{key}[/bold]", _plain(value))
    return table


def found(row: Row, place: str) -> Any:
    """A value within a value; None where there is none."""
    value: Any = row
    for key in place.split("/"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _plain(value: Any) -> str:
    """A cell; square brackets are rich's own marks, so they are escaped."""
    if value is None:
        text = "-"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        text = ", ".join(map(str, value)) or "-"
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False) if value else "-"
    else:
        text = str(value)
    return text.replace("[", r"\[")


def yaml_lines(value: Any, indent: str = "") -> list[str]:
    """Blocks of YAML 1.2. A text stands in JSON's quotes, which YAML reads, unless it is plain."""
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _entry(_scalar(key), item, indent)]
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _item(item, indent)]
    return [f"{indent}{_scalar(value)}"]


def _entry(key: str, item: Any, indent: str) -> list[str]:
    if isinstance(item, dict | list) and item:
        return [f"{indent}{key}:", *yaml_lines(item, f"{indent}  ")]
    return [f"{indent}{key}: {_scalar(item)}"]


def _item(item: Any, indent: str) -> list[str]:
    first, *rest = yaml_lines(item, f"{indent}  ")
    return [f"{indent}- {first.lstrip()}", *rest]


#: Words that YAML readers take for something else than a text.
NOT_TEXTS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    words = value.replace("-", "").replace("_", "").replace(" ", "")
    is_plain = words.isascii() and words.isalnum() and value[0].isalpha() and value[-1] != " "
    if is_plain and value.lower() not in NOT_TEXTS:
        return value
    return json.dumps(value, ensure_ascii=False)
