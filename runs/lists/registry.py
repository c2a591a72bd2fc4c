"""Lists of the registry: models, datasets and configs."""

from __future__ import annotations

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from runs.forms.styling import StyledForm
from runs.lists.paging import ListTable
from runs.models import Dataset, InferenceConfig, RegisteredModel


def _input(placeholder: str, kind: str = "text") -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": placeholder, "type": kind})


class ModelFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search", method="search", widget=_input("Name, description or tag", "search")
    )
    tag = django_filters.CharFilter(label="Tag", method="by_tag", widget=_input("key or key=value"))
    framework = django_filters.AllValuesFilter(label="Framework", empty_label="Any")

    class Meta:
        model = RegisteredModel
        fields: list[str] = []
        form = StyledForm

    def search(self, models: QuerySet, name: str, value: str) -> QuerySet:
        return models.filter(
            Q(name__icontains=value) | Q(description__icontains=value) | Q(tags__icontains=value)
        )

    def by_tag(self, models: QuerySet, name: str, value: str) -> QuerySet:
        key, equals, wanted = (part.strip() for part in value.partition("="))
        if not equals:
            return models.filter(tags__has_key=key)
        # The cast makes it a comparison of texts, not of JSON.
        value = Cast(KeyTextTransform(key, "tags"), TextField())
        return models.alias(tag_value=value).filter(tag_value=wanted)


class ModelTable(ListTable):
    wide_only = ("framework", "version", "files", "created_at")
    numbers = ("version", "files", "size", "runs")

    name = tables.Column("Model")
    version = tables.Column("Version", order_by="version")
    framework = tables.Column("Framework")
    files = tables.Column("Files", order_by="files__total_bytes")
    size = tables.Column("Size in its tags", orderable=False, empty_values=())
    runs = tables.Column("Runs", order_by="run_count", empty_values=())
    created_at = tables.Column("Registered")

    class Meta:
        order_by = "-created_at"


class DatasetFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search", method="search", widget=_input("Name or description", "search")
    )
    file_format = django_filters.AllValuesFilter(label="Format", empty_label="Any")

    class Meta:
        model = Dataset
        fields: list[str] = []
        form = StyledForm

    def search(self, datasets: QuerySet, name: str, value: str) -> QuerySet:
        return datasets.filter(Q(name__icontains=value) | Q(description__icontains=value))


class DatasetTable(ListTable):
    wide_only = ("version", "file_format", "distinct_rows", "bytes_max", "created_at")
    numbers = ("version", "rows", "distinct_rows", "bytes_median", "bytes_max")

    name = tables.Column("Dataset")
    version = tables.Column("Version")
    file_format = tables.Column("Format")
    rows = tables.Column("Rows")
    distinct_rows = tables.Column("Different")
    bytes_median = tables.Column("Median body")
    bytes_max = tables.Column("Largest")
    created_at = tables.Column("Registered")

    class Meta:
        order_by = "-created_at"


class ConfigFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search", method="search", widget=_input("Name or description", "search")
    )
    kind = django_filters.ChoiceFilter(
        label="Kind", choices=InferenceConfig.Kind.choices, empty_label="Any"
    )

    class Meta:
        model = InferenceConfig
        fields: list[str] = []
        form = StyledForm

    def search(self, configs: QuerySet, name: str, value: str) -> QuerySet:
        return configs.filter(Q(name__icontains=value) | Q(description__icontains=value))


class ConfigTable(ListTable):
    wide_only = ("version", "environment", "created_at")
    numbers = ("version",)

    name = tables.Column("Config")
    version = tables.Column("Version")
    kind = tables.Column("Serves")
    environment = tables.Column("Environment", orderable=False, empty_values=())
    created_at = tables.Column("Registered")

    class Meta:
        order_by = "-created_at"
