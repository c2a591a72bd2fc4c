"""A dataset of sample requests, with the statistics of its rows."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from simple_history.models import HistoricalRecords

from runs.models.names import VersionedQuerySet, valid_name
from runs.models.stored_files import StoredFiles


class DatasetQuerySet(VersionedQuerySet):
    def for_list(self) -> DatasetQuerySet:
        """The latest version of each name, newest first."""
        return self.latest_of_each().select_related("files", "created_by").order_by("-created_at")

    def for_page(self) -> DatasetQuerySet:
        return self.select_related("files", "created_by")

    def register(self, *, name: str, files: StoredFiles, **fields: object) -> Dataset:
        """Register the next version of `name`; `fields` are the row's own."""
        return self.create_version(name=name, files=files, **fields)


class Dataset(models.Model):
    """`name:version`: bodies of requests; statistics are taken when it is registered."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255, validators=[valid_name])
    version = models.PositiveIntegerField()
    files = models.ForeignKey(StoredFiles, on_delete=models.PROTECT, related_name="datasets")
    file_format = models.CharField(max_length=50)
    #: Of rows that do not say their own; empty for files, which tell theirs by their suffixes.
    content_type = models.CharField(max_length=255, blank=True, default="application/json")
    description = models.TextField(blank=True)
    rows = models.PositiveIntegerField()
    distinct_rows = models.PositiveIntegerField()
    bytes_min = models.BigIntegerField()
    bytes_median = models.BigIntegerField()
    bytes_max = models.BigIntegerField()
    bytes_total = models.BigIntegerField()
    labels = models.JSONField(default=dict, blank=True)
    #: The first rows as a page shows them (runs.preview), so that it need not read the files.
    preview = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["preview"])

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="dataset_version")]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        return reverse("dataset_detail", args=[self.name, self.version])

    @property
    def ref(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def is_all_the_same(self) -> bool:
        return self.rows > 1 and self.distinct_rows == 1
