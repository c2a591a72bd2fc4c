"""What can be done to checked runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from runs import run_acts
from runs.lists.bulk import KEY, Action, RowRefused
from runs.models import ProfileRun
from runs.roles import Role
from runs.run_acts import RunRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def compared(names: Sequence[str]) -> str:
    return f"{reverse('run_compare')}?{urlencode({'runs': ','.join(names)}, safe=',')}"


def cancel(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    try:
        return run_acts.cancel(run, user).capitalize()
    except RunRefused as refusal:
        raise RowRefused(f"Not cancelled, {refusal}") from refusal


def run_again(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    """The same models, config, dataset, target and settings once more, under a free name."""
    try:
        run_acts.run_again(run, user, _key_of_one(values.get(KEY, ""), run))
    except RunRefused as refusal:
        raise RowRefused(f"Not run again: {refusal}") from refusal
    return "Queued once more"


def keep_samples(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    return _kept(run, user, forever=True)


def release_samples(run: ProfileRun, user: User, values: dict[str, str]) -> str:
    return _kept(run, user, forever=False)


def _kept(run: ProfileRun, user: User, *, forever: bool) -> str:
    try:
        return run_acts.keep_samples(run, user, forever=forever)
    except RunRefused as refusal:
        raise RowRefused(str(refusal)) from refusal


def _key_of_one(key: str, run: ProfileRun) -> str:
    """Many runs are asked for under one key, and each starts one."""
    return hashlib.sha256(f"{key}/{run.name}".encode()).hexdigest() if key else ""


ACTIONS = (
    Action("compare", "Compare checked", icon="git-compare", lead=compared),
    Action("again", "Run again", icon="refresh", needs=Role.CONTRIBUTOR, act=run_again,
           question="Each checked run is queued once more, with the same settings."),
    Action("keep", "Keep samples", icon="bookmark", needs=Role.CONTRIBUTOR, act=keep_samples,
           question="Their raw samples are kept for ever, whatever the retention setting says."),
    Action("release", "Release samples", icon="clock", needs=Role.CONTRIBUTOR,
           act=release_samples, question="The retention setting holds for their raw samples: old "
           "ones are dropped to free space. Results are kept in any case."),
    Action("cancel", "Cancel", icon="ban", needs=Role.CONTRIBUTOR, act=cancel, is_danger=True,
           question="Runs that wait end at once; those that run stop. What they measured is kept."),
)  # fmt: skip
