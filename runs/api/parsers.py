"""Bodies that are read whole are of a bounded size, and hold what a database can keep."""

from __future__ import annotations

from typing import IO

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from runs.formatting import file_size


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class BoundedJSON(JSONParser):
    def parse(self, stream: IO, media_type: str | None = None, parser_context: dict | None = None):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        headers = (parser_context or {})["request"].headers
        if int(headers.get("Content-Length") or 0) > most:
            raise TooLarge(f"A body of JSON may have up to {file_size(most)}.")
        found = super().parse(stream, media_type, parser_context)
        if _has_nul(found):
            raise ParseError("There is a NUL character (\\u0000) in it, which no text may have.")
        return found


def _has_nul(value: object) -> bool:
    if isinstance(value, dict):
        return _has_nul([*value, *value.values()])
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value
