"""What somebody keeps of the lists: filters under a name, and the columns they want to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: More than this on one list is a mess of chips.
MOST_SAVED = 30


class SavedFilterQuerySet(models.QuerySet):
    def of(self, user: User, listing: str) -> SavedFilterQuerySet:
        return self.filter(user=user, listing=listing).order_by("name")

    def keep(self, user: User, listing: str, name: str, query: str) -> bool:
        """Under that name, in place of what was; False where there are too many already."""
        others = self.of(user, listing).exclude(name=name)
        if others.count() >= MOST_SAVED:
            return False
        self.update_or_create(user=user, listing=listing, name=name, defaults={"query": query})
        return True


class SavedFilter(models.Model):
    """A list as somebody filtered, sorted and chose it; `query` is that of its address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listing = models.CharField(max_length=50)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "listing", "name"], name="filter_of_user")
        ]

    def __str__(self) -> str:
        return f"{self.listing}: {self.name}"


class ChosenColumnsQuerySet(models.QuerySet):
    def of(self, user: User, listing: str) -> list[str] | None:
        """None where nothing was chosen: the list's own columns are shown then."""
        return self.filter(user=user, listing=listing).values_list("columns", flat=True).first()

    def choose(self, user: User, listing: str, columns: Sequence[str]) -> None:
        self.update_or_create(user=user, listing=listing, defaults={"columns": list(columns)})

    def forget(self, user: User, listing: str) -> None:
        self.filter(user=user, listing=listing).delete()


class ChosenColumns(models.Model):
    """The columns that somebody wants to see in a list."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listing = models.CharField(max_length=50)
    columns = models.JSONField()

    objects = ChosenColumnsQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "listing"], name="columns_of_user")]

    def __str__(self) -> str:
        return f"{self.listing}: {', '.join(self.columns)}"
