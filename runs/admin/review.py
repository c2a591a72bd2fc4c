"""Proposals in the admin: what happened, so read-only."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.read_only import ReadOnly, ReadOnlyAdmin
from runs.models import Proposal, ProposalEvent


class EventInline(ReadOnly, admin.TabularInline):
    model = ProposalEvent
    fields = readonly_fields = ["at", "kind", "actor", "text"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("actor")


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state", "run", "created_by", "created_at", "updated_at"]
    list_select_related = ["run", "created_by"]
    list_filter = ["state", "created_at"]
    search_fields = ["run__name", "models__name", "created_by__username"]
    inlines = [EventInline]


@admin.register(ProposalEvent)
class ProposalEventAdmin(ReadOnlyAdmin):
    list_display = ["proposal", "at", "kind", "actor"]
    list_select_related = ["actor", "proposal"]
    list_filter = ["kind", "at"]
    search_fields = ["text", "actor__username"]
