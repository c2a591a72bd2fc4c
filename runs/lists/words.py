"""Searching rows by words: each word has to be found somewhere in a row."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Q, QuerySet


def matching(rows: QuerySet, text: str, where: Callable[[str], Q]) -> QuerySet:
    """`where` says what it means for a row to have a word."""
    for word in text.split():
        rows = rows.filter(where(word))
    return rows


def named_state(choices: type, word: str) -> list[str]:
    """The states that a word means: `timed`, `failed`."""
    word = word.lower()
    return [value for value, label in choices.choices if word in (value, label.lower())]
