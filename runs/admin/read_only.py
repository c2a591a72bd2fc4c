"""Rows that only the application writes: shown, searched and filtered, never edited by hand."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest


class ReadOnly:
    """For an admin or an inline whose rows cannot be added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class NamedValues(admin.AllValuesFieldListFilter):
    """The values there are to filter by, without the empty one, whose link would have no name."""

    def choices(self, changelist: ChangeList) -> Iterator[dict]:
        return (choice for choice in super().choices(changelist) if choice["display"])


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):
    """A whole model that is read-only."""
