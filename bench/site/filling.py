"""Fills a database with runs in minutes: copies of a few, made inside the database.

Every run has rows of its own, raw samples too (they are not stored by content); models, datasets
and configs share one file each, as the site keeps files by their hash.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from bench.site.originals import originals
from runs.models import (
    Dataset,
    InferenceConfig,
    LogChunk,
    Measurement,
    ProfileRun,
    RegisteredModel,
    SampleChunk,
)
from runs.models.profile_run import RunModel
from tests.rows import Rows

ORIGINALS = 20
MODELS, CONFIGS, DATASETS, TARGETS = 400, 40, 60, 3
#: Every so many-th run is a failed one.
FAILED_EVERY = 12
BATCH = 500
COPIED = (Measurement, SampleChunk, LogChunk)


def fill(runs: int) -> None:
    """`runs` runs over the last year; the first of each name are the originals."""
    user = get_user_model().objects.filter(is_superuser=True).first()
    make = Rows(user)
    with transaction.atomic():
        registry = _register(make)
        sources = originals(make, ORIGINALS)
    for numbers in _batches(runs - len(sources)):
        with transaction.atomic():
            _copy(sources, numbers, registry, runs)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _register(make: Rows) -> dict[str, list]:
    files = make.files()
    models = [
        RegisteredModel.objects.register(
            name=f"model-{number:03}", files=files, created_by=make.owner, framework="sklearn",
            tags={"team": f"team-{number % 7}", "requestedCpu": "0.5", "requestedMemoryInGb": "1"},
        )
        for number in range(MODELS)
    ]  # fmt: skip
    config, dataset = make.config(), make.dataset()
    return {
        "models": models,
        "configs": _named_alike(InferenceConfig, config, CONFIGS),
        "datasets": _named_alike(Dataset, dataset, DATASETS),
        "targets": [make.target(name=f"machine-{number}") for number in range(TARGETS)],
    }


def _named_alike(kind: type, row: object, count: int) -> list:
    """More of the same under names of their own."""
    found = [row]
    for number in range(1, count):
        other = kind.objects.get(pk=row.pk)
        other.pk, other.uuid, other.name = None, uuid.uuid4(), f"{row.name}-{number:03}"
        other.save(force_insert=True)
        found.append(other)
    return found


def _batches(count: int) -> Iterator[range]:
    return (range(begin, min(begin + BATCH, count)) for begin in range(0, count, BATCH))


def _copy(
    sources: Sequence[ProfileRun], numbers: range, registry: dict[str, list], runs: int
) -> None:
    """One batch: rows of runs by the ORM, all that belongs to them by INSERT ... SELECT."""
    rng = random.Random(numbers.start)
    *sized, failed = sources
    by_source: dict[int, list[ProfileRun]] = {source.pk: [] for source in sources}
    for number in numbers:
        source = failed if number % FAILED_EVERY == 0 else sized[number % len(sized)]
        by_source[source.pk].append(_clone(source, number, registry, rng))
    clones = [clone for group in by_source.values() for clone in group]
    _date(clones, runs)
    ProfileRun.objects.bulk_create(clones)
    ProfileRun.objects.filter(pk__in=[clone.pk for clone in clones]).update(
        created_at=F("queued_at")
    )
    RunModel.objects.bulk_create(
        RunModel(run=clone, model=rng.choice(registry["models"])) for clone in clones
    )
    for source, group in by_source.items():
        if group:
            _copy_rows(source, group[0].pk, group[-1].pk)


def _clone(
    source: ProfileRun, number: int, registry: dict[str, list], rng: random.Random
) -> ProfileRun:
    """The run again, under another name and over other objects of the registry."""
    left_out = ("id", "uuid", "name", "config", "dataset", "target")
    clone = ProfileRun(
        **{
            field.attname: getattr(source, field.attname)
            for field in ProfileRun._meta.concrete_fields
            if field.name not in left_out and not field.generated
        }
    )
    clone.name = f"run-{number:05}"
    clone.config = rng.choice(registry["configs"])
    clone.dataset = rng.choice(registry["datasets"])
    clone.target = rng.choice(registry["targets"])
    return clone


def _date(clones: Sequence[ProfileRun], runs: int) -> None:
    """A year of runs, evenly; they take a minute each."""
    now = timezone.now()
    for clone in clones:
        age = timedelta(days=365) * (1 - int(clone.name[4:]) / runs)
        clone.queued_at = clone.started_at = now - age
        clone.finished_at = clone.queued_at + timedelta(minutes=1)


def _copy_rows(source: int, first: int, last: int) -> None:
    """The rows that belong to a run, once more for each run from `first` to `last`."""
    for kind in COPIED:
        table = connection.ops.quote_name(kind._meta.db_table)
        columns = [
            connection.ops.quote_name(field.column)
            for field in kind._meta.concrete_fields
            if field.name not in ("id", "run")
        ]
        into, taken = ", ".join(columns), ", ".join(f"source.{name}" for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (run_id, {into}) "
                f"SELECT clone.id, {taken} FROM runs_profilerun AS clone "
                f"JOIN {table} AS source ON source.run_id = %s "
                "WHERE clone.id BETWEEN %s AND %s",
                [source, first, last],
            )
