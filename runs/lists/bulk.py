"""What can be done to several checked rows of a list at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from runs.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User


#: Among an action's values, under which a program asks for it: once more does it no second time.
KEY = "idempotency_key"


def written(text: str) -> str:
    """What somebody sent, without what no database keeps in a text."""
    return text.replace("\0", "")


class RowRefused(Exception):
    """Why nothing was done to a row, in words for who asked."""


@dataclass(frozen=True)
class Action:
    """`act` does it to one row and says what was done, or raises RowRefused.

    Where `lead` is given instead, it says which address the checked rows lead to. `question` is
    asked before it is done. `inputs` are names of fields that go with it, and their labels;
    `flags` those of boxes to check.
    """

    name: str
    label: str
    icon: str
    needs: Role = Role.VIEWER
    act: Callable[[models.Model, User, dict[str, str]], str] | None = None
    lead: Callable[[Sequence[str]], str] | None = None
    question: str = ""
    is_danger: bool = False
    inputs: tuple[tuple[str, str], ...] = ()
    flags: tuple[tuple[str, str], ...] = ()

    @property
    def role(self) -> str:
        """As templates ask for it."""
        return self.needs.word

    @property
    def asks_first(self) -> bool:
        return bool(self.question or self.inputs)

    def values(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Of what was sent, its own fields; "" for what was left out."""
        return {name: written(sent.get(name, "")) for name, _ in (*self.inputs, *self.flags)}


def do(
    action: Action, rows: Iterable[models.Model], user: User, values: dict[str, str]
) -> list[tuple[models.Model, str, bool]]:
    """(row, what happened, whether it was done), row by row: none keeps the others from it."""
    outcomes = []
    for row in rows:
        try:
            outcomes.append((row, action.act(row, user, values), True))
        except RowRefused as refusal:
            outcomes.append((row, str(refusal), False))
    return outcomes


def tell(request: HttpRequest, outcomes: Iterable[tuple[models.Model, str, bool]]) -> None:
    """A message for each thing that happened, naming the rows that it happened to."""
    rows_by_words = defaultdict(list)
    for row, words, done in outcomes:
        rows_by_words[words, done].append(row)
    for (words, done), rows in rows_by_words.items():
        links = format_html_join(
            ", ", '<a href="{}">{}</a>', ((row.get_absolute_url(), row) for row in rows)
        )
        level = messages.SUCCESS if done else messages.WARNING
        messages.add_message(request, level, format_html("<b>{}:</b> {}", words.rstrip("."), links))
