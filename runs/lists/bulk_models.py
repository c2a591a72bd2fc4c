"""What can be done to checked models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.urls import reverse

from runs.applying import why_not_by_hand
from runs.lists.bulk import Action, RowRefused
from runs.models import RegisteredModel
from runs.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def profiled_together(refs: Sequence[str]) -> str:
    return f"{reverse('run_new')}?{urlencode([('model', ref) for ref in refs])}"


def set_tag(model: RegisteredModel, user: User, values: dict[str, str]) -> str:
    """Set it, or with nothing for its value remove it."""
    key, value = values["key"].strip(), values["value"].strip()
    if not key:
        raise RowRefused("No tag was set, it needs a key")
    if reason := why_not_by_hand(key):
        raise RowRefused(f"Not tagged. {reason}")
    try:
        events = model.set_tags({key: value or None}, user)
    except ValidationError as error:
        raise RowRefused(f"Not tagged ({' '.join(error.messages)})") from error
    if not events:
        raise RowRefused(f"Tag {key} was that already")
    return f"Tag {key} is set to {value}" if value else f"Tag {key} is removed"


ACTIONS = (
    Action("tag", "Set a tag", icon="tag", needs=Role.CONTRIBUTOR, act=set_tag,
           inputs=(("key", "Tag"), ("value", "Value, empty to remove it"))),
    Action("profile", "Profile together", icon="player-play", needs=Role.CONTRIBUTOR,
           lead=profiled_together),
)  # fmt: skip
