"""The `answers` of a spec: what makes an answer right, beside its status."""

from __future__ import annotations

from collections.abc import Callable

from profiler.answers import read_path, read_pattern
from profiler.spec import AnswerCheck
from profiler.spec_fields import Table

KEYS = tuple(AnswerCheck.__dataclass_fields__)
LONGEST = 1000
#: The whole of an answer.
ROOT = "$"


def read_answers(root: Table) -> AnswerCheck | None:
    """The check; None where the status is all that counts."""
    table = root.table("answers", KEYS)
    if table is None:
        return None
    equals = table.raw("equals")
    check = AnswerCheck(
        json_path=_readable(table, "json_path", read_path) or (None if equals is None else ROOT),
        equals=equals,
        pattern=_readable(table, "pattern", read_pattern),
        same_as_largest=table.flag("same_as_largest", False),
        tolerance=table.number("tolerance", 0, 1, AnswerCheck.tolerance),
    )
    if table.has("tolerance") and not (table.has("equals") or check.same_as_largest):
        table.add("tolerance", 'has no meaning without "equals" or "same_as_largest"; remove it')
    return check if check.json_path or check.pattern or check.same_as_largest else None


def _readable(table: Table, key: str, read: Callable[[str], object]) -> str | None:
    """A text that `read` makes sense of."""
    text = table.text(key)
    if text is None:
        return None
    if len(text) > LONGEST:
        table.add(key, f"has {len(text)} characters; {LONGEST} at most")
        return None
    try:
        read(text)
    except ValueError as error:
        table.add(key, f"cannot be read: {error}; correct it")
        return None
    return text
