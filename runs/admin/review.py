"""Proposals in the admin: what happened, so read-only."""

from __future__ import annotations

from django.contrib import admin

from runs.admin.read_only import ReadOnly, ReadOnlyAdmin
from runs.models import Proposal, ProposalEvent


class EventInline(ReadOnly, admin.TabularInline):
    model = ProposalEvent
    fields = readonly_fields = ["at", "kind", "actor", "text"]
    extra = 0


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
    list_select_related = ["actor"]
    list_filter = ["kind", "at"]
    search_fields = ["text", "actor__username"]
