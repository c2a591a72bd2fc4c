"""Targets, which administrators set up here, and who is alive on them."""

from __future__ import annotations

from django.contrib import admin
from simple_history.admin import SimpleHistoryAdmin

from runs.admin.read_only import ReadOnly, ReadOnlyAdmin
from runs.models import Target, WorkerHeartbeat


class WorkerHeartbeatInline(ReadOnly, admin.TabularInline):
    model = WorkerHeartbeat
    fields = ["kind", "host", "pid", "last_seen_at"]
    extra = 0


@admin.register(Target)
class TargetAdmin(SimpleHistoryAdmin):
    list_display = ["name", "kind", "queue", "enabled", "max_cpu_millicores", "gpu_names",
                    "unavailable_reason"]  # fmt: skip
    list_filter = ["kind", "enabled"]
    search_fields = ["name", "queue"]
    # What the machine has is for ensure_target to say, which asks its driver.
    readonly_fields = ["gpus", "unavailable_reason", "created_at"]
    inlines = [WorkerHeartbeatInline]

    @admin.display(description="GPUs")
    def gpu_names(self, target: Target) -> str:
        return ", ".join(gpu["name"] for gpu in target.gpus)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["target", "kind", "host", "pid", "last_seen_at"]
    list_select_related = ["target"]
    list_filter = ["kind", "target"]
    search_fields = ["host"]
