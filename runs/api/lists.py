"""Lists as files, with the filters, order and columns of their pages."""

from __future__ import annotations

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from runs.lists.catalogue import LISTINGS
from runs.lists.exporting import FORMATS
from runs.lists.listing import listing_file

PARAMETERS = [
    OpenApiParameter("listing", str, OpenApiParameter.PATH, enum=sorted(LISTINGS)),
    OpenApiParameter("form", str, OpenApiParameter.PATH, enum=sorted(FORMATS)),
    OpenApiParameter("columns", str, description="Names, by commas; those you chose by default"),
    OpenApiParameter("sort", str, description="A column; with - before it, the other way round"),
    OpenApiParameter("rows", str, description="What names rows, by commas; all by default"),
]


class ListFile(APIView):
    """A list as its page shows it under the same query, which has its filters too: all pages."""

    @extend_schema(
        operation_id="list_file",
        parameters=PARAMETERS,
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, listing: str, form: str) -> HttpResponseBase:
        if listing not in LISTINGS or form not in FORMATS:
            raise NotFound(f"There is no list {listing} as {form}.")
        return listing_file(request._request, LISTINGS[listing], form)
