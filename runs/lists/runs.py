"""The list of runs."""

from __future__ import annotations

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet

from runs.forms.styling import StyledForm
from runs.lists.paging import ListTable
from runs.models import ProfileRun, Target


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
        field_name="advice__standing",
        choices=[(word, word.capitalize()) for word in ("verified", "provisional", "declined")],
        empty_label="Any",
    )
    target = django_filters.ModelChoiceFilter(
        label="Target",
        queryset=Target.objects.order_by("name"),
        to_field_name="name",
        empty_label="Any",
    )

    class Meta:
        model = ProfileRun
        fields: list[str] = []
        form = StyledForm

    def search(self, runs: QuerySet, name: str, value: str) -> QuerySet:
        return runs.filter(
            Q(name__icontains=value)
            | Q(models__name__icontains=value)
            | Q(config__name__icontains=value)
            | Q(dataset__name__icontains=value)
        ).distinct()


class RunTable(ListTable):
    wide_only = ("advice", "config", "target", "took")
    numbers = ("size", "took")

    name = tables.Column("Run")
    state = tables.Column("State")
    advice = tables.Column("Advice", orderable=False, empty_values=())
    size = tables.Column("Advised size", orderable=False, empty_values=())
    config = tables.Column("Config and dataset", orderable=False, empty_values=())
    target = tables.Column("Target", order_by="target__name")
    took = tables.Column("Took", orderable=False, empty_values=())
    created_at = tables.Column("Asked for")

    class Meta:
        order_by = "-created_at"
