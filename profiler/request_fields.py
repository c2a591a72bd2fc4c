"""What may stand in a request: methods, paths, header fields, content types (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterable

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

DEFAULT_CONTENT_TYPE = "application/json"

_PATH = re.compile(r"/[!-~]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTENT_TYPE = re.compile(r"[!#$&^_.+0-9A-Za-z-]+/[!#$&^_.+0-9A-Za-z-]+([ \t]*;[ -~]*)?")

#: Header fields that the load driver writes itself, or that would break its framing.
DRIVERS_OWN = {
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def wrong_method(value: object) -> str | None:
    """Why `value` is no method to send, or None."""
    if isinstance(value, str) and value in METHODS:
        return None
    return f"must be one of {', '.join(METHODS)} (capital letters)"


def wrong_path(value: object) -> str | None:
    """Why `value` is no request path, or None."""
    if isinstance(value, str) and _PATH.fullmatch(value):
        return None
    return 'must be a path that begins with "/"; write spaces and other letters as %XX'


def wrong_content_type(value: object) -> str | None:
    """Why `value` is no content type, or None."""
    if isinstance(value, str) and _CONTENT_TYPE.fullmatch(value):
        return None
    return 'must be a content type such as "application/json"'


def wrong_header(name: object, value: object) -> str | None:
    """Why this header field cannot be sent, or None."""
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "is not the name of a header field; use letters, digits and hyphens"
    if name.lower() in DRIVERS_OWN:
        return "is set by the load driver itself; remove it"
    if name.lower() == "content-type":
        return "is no header here; give it as content_type"
    if not isinstance(value, str):
        return "must be a string; write it in quotes"
    if not value.isascii() or not value.isprintable():
        return "may hold only printable ASCII characters, no line breaks"
    return None


def merged_headers(*layers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Header fields of all layers; a later one replaces an earlier of the same name, any case."""
    fields: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer:
            fields[name.lower()] = (name, value)
    return tuple(fields.values())
