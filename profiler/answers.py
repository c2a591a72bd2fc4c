"""Answers that say success and mean failure: several published scoring scripts catch every
exception and answer HTTP 200 with its text.
"""

from __future__ import annotations

import json
import re

#: `ValueError: bad shape` or the head of a traceback, at the start of an answer.
EXCEPTION_TEXT = re.compile(
    r"""^["'\s]*(Traceback \(most recent call last\)|(\w+\.)*\w+(Error|Exception):?\s|[Ee]rror:)"""
)
ERROR_KEYS = {"error", "errors", "exception", "traceback"}


def looks_like_error(body: str) -> bool:
    """Whether the text of a successful answer reads like an exception's.

    A JSON object with a filled error key, or a text that begins as an exception's does.
    """
    try:
        value = json.loads(body)
    except ValueError:
        value = body
    if isinstance(value, str):
        return bool(EXCEPTION_TEXT.match(value))
    if isinstance(value, dict):
        return any(value[key] for key in value if key.lower() in ERROR_KEYS)
    return False
