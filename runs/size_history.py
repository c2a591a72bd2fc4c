"""How the size of a model came about: what its tags asked for, and what runs advised, by time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from runs.models import ProfileRun, TagEvent
from runs.tagged_sizes import asked_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SIZES = ("requestedCpu", "requestedMemoryInGb")
KEYS = (*SIZES, "profile.standing")
#: Looked at, newest first: a page is not for longer histories than these.
MOST_EVENTS, MOST_RUNS = 600, 100
#: The tags of one size are written one after the other, each with its own time.
TOGETHER = timedelta(seconds=1)


@dataclass(frozen=True)
class SizeStep:
    """A size that came to be at a moment; no cpu and no memory where tags stopped naming one.

    `run` is what measured it: None for a size set by hand.
    """

    at: datetime
    version: int
    applied: bool
    cpu_millicores: float | None
    memory_bytes: float | None
    standing: str
    who: User | None
    run: ProfileRun | None
    source: str

    @property
    def what(self) -> str:
        if not self.applied:
            return "advised"
        return "in the tags" if self.cpu_millicores or self.memory_bytes else "out of the tags"


def size_history(name: str) -> list[SizeStep]:
    """Of all versions of a model, oldest first."""
    return sorted([*_applied(name), *_advised(name)], key=lambda step: step.at)


def _applied(name: str) -> Iterator[SizeStep]:
    """A step for each time that the tags of a version changed what they ask for."""
    newest = (
        TagEvent.objects.filter(model__name=name, key__in=KEYS)
        .select_related("model", "actor", "run")
        .only(
            "key", "new", "at", "source", "model__version", "run__name", "actor__username",
            "actor__first_name", "actor__last_name",
        )
        .order_by("-at", "-pk")
    )[:MOST_EVENTS]  # fmt: skip
    tags: dict[int, dict[str, str | None]] = {}
    for events in _written_together(reversed(newest)):
        last = events[-1]
        known = tags.setdefault(last.model.version, {})
        known |= {event.key: event.new for event in events}
        if not any(event.key in SIZES for event in events):
            continue
        cpu, memory = asked_for(known)
        yield SizeStep(
            at=last.at,
            version=last.model.version,
            applied=True,
            cpu_millicores=cpu,
            memory_bytes=memory,
            standing=(known.get("profile.standing") or "") if last.run else "",
            who=last.actor,
            run=last.run,
            source=last.source,
        )


def _written_together(events: Iterable[TagEvent]) -> Iterator[list[TagEvent]]:
    """The events of one change: of one version, by one person, from one source, at one moment."""
    began: datetime | None = None

    def change(event: TagEvent) -> tuple:
        nonlocal began
        if began is None or event.at - began > TOGETHER:
            began = event.at
        return event.model.version, event.actor_id, event.source, began

    for _, together in groupby(events, change):
        yield list(together)


def _advised(name: str) -> Iterator[SizeStep]:
    """A step for each run of a version that advised a size."""
    newest = (
        ProfileRun.objects.advising()
        .filter(models__name=name)
        .select_related("created_by")
        .prefetch_related("models")
        .only(
            "name", "advice", "finished_at", "created_by__username", "created_by__first_name",
            "created_by__last_name",
        )
        .distinct()
        .order_by("-finished_at")
    )[:MOST_RUNS]  # fmt: skip
    for run in newest:
        for model in run.models.all():
            if model.name == name:
                yield SizeStep(
                    at=run.finished_at,
                    version=model.version,
                    applied=False,
                    cpu_millicores=run.advice["cpu_millicores"],
                    memory_bytes=run.advice["memory_bytes"],
                    standing=run.advice["standing"],
                    who=run.created_by,
                    run=run,
                    source=run.name,
                )
