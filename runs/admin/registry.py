"""Models, datasets, configs, their files and tags in the admin.

What a version is made of cannot be changed here either: only descriptions can.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from runs.admin.read_only import NamedValues, ReadOnly, ReadOnlyAdmin
from runs.models import (
    Dataset,
    InferenceConfig,
    RegisteredModel,
    StagedUpload,
    StoredFiles,
    TagEvent,
)


class VersionAdmin(SimpleHistoryAdmin):
    """Registered by the pages, which read and check the files; described here."""

    list_display = ["name", "version", "description", "created_by", "created_at"]
    list_select_related = ["created_by"]
    list_filter = ["created_at", "created_by"]
    search_fields = ["name", "description", "uuid"]
    date_hierarchy = "created_at"
    editable = ("description",)

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[str]:
        return [field.name for field in self.opts.fields if field.name not in self.editable]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class TagEventInline(ReadOnly, admin.TabularInline):
    model = TagEvent
    fields = readonly_fields = ["key", "old", "new", "actor", "at", "source", "run"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("actor", "run")


@admin.register(RegisteredModel)
class RegisteredModelAdmin(VersionAdmin):
    list_display = ["name", "version", "framework", "created_by", "created_at"]
    list_filter = [("framework", NamedValues), *VersionAdmin.list_filter]
    search_fields = [*VersionAdmin.search_fields, "framework", "tags"]
    editable = ("description", "framework", "framework_version")
    inlines = [TagEventInline]


@admin.register(Dataset)
class DatasetAdmin(VersionAdmin):
    list_display = ["name", "version", "file_format", "rows", "distinct_rows", "created_at"]
    list_filter = ["file_format", *VersionAdmin.list_filter]


@admin.register(InferenceConfig)
class InferenceConfigAdmin(VersionAdmin):
    list_display = ["name", "version", "kind", "created_by", "created_at"]
    list_filter = ["kind", *VersionAdmin.list_filter]
    search_fields = [*VersionAdmin.search_fields, "definition"]


@admin.register(StoredFiles)
class StoredFilesAdmin(ReadOnlyAdmin):
    list_display = ["name", "is_folder", "total_bytes", "sha256", "created_at"]
    list_filter = ["is_folder", "created_at"]
    search_fields = ["name", "sha256"]


@admin.register(TagEvent)
class TagEventAdmin(ReadOnlyAdmin):
    list_display = ["model", "key", "old", "new", "actor", "source", "at"]
    list_select_related = ["model", "actor"]
    list_filter = ["key", "at", "actor"]
    search_fields = ["model__name", "key", "new", "source"]
    date_hierarchy = "at"


@admin.register(StagedUpload)
class StagedUploadAdmin(ReadOnlyAdmin):
    list_display = ["name", "purpose", "owner", "total_bytes", "created_at"]
    list_select_related = ["owner"]
    list_filter = ["purpose", "created_at"]
    search_fields = ["owner__username", "uuid"]
    fields = ["purpose", "owner", "manifest", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: StagedUpload | None = None) -> bool:
        """Else nobody could delete a person who left files behind."""
        return request.user.has_perm("runs.delete_stagedupload")

    def delete_model(self, request: HttpRequest, obj: StagedUpload) -> None:
        obj.discard()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for upload in queryset:
            upload.discard()
