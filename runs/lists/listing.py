"""What all lists have in common: filters, columns, sorting, pages, files, what somebody saved."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django_filters import FilterSet

from runs.lists.bulk import Action, written
from runs.lists.exporting import FORMATS, exported
from runs.lists.paging import ListTable, paged
from runs.models import ChosenColumns, SavedFilter

#: Of an address, what says where in the list somebody is, and not which list.
PASSING = ("page", "format")


def file_of(listing: Listing, keys: list[str], form: str, query: QueryDict) -> str:
    """The address of a file of these rows, with the order and columns of a query."""
    kept = QueryDict(mutable=True)
    for name in ("sort", "columns"):
        if name in query:
            kept[name] = query[name]
    kept["rows"], kept["format"] = ",".join(keys), form
    return f"{listing.url}?{kept.urlencode(safe=',:')}"


def by_ref(rows: QuerySet, keys: list[str]) -> QuerySet:
    """Those of `name:version`."""
    wanted = Q(pk__in=[])
    for name, _, version in (key.partition(":") for key in keys):
        if version.isdecimal():
            wanted |= Q(name=name, version=int(version))
    return rows.filter(wanted)


def by_name(rows: QuerySet, keys: list[str]) -> QuerySet:
    return rows.filter(name__in=keys)


def by_number(rows: QuerySet, keys: list[str]) -> QuerySet:
    return rows.filter(pk__in=[int(key) for key in keys if key.isdecimal() and len(key) < 10])


@dataclass(frozen=True)
class Listing:
    """One list: where it is, its table and filters, how rows are picked by what names them."""

    name: str
    noun: str
    url_name: str
    table: type[ListTable]
    #: All rows of the list, for what is done to some of them.
    rows: Callable[[], object] | None = None
    #: Those that the page begins with, where they depend on who looks at it.
    seen_by: Callable[[HttpRequest], object] | None = None
    filters: type[FilterSet] | None = None
    #: Where None, rows cannot be chosen one by one.
    pick: Callable[[QuerySet, list[str]], QuerySet] | None = None
    actions: tuple[Action, ...] = ()

    @property
    def url(self) -> str:
        return reverse(self.url_name)

    def action(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)

    def picked(self, keys: list[str]) -> list[Model]:
        """The rows of these names, those there are."""
        return list(self.pick(self.rows(), keys))

    def key_of(self, row: Model) -> str:
        """What names the row."""
        return str(getattr(row, self.table.key))


def listing_page(
    request: HttpRequest,
    listing: Listing,
    template: str,
    *,
    rows: object | None = None,
    **context: object,
) -> HttpResponseBase:
    """The list's page, or with `?format=` a file of all its pages. `rows` in place of its own."""
    form = request.GET.get("format")
    if form in FORMATS:
        return listing_file(request, listing, form, rows)
    table, chosen = _asked_for(request, listing, rows)
    context |= {
        "listing": listing,
        "filter": chosen,
        "table": paged(request, table),
        "view": View(request, listing, chosen, table),
    }
    return render(request, template, context)


def listing_file(
    request: HttpRequest, listing: Listing, form: str, rows: object | None = None
) -> HttpResponseBase:
    """What the page of the same query shows, all of its pages, as one of FORMATS."""
    table, _ = _asked_for(request, listing, rows)
    table.order_by = request.GET.get("sort") or table.order_by
    return exported(table, listing.name, form)


def _asked_for(
    request: HttpRequest, listing: Listing, rows: object | None
) -> tuple[ListTable, FilterSet | None]:
    """The table of the rows that the address leaves, and its filters."""
    if rows is None:
        rows = listing.seen_by(request) if listing.seen_by else listing.rows()
    if listing.pick and (keys := request.GET.get("rows")):
        rows = listing.pick(rows, written(keys).split(","))
    chosen = listing.filters(request.GET, queryset=rows) if listing.filters else None
    table = listing.table(chosen.qs if chosen else rows, columns_of(request, listing))
    table.is_checkable = bool(listing.pick)
    return table, chosen


def columns_of(request: HttpRequest, listing: Listing) -> list[str] | None:
    """Those of the address, else those that the visitor chose once."""
    asked = request.GET.get("columns")
    if asked is not None:
        return asked.split(",")
    return ChosenColumns.objects.of(request.user, listing.name)


class View:
    """The list as the visitor sees it: its address, and what they saved of it."""

    def __init__(
        self, request: HttpRequest, listing: Listing, chosen: FilterSet | None, table: ListTable
    ) -> None:
        self._request = request
        self._listing = listing
        self._table = table
        self._fields = set(chosen.form.fields) if chosen else set()
        self.query = kept_query(request.GET)

    @property
    def saved(self) -> list[dict]:
        found = SavedFilter.objects.of(self._request.user, self._listing.name)
        return [{"row": row, "is_current": row.query == self.query} for row in found]

    @property
    def rows_chosen(self) -> int:
        """How many rows the address names; 0 where it names none."""
        keys = self._listing.pick and self._request.GET.get("rows")
        return len(keys.split(",")) if keys else 0

    @property
    def for_others(self) -> str:
        """The query that shows the same to everybody: with the columns that the visitor chose."""
        query = QueryDict(self.query, mutable=True)
        if self._table.chosen is not None:
            query["columns"] = ",".join(self._table.shows)
        return query.urlencode(safe=",:")

    @property
    def others(self) -> list[tuple[str, str]]:
        """What the form over the list has no fields for, and keeps."""
        lists = self._request.GET.lists()
        left_out = self._fields.union(PASSING)
        return [(name, value) for name, values in lists if name not in left_out for value in values]

    @property
    def without_filters(self) -> str:
        return self._address(self._fields | {"rows"})

    @property
    def without_columns(self) -> str:
        """So that what is chosen next is seen."""
        return self._address({"columns"})

    def _address(self, left_out: Collection[str]) -> str:
        query = self._request.GET.copy()
        for name in (*left_out, *PASSING):
            query.pop(name, None)
        return f"{self._request.path}?{query.urlencode()}" if query else self._request.path


def kept_query(query: QueryDict) -> str:
    """The address's query without what is empty or passing, in a fixed order."""
    kept = QueryDict(mutable=True)
    for key in sorted(query):
        values = [value for value in query.getlist(key) if value]
        if values and key not in PASSING:
            kept.setlist(key, values)
    return kept.urlencode()
