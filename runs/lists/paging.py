"""Columns, sorting and paging, the same on every list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

import django_tables2 as tables
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django_tables2.rows import BoundRows

ROWS_A_PAGE = 25


class ListTable(tables.Table):
    """Columns that can be sorted by; templates/components/_table.html and a row template show it.

    `wide_only` names columns that a narrow screen does without, `numbers` those aligned right,
    `optional` those that are shown only to who chose them. The first column is always shown.
    `exported` says what a column is in a file: names of values, each by its accessor or function.
    """

    wide_only: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    exported: dict[str, dict[str, str | Callable]] = {}
    #: What names a row, in addresses and to who checks it; None where rows cannot be checked.
    key: str | None = "ref"

    def __init__(self, data: object, chosen: Collection[str] | None = None) -> None:
        super().__init__(data)
        self.chosen = chosen
        self.is_checkable = False

    @classmethod
    def defaults(cls) -> list[str]:
        return [name for name in cls.base_columns if name not in cls.optional]

    @property
    def shows(self) -> list[str]:
        """The columns to show, in their order."""
        wanted = self.defaults() if self.chosen is None else self.chosen
        first = next(iter(self.base_columns))
        return [name for name in self.base_columns if name == first or name in wanted]

    def header_class(self, name: str) -> str:
        classes = ("number",) if name in self.numbers else ()
        return " ".join((*classes, *(("only-wide",) if name in self.wide_only else ())))

    @property
    def headers(self) -> list[dict]:
        return [
            {"column": self.columns[name], "class": self.header_class(name)} for name in self.shows
        ]

    @property
    def choices(self) -> list[dict]:
        """All columns but the first, for who wants to choose."""
        _, *others = self.base_columns
        return [
            {"name": name, "title": self.columns[name].header, "shown": name in self.shows}
            for name in others
        ]

    # --- As a file --------------------------------------------------------------------------------
    def fields(self) -> list[str]:
        return [field for name in self.shows for field in self.exported.get(name, {})]

    def values(self) -> Iterable[dict]:
        """Every row of every page, sorted, as the values of the columns that are shown."""
        read = {
            field: reader(how)
            for name in self.shows
            for field, how in self.exported.get(name, {}).items()
        }
        rows = self.data.data
        found = rows.iterator(chunk_size=500) if hasattr(rows, "iterator") else rows
        return ({field: plain(value(row)) for field, value in read.items()} for row in found)


def reader(how: str | Callable) -> Callable:
    if callable(how):
        return how
    accessor = tables.A(how)
    return lambda row: accessor.resolve(row, quiet=True)


def plain(value: object) -> object:
    """As files have it: times are UTC in ISO 8601, unknown is null."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if value is None or isinstance(value, bool | int | float | list):
        return value
    return str(value)


def paged(request: HttpRequest, table: ListTable) -> ListTable:
    """Sorted and cut to the page that the query asks for; what makes no sense is ignored."""
    tables.RequestConfig(request, paginate={"per_page": ROWS_A_PAGE, "silent": True}).configure(
        table
    )
    if isinstance(table.data.data, QuerySet):
        table.page.object_list = BoundRows(_fetched(table), table)
    return table


def _fetched(table: ListTable) -> list[Model]:
    """The rows of the page: found by their keys first, so that no other row is read whole.

    Rows are long, and a database that sorts carries along all that is asked of each.
    """
    keys = list(table.page.object_list.data.values_list("pk", flat=True))
    found = table.data.data.order_by().in_bulk(keys)
    return [found[key] for key in keys]
