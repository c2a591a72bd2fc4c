"""One shape for every error: `{code, message, fields}`."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as Wrong
from django.forms import BaseForm
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from runs.api.parsers import TooLarge
from runs.applying import ApplyRefused, ConfirmationNeeded
from runs.diagnoses import NoFix
from runs.formatting import file_size
from runs.models.proposal import TransitionRefused
from runs.storage import UploadRefused
from runs.views.errors import TOO_LARGE

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


class Refused(exceptions.APIException):
    """The state of things does not allow it; the message says why."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "refused"


def check(form: BaseForm) -> None:
    """Raise what a page would show beside its fields."""
    if not form.is_valid():
        refuse_form(form)


def refuse_form(form: BaseForm) -> None:
    found = {name: list(texts) for name, texts in form.errors.items()}
    raise exceptions.ValidationError({_NAMES.get(name, name): found[name] for name in found})


#: What no single field is to blame for.
_NAMES = {"__all__": "request"}


def answer(error: Exception, context: dict) -> Response:
    """The answer to anything raised in a view; a bug is logged and told without its details."""
    error = _as_the_framework_says_it(error)
    response = exception_handler(error, context)
    if response is None:
        logger.error("%s broke", context["request"].path, exc_info=error)
        set_rollback()
        message = "Something in Model Profiler broke; the site's log has the details."
        return Response(body("server_error", message), status.HTTP_500_INTERNAL_SERVER_ERROR)
    response.data = _body_of(error)
    return response


def _as_the_framework_says_it(error: Exception) -> Exception:
    """The project's own refusals as errors of the API."""
    if isinstance(error, ApplyRefused | TransitionRefused | NoFix):
        code = "confirmation_needed" if isinstance(error, ConfirmationNeeded) else "refused"
        return Refused(str(error), code)
    if isinstance(error, TOO_LARGE):
        most, number = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return TooLarge(f"Up to {number} fields that are no files, of {file_size(most)} in all.")
    if isinstance(error, UploadRefused):
        return exceptions.ValidationError({"files": [str(error)]})
    if isinstance(error, Wrong):
        return exceptions.ValidationError({"request": error.messages})
    return error


def body(code: str, message: str, fields: dict | None = None) -> dict:
    return {"code": code, "message": message, "fields": fields or {}}


def _body_of(error: Exception) -> dict:
    if isinstance(error, Http404):
        return body("not_found", str(error) or "There is nothing here.")
    if isinstance(error, PermissionDenied):
        return body("permission_denied", "You may not do this.")
    if isinstance(error, exceptions.ValidationError):
        named = _by_place(error.detail)
        return body("invalid", "; ".join(text for texts in named.values() for text in texts), named)
    return body(error.get_codes(), str(error.detail))


def _by_place(detail: dict | list | str, place: str = "") -> dict[str, list[str]]:
    """Every text with where it belongs, such as `load.rate_rps` or `models[0]`."""
    if isinstance(detail, list) and not any(isinstance(one, dict) for one in detail):
        return {place or "request": [str(one) for one in detail]} if detail else {}
    if not isinstance(detail, dict | list):
        return {place or "request": [str(detail)]}
    inner = detail.items() if isinstance(detail, dict) else enumerate(detail)
    found: dict[str, list[str]] = {}
    for key, value in inner:
        found |= _by_place(value, _joined(place, key))
    return found


def _joined(place: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    if key == api_settings.NON_FIELD_ERRORS_KEY:
        return place
    return f"{place}.{key}" if place else key
