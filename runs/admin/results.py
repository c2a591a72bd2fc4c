"""Runs, measurements and samples in the admin: results, so read-only."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from runs import run_acts
from runs.admin import run_actions
from runs.admin.read_only import NamedValues, ReadOnly, ReadOnlyAdmin
from runs.models import LogChunk, Measurement, ProfileRun, SampleChunk
from runs.run_rescue import CANCEL, CLOSE, REQUEUE


class MeasurementInline(ReadOnly, admin.TabularInline):
    model = Measurement
    fields = ["ordinal", "phase", "cpu_millicores", "memory_bytes", "outcome", "valid", "requests"]
    extra = 0
    show_change_link = True


@admin.register(ProfileRun)
class ProfileRunAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "state",
        "phase",
        "error_code",
        "config",
        "target",
        "keep_raw",
        "created_at",
    ]
    list_select_related = ["config", "target"]
    list_filter = ["state", ("error_code", NamedValues), "target", "keep_raw", "created_at"]
    search_fields = ["name", "uuid", "models__name", "config__name", "error_message"]
    date_hierarchy = "created_at"
    inlines = [MeasurementInline]
    actions = ["cancel", "requeue", "close", "keep_raw", "release_raw"]

    def has_delete_permission(self, request: HttpRequest, obj: ProfileRun | None = None) -> bool:
        """Finished runs may go; they hold on to their inputs until then."""
        allowed = request.user.has_perm("runs.delete_profilerun")
        return allowed and (obj is None or obj.is_finished)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        unfinished = queryset.filter(state__in=ProfileRun.UNFINISHED)
        if count := unfinished.count():
            self.message_user(request, f"{count} unfinished run(s) kept: cancel them first.")
        queryset.exclude(state__in=ProfileRun.UNFINISHED).delete()

    @admin.action(description="Cancel the selected runs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return run_actions.ask_or_act(CANCEL, self, request, queryset)

    @admin.action(description="Put the selected runs back on the queue", permissions=["cancel"])
    def requeue(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return run_actions.ask_or_act(REQUEUE, self, request, queryset)

    @admin.action(description="Close the selected runs as failed", permissions=["cancel"])
    def close(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return run_actions.ask_or_act(CLOSE, self, request, queryset)

    @admin.action(description="Keep the raw samples for ever", permissions=["cancel"])
    def keep_raw(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._keep(request, queryset, forever=True)

    @admin.action(description="Let the retention drop the raw samples", permissions=["cancel"])
    def release_raw(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._keep(request, queryset, forever=False)

    def _keep(self, request: HttpRequest, queryset: QuerySet, *, forever: bool) -> None:
        for run in queryset:
            try:
                said = run_acts.keep_samples(run, request.user, forever=forever)
                self.message_user(request, f"{run.name}: {said}.")
            except run_acts.RunRefused as refusal:
                self.message_user(request, f"{run.name}: {refusal}", messages.WARNING)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("runs.change_profilerun")


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    list_display = ["run", "ordinal", "phase", "cpu_millicores", "outcome", "valid", "requests"]
    list_select_related = ["run"]
    list_filter = ["phase", "outcome", "valid"]
    search_fields = ["run__name"]


@admin.register(SampleChunk)
class SampleChunkAdmin(ReadOnlyAdmin):
    list_display = ["run", "measurement", "series", "index", "count"]
    list_select_related = ["run"]
    list_filter = ["series"]
    search_fields = ["run__name"]
    exclude = ["blob"]


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    list_display = ["run", "index", "at"]
    list_select_related = ["run"]
    search_fields = ["run__name", "text"]
