"""One shape for every error: `{code, message, fields}`."""

from __future__ import annotations

import logging

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

logger = logging.getLogger(__name__)


#: The shape for the OpenAPI document: a serializer cannot have a field called `fields`.
ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "message", "fields"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "fields": {
            "type": "object",
            "description": "What was wrong, by parameter; empty where no parameter was.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def answer(error: Exception, context: dict) -> Response:
    """The answer to anything raised in a view; a bug is logged and told without its details."""
    response = exception_handler(error, context)
    if response is None:
        logger.error("%s broke", context["request"].path, exc_info=error)
        set_rollback()
        message = "Something in Model Profiler broke; the site's log has the details."
        return Response(body("server_error", message), status.HTTP_500_INTERNAL_SERVER_ERROR)
    response.data = _body_of(error)
    return response


def body(code: str, message: str, fields: dict | None = None) -> dict:
    return {"code": code, "message": message, "fields": fields or {}}


def _body_of(error: Exception) -> dict:
    if isinstance(error, Http404):
        return body("not_found", str(error) or "There is nothing here.")
    if isinstance(error, PermissionDenied):
        return body("permission_denied", "You may not do this.")
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {}
        named = {name: [str(text) for text in texts] for name, texts in fields.items()}
        return body("invalid", "; ".join(text for texts in named.values() for text in texts), named)
    return body(error.get_codes(), str(error.detail))
