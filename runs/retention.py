"""Raw samples of old runs are dropped where the settings ask for it; results never are."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Coalesce, Length, Now
from django.utils import timezone

from runs.models import ProfileRun, SampleChunk

logger = logging.getLogger(__name__)

#: Chunks deleted in one statement: SQLite has one writer at a time, and runs write every second.
BATCH = 500


@dataclass(frozen=True)
class Dropped:
    """What was dropped; `is_done` is False when the time was up first."""

    runs: int
    chunks: int
    is_done: bool


def drop_outdated(within_s: float) -> Dropped:
    """What RAW_RETENTION_DAYS asks for, as much of it as can be done `within_s` seconds."""
    if not settings.RAW_RETENTION_DAYS:
        return Dropped(0, 0, is_done=True)
    dropped = drop(_days_ago(settings.RAW_RETENTION_DAYS), within_s)
    if dropped.chunks:
        logger.info("dropped %d chunks of raw samples of %d run(s)", dropped.chunks, dropped.runs)
    return dropped


def drop(before: datetime, within_s: float = float("inf")) -> Dropped:
    """Drop the raw samples of all runs that finished `before`, but of those that keep theirs.

    A batch is always deleted, however short the time. A run is marked first, so that nobody takes
    the half that is left for the whole; one that was only begun is gone on with the next time.
    """
    deadline = time.monotonic() + within_s
    runs = chunks = 0
    for run in ProfileRun.objects.raw_outdated(before).order_by("finished_at").only("pk", "name"):
        # Again conditional: somebody may have asked meanwhile to keep them.
        marked = ProfileRun.objects.filter(pk=run.pk, keep_raw=False).update(
            raw_dropped_at=Coalesce("raw_dropped_at", Now())
        )
        if not marked:
            continue
        for deleted in _deletions(run):
            chunks += deleted
            if time.monotonic() > deadline:
                return Dropped(runs, chunks, is_done=False)
        runs += 1
    return Dropped(runs, chunks, is_done=True)


def _deletions(run: ProfileRun) -> Iterator[int]:
    """Deletes a batch at a time; how many each was."""
    while keys := list(run.chunks.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted, _ = SampleChunk.objects.filter(pk__in=keys).delete()
        yield deleted


@dataclass(frozen=True)
class Outdated:
    """What dropping would free: `sizes` are (run name, bytes), oldest first."""

    sizes: list[tuple[str, int]]

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.sizes)


def outdated(days: int) -> Outdated:
    runs = ProfileRun.objects.raw_outdated(_days_ago(days)).order_by("finished_at")
    return Outdated(list(runs.values_list("name").annotate(size=Sum(Length("chunks__blob")))))


def drop_older_than(days: int) -> Dropped:
    return drop(_days_ago(days))


def _days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
