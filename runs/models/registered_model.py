"""A model as the registry knows it, and the history of its tags."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse
from simple_history.models import HistoricalRecords

from profiler.sizing.tags import MEASUREMENT_TAG, SIZE_TAGS, STANDING_TAG
from runs.models.names import VersionedQuerySet, valid_name
from runs.models.stored_files import StoredFiles

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from runs.models.profile_run import ProfileRun

#: As long as MLflow allows, so that tags can be carried over.
MAX_TAG_CHARACTERS = 5000
#: What a standing is said of.
PROVEN_TOGETHER = (*SIZE_TAGS, "profile.run", STANDING_TAG, MEASUREMENT_TAG)


class RegisteredModelQuerySet(VersionedQuerySet):
    def for_list(self) -> RegisteredModelQuerySet:
        """The latest version of each name, newest first, with how many versions and runs."""
        same_name = RegisteredModel.objects.filter(name=models.OuterRef("name")).order_by()
        versions = same_name.values("name").annotate(count=models.Count("pk")).values("count")
        return (
            self.latest_of_each()
            .select_related("files", "created_by")
            .annotate(
                version_count=models.Subquery(versions),
                run_count=models.Count("runs", distinct=True),
            )
            .order_by("-created_at")
        )

    def for_page(self) -> RegisteredModelQuerySet:
        return self.select_related("files", "created_by")

    def register(
        self,
        *,
        name: str,
        files: StoredFiles,
        created_by: User | None,
        description: str = "",
        framework: str = "",
        framework_version: str = "",
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        """Register the next version of `name`; its first tags are in the history too."""
        with transaction.atomic():
            model = self.create_version(
                name=name,
                files=files,
                created_by=created_by,
                description=description,
                framework=framework,
                framework_version=framework_version,
                properties=dict(properties or {}),
            )
            model.set_tags(tags or {}, created_by)
        return model


class RegisteredModel(models.Model):
    """`name:version`, its files, its tags (which change) and properties (which only grow)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255, validators=[valid_name])
    version = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    framework = models.CharField(max_length=100, blank=True)
    framework_version = models.CharField(max_length=50, blank=True)
    files = models.ForeignKey(StoredFiles, on_delete=models.PROTECT, related_name="models")
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RegisteredModelQuerySet.as_manager()
    # Tags and properties have their own, append-only history: TagEvent.
    history = HistoricalRecords(excluded_fields=["tags", "properties"])

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="model_version")]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        return reverse("model_detail", args=[self.name, self.version])

    @property
    def ref(self) -> str:
        return f"{self.name}:{self.version}"

    def set_tags(
        self,
        changes: Mapping[str, str | None],
        actor: User | None,
        source: str = "by hand",
        run: ProfileRun | None = None,
    ) -> list[TagEvent]:
        """Change tags (None removes one) and record each real change; the events written.

        `run` is whose size is applied. Without one a size is set by hand: then how well the one
        before was known is removed. Raises ValidationError.
        """
        with transaction.atomic():
            row = RegisteredModel.objects.select_for_update().get(pk=self.pk)
            tags, events = dict(row.tags), []
            if run is None:
                changes = self._by_hand(tags, changes)
            for key, new in changes.items():
                new = None if new is None else _checked(key, new)
                old = tags.get(key)
                if old == new:
                    continue
                tags.pop(key, None)
                if new is not None:
                    tags[key] = new
                events.append(
                    TagEvent(
                        model=self, key=key, old=old, new=new, actor=actor, source=source, run=run
                    )
                )
            RegisteredModel.objects.filter(pk=self.pk).update(tags=tags)
            TagEvent.objects.bulk_create(events)
        self.tags = tags
        return events

    def _by_hand(self, tags: Mapping[str, str], changes: Mapping[str, str | None]) -> dict:
        """The changes, and with another size the end of how well the one before is known."""
        is_other_size = any(key in changes and changes[key] != tags.get(key) for key in SIZE_TAGS)
        refuse_standing(self.name, changes, {} if is_other_size else tags)
        return {STANDING_TAG: None, **changes} if is_other_size else dict(changes)

    def change(
        self, tags: Mapping[str, str | None], properties: Mapping[str, str], actor: User | None
    ) -> None:
        """Set tags and add properties, both or neither. Raises ValidationError."""
        with transaction.atomic():
            self.set_tags(tags, actor)
            self.add_properties(properties)

    def tags_with_events(self) -> list[tuple[str, str, TagEvent | None]]:
        """(key, value, the event that set it) by key; None for tags older than their history."""
        newest = {}
        for event in self.tag_events.for_page().order_by("at", "pk"):
            newest[event.key] = event
        return [(key, value, newest.get(key)) for key, value in sorted(self.tags.items())]

    def add_properties(self, additions: Mapping[str, str], run: ProfileRun | None = None) -> None:
        """Add properties; `run` is whose size is applied, if one is. Raises ValidationError when
        one is there already with another value, or is not to be set by hand.
        """
        if run is None:
            refuse_standing(self.name, additions, self.properties)
        with transaction.atomic():
            row = RegisteredModel.objects.select_for_update().get(pk=self.pk)
            changed = [
                key for key, value in additions.items() if row.properties.get(key, value) != value
            ]
            if changed:
                raise ValidationError(
                    f"Properties are immutable: {', '.join(sorted(changed))} of {self.ref} "
                    "already has another value."
                )
            checked = {key: _checked(key, value) for key, value in additions.items()}
            properties = {**row.properties, **checked}
            RegisteredModel.objects.filter(pk=self.pk).update(properties=properties)
        self.properties = properties


def refuse_standing(name: str, changes: Mapping[str, str | None], known: Mapping[str, str]) -> None:
    """Raise ValidationError where a standing is claimed that no run has given the model.

    All that is said of a size may be carried from one version to another.
    """
    if changes.get(STANDING_TAG) in (None, known.get(STANDING_TAG)):
        return
    for other in RegisteredModel.objects.filter(name=name).only("tags", "properties"):
        for told in (other.tags, other.properties):
            if all(told.get(key) == changes.get(key) for key in PROVEN_TOGETHER):
                return
    raise ValidationError(
        f"{STANDING_TAG} says how well a run has proven a size: it is written when a size is "
        "applied, and cannot be set by hand."
    )


def _checked(key: str, value: str) -> str:
    value = str(value)
    if not key or len(key) > 255 or len(value) > MAX_TAG_CHARACTERS:
        raise ValidationError(f"The tag {key[:255]!r} is empty or too long.")
    return value


EVENT_FIELDS = ("model_id", "key", "old", "new", "at", "source", "run__name")


class TagEventQuerySet(models.QuerySet):
    def for_page(self) -> TagEventQuerySet:
        """What a model's page shows, newest first."""
        return (
            self.select_related("actor", "run")
            .only(*EVENT_FIELDS, "actor__username", "actor__first_name", "actor__last_name")
            .order_by("-at", "-pk")
        )


class TagEvent(models.Model):
    """One change of one tag. Append-only."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="tag_events")
    key = models.CharField(max_length=255)
    # None means that the tag was not there: not the same as an empty one.
    old = models.TextField(null=True, blank=True)  # noqa: DJ001
    new = models.TextField(null=True, blank=True)  # noqa: DJ001
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    source = models.CharField(max_length=255)
    run = models.ForeignKey(
        "runs.ProfileRun", null=True, on_delete=models.SET_NULL, related_name="tag_events"
    )

    objects = TagEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.key}: {self.old} -> {self.new}"
