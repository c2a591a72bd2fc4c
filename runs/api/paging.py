"""Lists are read page by page, by cursor."""

from __future__ import annotations

from rest_framework import pagination


class Newest(pagination.CursorPagination):
    """Newest first; a page stays the same while new rows come."""

    ordering = ("-created_at", "-pk")
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"

    def get_paginated_response_schema(self, schema: dict) -> dict:
        """As OpenAPI 3.1 writes what may be null; the framework's own is of 3.0."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }


class InOrder(Newest):
    ordering = ("ordinal",)


class ByName(Newest):
    ordering = ("name",)
