"""Lists of the registry: models, datasets and configs."""

from __future__ import annotations

import json

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from runs.forms.styling import StyledForm
from runs.lists import bulk_models
from runs.lists.listing import Listing, by_ref
from runs.lists.paging import ListTable
from runs.lists.words import matching
from runs.models import Dataset, InferenceConfig, RegisteredModel


def model_has(word: str) -> Q:
    """In its name or description, or in a tag."""
    return Q(name__icontains=word) | Q(description__icontains=word) | Q(tags__icontains=word)


def dataset_has(word: str) -> Q:
    return Q(name__icontains=word) | Q(description__icontains=word) | Q(file_format__iexact=word)


def config_has(word: str) -> Q:
    return Q(name__icontains=word) | Q(description__icontains=word) | Q(kind__iexact=word)


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
        return matching(models, value, model_has)

    def by_tag(self, models: QuerySet, name: str, value: str) -> QuerySet:
        key, equals, wanted = (part.strip() for part in value.partition("="))
        if not equals:
            return models.filter(tags__has_key=key)
        # The cast makes it a comparison of texts, not of JSON.
        value = Cast(KeyTextTransform(key, "tags"), TextField())
        return models.alias(tag_value=value).filter(tag_value=wanted)


REGISTERED = {"created_at": "created_at", "created_by": "created_by__username"}


class ModelTable(ListTable):
    wide_only = ("framework", "version", "files", "tags", "created_at")
    numbers = ("version", "files", "size", "runs")
    optional = ("tags",)
    exported = {
        "name": {"name": "name", "description": "description"},
        "version": {"version": "version"},
        "framework": {"framework": "framework", "framework_version": "framework_version"},
        "files": {"files_bytes": "files__total_bytes"},
        "size": {
            "requested_cpu": "tags__requestedCpu",
            "requested_memory_in_gb": "tags__requestedMemoryInGb",
        },
        "runs": {"runs": "run_count"},
        "tags": {"tags": lambda model: [f"{key}={value}" for key, value in model.tags.items()]},
        "created_at": REGISTERED,
    }

    name = tables.Column("Model")
    version = tables.Column("Version", order_by="version")
    framework = tables.Column("Framework")
    files = tables.Column("Files", order_by="files__total_bytes")
    size = tables.Column("Size in its tags", orderable=False, empty_values=())
    runs = tables.Column("Runs", order_by="run_count", empty_values=())
    tags = tables.Column("Tags", orderable=False)
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
        return matching(datasets, value, dataset_has)


class DatasetTable(ListTable):
    wide_only = ("version", "file_format", "distinct_rows", "bytes_max", "created_at")
    numbers = ("version", "rows", "distinct_rows", "bytes_median", "bytes_max")
    exported = {
        "name": {"name": "name", "description": "description"},
        "version": {"version": "version"},
        "file_format": {"file_format": "file_format"},
        "rows": {"rows": "rows"},
        "distinct_rows": {"distinct_rows": "distinct_rows"},
        "bytes_median": {"body_bytes_median": "bytes_median"},
        "bytes_max": {"body_bytes_max": "bytes_max"},
        "created_at": REGISTERED,
    }

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
        return matching(configs, value, config_has)


class ConfigTable(ListTable):
    wide_only = ("version", "environment", "created_at")
    numbers = ("version",)
    exported = {
        "name": {"name": "name", "description": "description"},
        "version": {"version": "version"},
        "kind": {
            "kind": "kind",
            "entry_script": "definition__entry_script",
            "image": "definition__image",
        },
        "environment": {
            "environment": lambda config: json.dumps(config.definition.get("environment", {})),
            "gpus": "gpus",
        },
        "created_at": REGISTERED,
    }

    name = tables.Column("Config")
    version = tables.Column("Version")
    kind = tables.Column("Serves")
    environment = tables.Column("Environment", orderable=False, empty_values=())
    created_at = tables.Column("Registered")

    class Meta:
        order_by = "-created_at"


MODELS = Listing(
    name="models",
    noun="model",
    url_name="model_list",
    table=ModelTable,
    rows=RegisteredModel.objects.for_list,
    filters=ModelFilter,
    pick=by_ref,
    actions=bulk_models.ACTIONS,
)
DATASETS = Listing(
    name="datasets",
    noun="dataset",
    url_name="dataset_list",
    table=DatasetTable,
    rows=Dataset.objects.for_list,
    filters=DatasetFilter,
    pick=by_ref,
)
CONFIGS = Listing(
    name="configs",
    noun="config",
    url_name="config_list",
    table=ConfigTable,
    rows=InferenceConfig.objects.for_list,
    filters=ConfigFilter,
    pick=by_ref,
)
