"""Every endpoint of the OpenAPI document can answer with an error, and how that looks."""

from __future__ import annotations

from django import forms
from drf_spectacular.utils import OpenApiParameter

from runs.api.errors import ERROR_SCHEMA

#: Of addresses that compare runs.
COMPARED = [
    OpenApiParameter("runs", str, required=True, description="Names, by commas"),
    OpenApiParameter("base", str, description="One of them; the first by default"),
]

ERRORS = {
    "400": "A parameter is wrong",
    "401": "Not signed in",
    "403": "Not allowed",
    "404": "Not there",
    "405": "Not a method of this address",
    "409": "The state of things does not allow it",
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


#: What a field of a form is in a request; any other is a text.
KINDS: dict[type[forms.Field], dict] = {
    forms.FileField: {"type": "string", "format": "binary"},
    forms.IntegerField: {"type": "integer"},
    forms.FloatField: {"type": "number"},
    forms.BooleanField: {"type": "boolean"},
}


def form_schema(form_class: type[forms.Form]) -> dict:
    """The body that a form takes, as OpenAPI says it."""
    fields = form_class.base_fields
    shape = {
        "type": "object",
        "required": [name for name, field in fields.items() if field.required],
        "properties": {name: _field_schema(field) for name, field in fields.items()},
    }
    return {"multipart/form-data": shape}


def _field_schema(field: forms.Field) -> dict:
    kind = next((KINDS[one] for one in KINDS if isinstance(field, one)), {"type": "string"})
    if getattr(field.widget, "allow_multiple_selected", False):
        kind = {"type": "array", "items": kind}
    if isinstance(field, forms.ChoiceField):
        kind = {**kind, "enum": [value for value, _ in field.choices]}
    return {**kind, "description": str(field.help_text)} if field.help_text else kind
