"""What people keep of lists: made and deleted on the lists."""

from __future__ import annotations

from django.contrib import admin

from runs.admin.read_only import ReadOnlyAdmin
from runs.models import ChosenColumns, SavedFilter


@admin.register(SavedFilter)
class SavedFilterAdmin(ReadOnlyAdmin):
    list_display = ["name", "listing", "user", "query", "created_at"]
    list_select_related = ["user"]
    list_filter = ["listing"]
    search_fields = ["name", "query", "user__username"]


@admin.register(ChosenColumns)
class ChosenColumnsAdmin(ReadOnlyAdmin):
    list_display = ["listing", "user", "columns"]
    list_select_related = ["user"]
    list_filter = ["listing"]
    search_fields = ["user__username"]
