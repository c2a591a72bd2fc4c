"""What can be done to checked runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db import IntegrityError
from django.urls import reverse

from runs.lists.bulk import Action, RowRefused
from runs.models import ProfileRun
from runs.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def compared(names: Sequence[str]) -> str:
    return f"{reverse('run_compare')}?{urlencode({'runs': ','.join(names)}, safe=',')}"


def cancel(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    if run.request_cancel(user):
        return "Being cancelled; what was measured is kept:"
    run.refresh_from_db(fields=["state", "cancel_requested_at"])
    if run.is_cancelling:
        raise RowRefused("Were being cancelled already:")
    raise RowRefused(f"Not cancelled, already {run.get_state_display().lower()}:")


def run_again(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    """The same models, config, dataset, target and settings once more, under a free name."""
    if not run.target.is_available:
        raise RowRefused(f"Not run again, {run.target.name} takes no runs:")
    try:
        ProfileRun.objects.repeat(run, user)
    except IntegrityError as error:
        raise RowRefused("Not run again, it could not be submitted:") from error
    return "Queued once more:"


ACTIONS = (
    Action("compare", "Compare checked", icon="git-compare", lead=compared),
    Action("again", "Run again", icon="refresh", needs=Role.CONTRIBUTOR, act=run_again,
           question="Each checked run is queued once more, with the same settings."),
    Action("cancel", "Cancel", icon="ban", needs=Role.CONTRIBUTOR, act=cancel, is_danger=True,
           question="Runs that wait end at once; those that run stop. What they measured is kept."),
)  # fmt: skip
