"""How a model is served: a score.py with its environment, or a container of one's own."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from simple_history.models import HistoricalRecords

from runs.models.names import VersionedQuerySet, valid_name
from runs.models.stored_files import StoredFiles


class InferenceConfigQuerySet(VersionedQuerySet):
    def for_list(self) -> InferenceConfigQuerySet:
        """The latest version of each name, newest first."""
        return self.latest_of_each().select_related("files", "created_by").order_by("-created_at")

    def for_page(self) -> InferenceConfigQuerySet:
        return self.select_related("files", "created_by")

    def register(self, *, name: str, **fields: object) -> InferenceConfig:
        """Register the next version of `name`; `fields` are the row's own."""
        return self.create_version(name=name, **fields)


class InferenceConfig(models.Model):
    """`name:version`, and how it is served.

    `definition` is the spec's `config` object. Its `source_directory` is `files` (None for a
    container) and left out; the paths in its `environment` are relative to `files` too.
    """

    class Kind(models.TextChoices):
        SCORED = "scored", "score.py"
        CONTAINER = "container", "container"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255, validators=[valid_name])
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    definition = models.JSONField()
    files = models.ForeignKey(
        StoredFiles, null=True, blank=True, on_delete=models.PROTECT, related_name="configs"
    )
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InferenceConfigQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="config_version")]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        return reverse("config_detail", args=[self.name, self.version])

    @property
    def ref(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def gpus(self) -> int:
        """How many its service needs; true is one."""
        return int(self.definition.get("gpu") or 0)
