"""The first rows of a dataset as a page shows them: short, and readable whatever the bytes are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from profiler.dataset import Row

ROWS = 10
TEXT_CHARACTERS = 400
HEX_BYTES = 48


def first_rows(rows: Sequence[Row]) -> list[dict]:
    """Number, size in bytes, label, content type and the beginning of the body of each."""
    return [
        {
            "number": row.number,
            "bytes": len(row.body),
            "label": row.label,
            "content_type": row.content_type,
            "method": row.method,
            "path": row.path,
            **beginning(row.body),
        }
        for row in islice(rows, ROWS)
    ]


def beginning(body: bytes) -> dict:
    """`text` when it is readable, or else the first bytes as `hex`; and whether that is all."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"hex": body[:HEX_BYTES].hex(" "), "is_whole": len(body) <= HEX_BYTES}
    return {"text": text[:TEXT_CHARACTERS], "is_whole": len(text) <= TEXT_CHARACTERS}
