"""API tokens: made here, shown once, deleted here; and what was answered under programs' keys."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import DateTimeField
from django.http import HttpRequest

from runs.admin.read_only import ReadOnlyAdmin
from runs.models import ApiToken, KeyedAnswer


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ["name", "user", "scope", "prefix", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    fieldsets = [
        (None, {
            "fields": ["user", "name", "scope", "expires_at"],
            "description": "It is shown once, after it was made. On the server's command line: "
            "<code>manage.py make_token USER --name NAME --scope write --days 90</code>",
        }),
    ]  # fmt: skip

    # One field with a label, where Django's own are two without.
    formfield_overrides = {
        DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}),
        }
    }

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: forms.ModelForm, change: bool
    ) -> None:
        made, text = ApiToken.objects.make(
            user=obj.user, name=obj.name, expires_at=obj.expires_at, scope=obj.scope
        )
        obj.pk, obj.prefix = made.pk, made.prefix
        messages.warning(request, f"The token, which is shown this once: {text}")


@admin.register(KeyedAnswer)
class KeyedAnswerAdmin(ReadOnlyAdmin):
    list_display = ["key", "user", "answer", "at"]
    list_select_related = ["user"]
    list_filter = ["at"]
    search_fields = ["key", "user__username"]

    def has_delete_permission(self, request: HttpRequest, obj: KeyedAnswer | None = None) -> bool:
        """Else nobody could delete a person whose program used a key."""
        return request.user.has_perm("runs.delete_keyedanswer")
