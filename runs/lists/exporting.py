"""A list as a file: the rows that its filters leave, in its order, with the columns it shows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator

from django.http import HttpResponseBase, StreamingHttpResponse

from runs.lists.paging import ListTable

#: Spreadsheets take a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What csv.writer writes to: hands each line on."""

    def write(self, text: str) -> str:
        return text


def as_csv(table: ListTable) -> Iterator[str]:
    writer = csv.writer(_Line())
    fields = table.fields()
    yield writer.writerow(fields)
    for row in table.values():
        yield writer.writerow([_cell(row[field]) for field in fields])


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def as_json(table: ListTable) -> Iterator[str]:
    """An array of objects, row by row, so that a long list is never held whole."""
    separator = "[\n"
    for row in table.values():
        yield separator + json.dumps(row)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


FORMATS: dict[str, tuple[str, Callable[[ListTable], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}


def exported(table: ListTable, name: str, form: str) -> HttpResponseBase:
    content_type, write = FORMATS[form]
    answer = StreamingHttpResponse(write(table), content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer
