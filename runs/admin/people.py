"""People and their roles, and what administrators did: a log that only grows."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from runs.admin.read_only import ReadOnlyAdmin
from runs.models import ChosenColumns, KeyedAnswer, SavedFilter, StagedUpload
from runs.roles import WORDS, role_of

OWN = (ChosenColumns, KeyedAnswer, SavedFilter, StagedUpload)

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """With the role that their groups come to. No double lists of permissions: roles are groups."""

    list_display = ["username", "role", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["groups", "is_active", "is_staff", "is_superuser"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("groups")

    def get_deleted_objects(self, people: Iterable[User], request: HttpRequest) -> tuple:
        """What is nobody's but theirs goes with them, though it is not deleted by itself."""
        deleted, counts, not_permitted, protected = super().get_deleted_objects(people, request)
        own = {model._meta.verbose_name for model in OWN}
        return deleted, counts, set(not_permitted) - own, protected

    @admin.display(description="Role")
    def role(self, user: User) -> str:
        return role_of(user).word

    def formfield_for_manytomany(
        self, db_field: object, request: HttpRequest, **how: object
    ) -> forms.Field:
        field = super().formfield_for_manytomany(db_field, request, **how)
        if db_field.name == "groups":
            field.help_text = (
                f"The groups {', '.join(WORDS)} are roles; the greatest counts. The "
                "administration needs staff or superuser besides."
            )
        return field


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    filter_horizontal = ()
    list_display = ["name", "members"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(member_count=Count("user"))

    @admin.display(description="Members", ordering="member_count")
    def members(self, group: Group) -> int:
        return group.member_count


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ["action_time", "user", "__str__"]
    list_select_related = ["user", "content_type"]
    list_filter = ["action_flag", "user"]
    search_fields = ["object_repr", "change_message", "user__username"]
    date_hierarchy = "action_time"
