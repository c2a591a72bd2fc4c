"""What can be done to checked proposals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from runs import reviewing
from runs.applying import ApplyRefused
from runs.lists.bulk import Action, RowRefused
from runs.models import Proposal
from runs.models.proposal import TransitionRefused
from runs.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ALTHOUGH = "although"


def apply(proposal: Proposal, user: User, values: dict[str, str]) -> str:
    try:
        reviewing.apply(proposal, user, confirmed=bool(values[ALTHOUGH]))
    except (ApplyRefused, TransitionRefused) as refusal:
        raise RowRefused(f"Not applied: {refusal}") from refusal
    except ValidationError as wrong:
        raise RowRefused(f"Not applied: {' '.join(wrong.messages)}") from wrong
    return "Applied as tags"


ACTIONS = (
    Action("apply", "Apply", icon="tag", needs=Role.CONTRIBUTOR, act=apply,
           question="Each size is written into the tags of its models. One that is refused does "
                    "not keep the others from it.",
           flags=((ALTHOUGH, "Also those that something speaks against. That is recorded."),)),
)  # fmt: skip
