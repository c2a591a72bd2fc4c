"""Removal of what no live run owns any more on this host: containers, processes, folders."""

from __future__ import annotations

import logging
import shutil

from django.conf import settings
from django.db import DatabaseError

from runs.jobs import work_root
from runs.models import ProfileRun

logger = logging.getLogger(__name__)


def live_attempts() -> set[str]:
    """`<run>.<attempt>` of each unfinished run.

    Queued ones too: between this reading and the removal one may begin.
    """
    return {run.attempt_name for run in ProfileRun.objects.unfinished().only("uuid", "attempt")}


def remove() -> list[str]:
    """Remove what belongs to no live attempt; what was removed, in words."""
    from profiler.services import leftovers

    keep = live_attempts()
    removed = _remove_folders(keep)
    removed += leftovers.sweep_processes(settings.PROFILER_INSTALLATION, keep)
    removed += leftovers.sweep_containers(settings.PROFILER_INSTALLATION, keep)
    for what in removed:
        logger.info("removed %s: its run is over", what)
    return removed


def remove_quietly() -> None:
    """As `remove`; what cannot be removed now is left to the sweeper's next round."""
    try:
        remove()
    except DatabaseError as error:
        logger.warning("leftovers not removed: the database cannot be asked (%s)", error)
    except Exception as error:
        logger.warning("leftovers not removed (%s: %s)", type(error).__name__, error)


def _remove_folders(keep: set[str]) -> list[str]:
    if not work_root().is_dir():
        return []
    dead = [folder for folder in work_root().iterdir() if folder.name not in keep]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return [f"work folder {folder.name}" for folder in dead]
