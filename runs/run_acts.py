"""What people do to a run, be it from its page, from a list or by a program."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import IntegrityError

from runs.journal import note_rows
from runs.models import ProfileRun
from runs.raw_data import dropped_words
from runs.spec_check import problems_of, why_target_refused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from runs.models import RegisteredModel


class RunRefused(Exception):
    """Why nothing was done to a run, in words for whoever asked."""


def cancel(run: ProfileRun, user: User, *, force: bool = False) -> str:
    """Ask it to stop or, when that was done, have it stopped by force; what it is by then.

    Raises RunRefused with what it is in place of that: "already failed".
    """
    if force and run.force_cancel(user):
        return "stopped by force"
    if not force and run.request_cancel(user):
        return "being cancelled; what it measured so far is kept"
    run.refresh_from_db(fields=["state", "cancel_requested_at"])
    if run.is_cancelling:
        raise RunRefused("already being cancelled")
    if run.is_finished:
        raise RunRefused(f"already {run.get_state_display().lower()}")
    raise RunRefused("not asked to stop yet, which comes before force")


def keep_samples(run: ProfileRun, user: User, *, forever: bool) -> str:
    """Except its raw samples from the retention, or no longer; what holds now.

    Raises RunRefused where they are gone.
    """
    there = ProfileRun.objects.filter(pk=run.pk, raw_dropped_at=None)
    if not there.update(keep_raw=forever):
        run.refresh_from_db(fields=["raw_dropped_at"])
        raise RunRefused(dropped_words(run))
    held = "kept for ever" if forever else "under the retention setting (RAW_RETENTION_DAYS)"
    note_rows(user, [run], f"Its raw samples are {held}.")
    return f"Its raw samples are {held}"


def why_not_queued(run: ProfileRun, models: list[RegisteredModel]) -> str:
    """Why a run, not saved yet or asked for once more, is refused now; in sentences, "" if not."""
    if not run.target.is_available:
        return f"{run.target.name} takes no runs now. {run.target.unavailable_reason}".strip()
    if refusal := why_target_refused(run.target):
        return refusal
    return " ".join(f"{problem}." for problem in problems_of(run, models))


def run_again(run: ProfileRun, user: User, key: str = "", digest: str = "") -> ProfileRun:
    """Queue the same once more under a free name; under a key that was used, that key's run.

    Raises RunRefused.
    """
    if key and (started := ProfileRun.objects.started_by(user, key)):
        return started
    if reason := why_not_queued(run, list(run.models.select_related("files"))):
        raise RunRefused(reason)
    repeat = partial(ProfileRun.objects.repeat, run, user)
    try:
        return ProfileRun.objects.started_once(user, key, digest, repeat)
    except IntegrityError as error:
        raise RunRefused("Somebody just took its name; try again.") from error
