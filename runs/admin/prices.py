"""Prices, from which costs are computed: one row, in place of the environment's settings."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from runs.models import PriceList


@admin.register(PriceList)
class PriceListAdmin(admin.ModelAdmin):
    list_display = [
        "core_hour", "gib_hour", "gpu_hour", "currency", "changed_by", "changed_at",
    ]  # fmt: skip
    list_select_related = ["changed_by"]
    search_fields = ["currency"]
    fields = ["core_hour", "gib_hour", "gpu_hour", "currency", "changed_by", "changed_at"]
    readonly_fields = ["changed_by", "changed_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Once: after that the row is changed, or deleted for the environment's prices to hold."""
        return super().has_add_permission(request) and not PriceList.objects.exists()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        """What holds now, by the environment."""
        return {
            "core_hour": settings.PROFILER_PRICE_CORE_HOUR,
            "gib_hour": settings.PROFILER_PRICE_GIB_HOUR,
            "gpu_hour": settings.PROFILER_PRICE_GPU_HOUR,
            "currency": settings.PROFILER_CURRENCY,
        }

    def save_model(
        self, request: HttpRequest, obj: PriceList, form: forms.ModelForm, change: bool
    ) -> None:
        obj.changed_by = request.user
        obj.save()
