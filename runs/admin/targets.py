"""Targets, which administrators set up here, and who is alive on them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from runs.admin.read_only import ReadOnly, ReadOnlyAdmin
from runs.models import ProfileRun, Target, WorkerHeartbeat


class WorkerHeartbeatInline(ReadOnly, admin.TabularInline):
    model = WorkerHeartbeat
    fields = ["kind", "host", "pid", "last_seen_at"]
    extra = 0


@admin.register(Target)
class TargetAdmin(SimpleHistoryAdmin):
    list_display = ["name", "kind", "queue", "enabled", "health", "slots", "open_runs",
                    "max_cpu_millicores", "gpu_names"]  # fmt: skip
    list_filter = ["kind", "enabled"]
    search_fields = ["name", "queue"]
    # What the machine has is for ensure_target to say, which asks its driver.
    readonly_fields = ["gpus", "unavailable_reason", "created_at"]
    inlines = [WorkerHeartbeatInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("heartbeats").annotate(
            unfinished=Count("runs", filter=Q(runs__state__in=ProfileRun.UNFINISHED))
        )  # fmt: skip

    @admin.display(description="Health")
    def health(self, target: Target) -> str:
        """Whether a run sent there now would be taken up, or why not."""
        if not target.enabled:
            return "disabled"
        if target.unavailable_reason:
            return target.unavailable_reason
        missing = [
            what
            for what, there in (("worker", target.has_worker), ("sweeper", target.has_sweeper))
            if not there
        ]
        return f"no {' and no '.join(missing)} heard of" if missing else "worker and sweeper alive"

    @admin.display(description="Runs open", ordering="unfinished")
    def open_runs(self, target: Target) -> int:
        return target.unfinished

    @admin.display(description="GPUs")
    def gpu_names(self, target: Target) -> str:
        return ", ".join(gpu["name"] for gpu in target.gpus)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["target", "kind", "host", "pid", "last_seen_at"]
    list_select_related = ["target"]
    list_filter = ["kind", "target"]
    search_fields = ["host"]
