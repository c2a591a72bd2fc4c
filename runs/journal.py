"""What people do on pages of our own, in the log that Django keeps of the administration's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.admin.models import CHANGE, LogEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import Model


def note(user: User, what: str, words: str) -> None:
    """Of something that is no row."""
    LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr=what, change_message=words)


def note_rows(user: User, rows: Iterable[Model], words: str) -> None:
    LogEntry.objects.log_actions(user.pk, list(rows), CHANGE, words)
