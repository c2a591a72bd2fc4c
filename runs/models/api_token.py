"""Tokens for programs: shown once when made, kept only as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PREFIX_BYTES, SECRET_BYTES = 6, 32
#: How often a token's last use is written down, at most.
USE_NOTED_AFTER = timedelta(minutes=1)


class ApiTokenQuerySet(models.QuerySet):
    def make(
        self, *, user: User, name: str, expires_at: datetime | None = None, scope: str = "read"
    ) -> tuple[ApiToken, str]:
        """A new token and its text, which cannot be had again."""
        prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        text = f"mp_{prefix}_{secret}"
        token = self.create(
            user=user, name=name, prefix=prefix, sha256=_hash(text), expires_at=expires_at,
            scope=scope,
        )  # fmt: skip
        return token, text

    def of_text(self, text: str) -> ApiToken | None:
        """The token of this text, valid or not; None where there is none."""
        _, _, rest = text.partition("_")
        prefix = rest.partition("_")[0]
        token = self.select_related("user").filter(prefix=prefix).first()
        return token if token and hmac.compare_digest(token.sha256, _hash(text)) else None


def _hash(text: str) -> str:
    # The text holds 256 random bits: a slow hash would protect nothing more.
    return hashlib.sha256(text.encode()).hexdigest()


class ApiToken(models.Model):
    """What a program signs in with, as its user, to do no more than its scope."""

    class Scope(models.TextChoices):
        READ = "read", "read only"
        WRITE = "write", "all that its user may do"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100, help_text="What uses it, to know it again")
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)
    prefix = models.CharField(max_length=2 * PREFIX_BYTES, unique=True, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Never, if left empty")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} (mp_{self.prefix}_...)"

    @property
    def is_valid(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.user.is_active and not expired

    def note_use(self) -> None:
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= USE_NOTED_AFTER:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)
