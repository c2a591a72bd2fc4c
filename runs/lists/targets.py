"""The targets as a list: cards on the page, rows in a file."""

from __future__ import annotations

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet

from runs.forms.styling import StyledForm
from runs.lists.listing import Listing
from runs.lists.paging import ListTable
from runs.lists.words import matching
from runs.models import Target


def target_has(word: str) -> Q:
    return Q(name__icontains=word) | Q(queue__icontains=word)


class TargetFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search",
        method="search",
        widget=forms.TextInput(attrs={"placeholder": "Name or queue", "type": "search"}),
    )
    kind = django_filters.ChoiceFilter(
        label="Kind",
        choices=[(value, label.capitalize()) for value, label in Target.Kind.choices],
        empty_label="Any",
    )
    gpus = django_filters.ChoiceFilter(
        label="GPUs",
        choices=[("some", "With GPUs"), ("none", "Without")],
        empty_label="Any",
        method="by_gpus",
    )
    takes = django_filters.ChoiceFilter(
        label="Runs",
        choices=[("runs", "Takes them"), ("none", "Takes none")],
        empty_label="Any",
        method="by_takes",
    )

    class Meta:
        model = Target
        fields: list[str] = []
        form = StyledForm

    def search(self, targets: QuerySet, name: str, value: str) -> QuerySet:
        return matching(targets, value, target_has)

    def by_gpus(self, targets: QuerySet, name: str, value: str) -> QuerySet:
        return targets.filter(gpus=[]) if value == "none" else targets.exclude(gpus=[])

    def by_takes(self, targets: QuerySet, name: str, value: str) -> QuerySet:
        taking = Q(enabled=True, unavailable_reason="")
        return targets.filter(taking if value == "runs" else ~taking)


class TargetTable(ListTable):
    key = None
    exported = {
        "name": {"target": "name"},
        "kind": {"kind": "kind"},
        "listens": {"enabled": "enabled", "unavailable_reason": "unavailable_reason",
                    "has_worker": "has_worker", "has_sweeper": "has_sweeper"},
        "size": {"max_cpu_millicores": "max_cpu_millicores",
                 "max_memory_bytes": "max_memory_bytes"},
        "gpus": {"gpus": lambda target: [gpu["name"] for gpu in target.gpus]},
        "slots": {"slots": "slots", "queue": "queue"},
        "runs": {
            "runs_open": lambda target: len(target.open_runs),
            "runs_waiting": lambda target: sum(run.state == "queued" for run in target.open_runs),
        },
    }  # fmt: skip

    name = tables.Column("Target")
    kind = tables.Column("Kind")
    listens = tables.Column("Listens", orderable=False, empty_values=())
    size = tables.Column("Largest size", order_by="max_cpu_millicores", empty_values=())
    gpus = tables.Column("GPUs", orderable=False)
    slots = tables.Column("Slots", orderable=False)
    runs = tables.Column("Runs", orderable=False, empty_values=())


TARGETS = Listing(
    name="targets",
    noun="target",
    url_name="target_list",
    table=TargetTable,
    rows=Target.objects.for_page,
    filters=TargetFilter,
)
