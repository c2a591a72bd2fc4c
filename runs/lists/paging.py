"""Sorting and paging, the same on every list."""

from __future__ import annotations

import django_tables2 as tables
from django.http import HttpRequest

ROWS_A_PAGE = 25


class ListTable(tables.Table):
    """Columns that can be sorted by; templates/components/_table.html and a row template show it.

    `wide_only` names columns that a narrow screen does without, `numbers` those aligned right.
    """

    wide_only: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def header_class(self, name: str) -> str:
        classes = ("number",) if name in self.numbers else ()
        return " ".join((*classes, *(("only-wide",) if name in self.wide_only else ())))

    @property
    def headers(self) -> list[dict]:
        return [
            {"column": column, "class": self.header_class(column.name)} for column in self.columns
        ]


def paged(request: HttpRequest, table: ListTable) -> ListTable:
    """Sorted and cut to the page that the query asks for; what makes no sense is ignored."""
    tables.RequestConfig(request, paginate={"per_page": ROWS_A_PAGE, "silent": True}).configure(
        table
    )
    return table
