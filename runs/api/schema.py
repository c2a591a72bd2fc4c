"""Every endpoint of the OpenAPI document can answer with an error, and how that looks."""

from __future__ import annotations

from runs.api.errors import ERROR_SCHEMA

ERRORS = {
    "400": "A parameter is wrong",
    "401": "Not signed in",
    "403": "Not allowed",
    "404": "Not there",
    "405": "Not a method of this address",
    "429": "Too many requests",
    "500": "A bug of the site's",
}


def with_errors(result: dict, generator: object, request: object, public: bool) -> dict:
    """A postprocessing hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path in result["paths"].values():
        for operation in path.values():
            for status, text in ERRORS.items():
                operation["responses"].setdefault(status, {"description": text, "content": content})
    return result
