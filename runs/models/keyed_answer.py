"""What programs were answered under an Idempotency-Key: asking again does nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: Nobody asks again later than that.
KEPT_FOR = timedelta(days=30)


class KeyReused(Exception):
    """The key was used for something else before."""


class KeyedAnswerQuerySet(models.QuerySet):
    def once(self, user: User, key: str, digest: str, act: Callable[[], dict]) -> tuple[dict, bool]:
        """What `act` answers and True, or what it answered under the same key before and False.

        Both are kept or neither: where `act` raises, its key can be used again. Of two requests at
        once the second waits for the first. Raises KeyReused where `digest` is another.
        """
        with transaction.atomic():
            row, is_new = self.get_or_create(user=user, key=key, defaults={"digest": digest})
            if row.digest != digest:
                raise KeyReused
            if is_new:
                row.answer = act()
                row.save(update_fields=["answer"])
        return row.answer, is_new

    def drop_outdated(self) -> None:
        self.filter(at__lt=timezone.now() - KEPT_FOR).delete()


class KeyedAnswer(models.Model):
    """Runs keep their keys themselves, as long as they are there."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="keyed_answers"
    )
    key = models.CharField(max_length=255)
    #: Of what was asked for.
    digest = models.CharField(max_length=64)
    answer = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = KeyedAnswerQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return self.key
