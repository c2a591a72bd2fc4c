"""What a name may look like, and how the registry assigns versions."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Max

#: As in Azure ML v1, so that names carry over.
NAME_PATTERN = r"^[a-zA-Z0-9][a-zA-Z0-9\-\._]{0,254}$"
valid_name = RegexValidator(
    NAME_PATTERN,
    "Use letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
)


class VersionedQuerySet(models.QuerySet):
    """Rows known as `name:version`; the highest version is the latest."""

    def ref(self, ref: str) -> models.Model:
        """The row of `name:version`, or the latest of `name`. Raises DoesNotExist."""
        name, _, version = ref.partition(":")
        rows = self.filter(name=name)
        if not version:
            return rows.latest_version()
        if not version.isdecimal():
            raise self.model.DoesNotExist(ref)
        return rows.get(version=int(version))

    def latest_version(self) -> models.Model:
        row = self.order_by("-version").first()
        if row is None:
            raise self.model.DoesNotExist
        return row

    def latest_of_each(self) -> models.QuerySet:
        """One row per name: its highest version."""
        newest = self.model.objects.filter(name=models.OuterRef("name")).order_by("-version")
        return self.filter(pk=models.Subquery(newest.values("pk")[:1]))

    def newest_versions(self) -> dict[str, int]:
        """The highest version by name."""
        return dict(self.order_by().values_list("name").annotate(Max("version")))

    def versions_of(self, name: str) -> models.QuerySet:
        return self.filter(name=name).order_by("-version")

    def create_version(self, *, name: str, **fields: object) -> models.Model:
        """Create the next version of `name`; two at once get two versions."""
        valid_name(name)
        for _ in range(20):
            try:
                with transaction.atomic():
                    highest = self.filter(name=name).aggregate(highest=Max("version"))["highest"]
                    return self.create(name=name, version=(highest or 0) + 1, **fields)
            except IntegrityError:  # someone took that version; take the next
                continue
        raise IntegrityError(f"no free version of {name}")
