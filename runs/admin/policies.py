"""Sizing policies: set up here, chosen in the form of a new run."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from runs.forms.policies import SizingPolicyForm
from runs.journal import note_rows
from runs.models import SizingPolicy


@admin.register(SizingPolicy)
class SizingPolicyAdmin(SimpleHistoryAdmin):
    form = SizingPolicyForm
    list_display = [
        "name", "is_default", "memory_margin", "memory_step_mib", "floor_cpu_millicores",
        "floor_memory_mib", "percentile", "confidence", "changed_by", "changed_at",
    ]  # fmt: skip
    list_select_related = ["changed_by"]
    search_fields = ["name"]
    readonly_fields = ["is_default", "changed_by", "changed_at"]
    actions = ["make_default"]
    fieldsets = [
        (None, {"fields": ["name", "is_default", "changed_by", "changed_at"]}),
        ("Margins", {"fields": ["memory_margin", "memory_step_mib", "cpu_margin", "steps_up"]}),
        (
            "Sizes that are tried",
            {
                "fields": [
                    "grid_steps_millicores",
                    "grid_step_above_millicores",
                    "floor_cpu_millicores",
                    "floor_memory_mib",
                ]
            },
        ),
        (
            "What a run's objective leaves open",
            {
                "fields": [
                    "percentile",
                    "latency_ratio",
                    "throughput_share",
                    "max_error_rate",
                    "confidence",
                ],
                "description": "Runs keep the values that held when they were asked for: a change "
                "here is for new runs alone.",
            },
        ),
    ]

    def save_model(
        self, request: HttpRequest, obj: SizingPolicy, form: forms.ModelForm, change: bool
    ) -> None:
        obj.changed_by = request.user
        obj.save()

    def has_delete_permission(self, request: HttpRequest, obj: SizingPolicy | None = None) -> bool:
        """Any but the default: runs keep what they followed, new ones need one to follow."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not obj.is_default)

    @admin.action(description="Make it the default of new runs", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet) -> None:
        if queryset.count() != 1:
            self.message_user(request, "Choose one policy alone.", messages.WARNING)
            return
        policy = queryset.get()
        policy.make_default()
        note_rows(request.user, [policy], "Made the default of new runs.")
        self.message_user(request, f"New runs follow {policy.name} unless another is chosen.")
