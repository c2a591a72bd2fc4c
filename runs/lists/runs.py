"""The list of runs."""

from __future__ import annotations

from collections.abc import Iterable

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable

from runs.forms.styling import StyledForm
from runs.lists import bulk_runs
from runs.lists.listing import Listing, by_name
from runs.lists.paging import ListTable
from runs.lists.words import matching, named_state
from runs.models import Dataset, InferenceConfig, ProfileRun, RegisteredModel, Target
from runs.models.profile_run import RunModel
from runs.remedies import REMEDIES

STANDINGS = ("verified", "provisional", "declined")


def has_word(word: str) -> Q:
    """In the names of a run and of what it ran, or as its state, standing or error.

    By keys, each found in an index of its own: rows are long, and reading all of them takes time.
    """
    of_models = RegisteredModel.objects.filter(name__icontains=word)
    configs = InferenceConfig.objects.filter(name__icontains=word)
    datasets = Dataset.objects.filter(name__icontains=word)
    found = (
        Q(pk__in=_runs(name__icontains=word))
        | Q(pk__in=RunModel.objects.filter(model__in=of_models).values("run"))
        | Q(pk__in=_runs(config__in=configs))
        | Q(pk__in=_runs(dataset__in=datasets))
    )
    for field, known in (
        ("state", named_state(ProfileRun.State, word)),
        ("advice_standing", _alike(word, STANDINGS)),
        ("error_code", _alike(word, REMEDIES)),
    ):
        found |= Q(pk__in=_runs(**{f"{field}__in": known})) if known else Q()
    return found


def _runs(**where: object) -> QuerySet:
    return ProfileRun.objects.filter(**where).order_by().values("pk")


def _alike(word: str, known: Iterable[str]) -> list[str]:
    return [one for one in known if one.lower() == word.lower()]


class RunFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search",
        method="search",
        widget=forms.TextInput(
            attrs={"placeholder": "Run, model, config or dataset", "type": "search"}
        ),
    )
    state = django_filters.ChoiceFilter(
        label="State", choices=ProfileRun.State.choices, empty_label="Any"
    )
    standing = django_filters.ChoiceFilter(
        label="Advice",
        field_name="advice_standing",
        choices=[(word, word.capitalize()) for word in STANDINGS],
        empty_label="Any",
    )
    target = django_filters.ModelChoiceFilter(
        label="Target",
        queryset=Target.objects.order_by("name").only("name"),
        to_field_name="name",
        empty_label="Any",
    )

    class Meta:
        model = ProfileRun
        fields: list[str] = []
        form = StyledForm

    def search(self, runs: QuerySet, name: str, value: str) -> QuerySet:
        return matching(runs, value, has_word)


def refs_of_models(run: ProfileRun) -> list[str]:
    return [model.ref for model in run.models.all()]


class RunTable(ListTable):
    key = "name"
    wide_only = ("advice", "config", "target", "objective", "question", "took", "finished_at")
    numbers = ("size", "took")
    optional = ("objective", "question", "finished_at")
    exported = {
        "name": {"name": "name", "models": refs_of_models},
        "state": {"state": "state", "error_code": "error_code"},
        "advice": {"standing": "advice_standing"},
        "size": {
            "cpu_millicores": "advice_cpu_millicores",
            "memory_bytes": "advice_memory_bytes",
        },
        "config": {"config": "config__ref", "dataset": "dataset__ref"},
        "target": {"target": "target__name"},
        "objective": {
            "objective_percentile": "objective__percentile",
            "objective_latency_ms": "objective__latency_ms",
        },
        "question": {"question": "question"},
        "took": {"took_s": "elapsed_s"},
        "finished_at": {"finished_at": "finished_at"},
        "created_at": {"created_at": "created_at", "created_by": "created_by__username"},
    }

    name = tables.Column("Run")
    state = tables.Column("State")
    advice = tables.Column("Advice", empty_values=())
    size = tables.Column("Advised size", empty_values=())
    config = tables.Column("Config and dataset", orderable=False, empty_values=())
    target = tables.Column("Target", order_by="target__name")
    objective = tables.Column("Objective", orderable=False, empty_values=())
    question = tables.Column("Asked for what")
    took = tables.Column("Took", empty_values=())
    finished_at = tables.Column("Finished")
    created_at = tables.Column("Asked for")

    class Meta:
        order_by = "-created_at"

    def order_advice(self, runs: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        return ordered(runs, is_descending, F("advice_standing")), True

    def order_size(self, runs: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        by = (F("advice_cpu_millicores"), F("advice_memory_bytes"))
        return ordered(runs, is_descending, *by), True

    def order_took(self, runs: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        return ordered(runs, is_descending, F("finished_at") - F("started_at")), True

    def order_finished_at(self, runs: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        return ordered(runs, is_descending, F("finished_at")), True


def ordered(runs: QuerySet, is_descending: bool, *by: Combinable) -> QuerySet:
    """Those without a value come last either way, whatever the database thinks of NULL."""
    if is_descending:
        return runs.order_by(*(one.desc(nulls_last=True) for one in by), "-pk")
    return runs.order_by(*(one.asc(nulls_last=True) for one in by), "-pk")


RUNS = Listing(
    name="runs",
    noun="run",
    url_name="run_list",
    table=RunTable,
    rows=ProfileRun.objects.for_list,
    filters=RunFilter,
    pick=by_name,
    actions=bulk_runs.ACTIONS,
)
