"""What cores, memory and GPUs cost here: one row, which administrators set."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from runs.costs import Prices

#: The primary key of the only row.
ONLY = 1


class PriceListQuerySet(models.QuerySet):
    def current(self) -> Prices | None:
        """What the row says, else the environment's settings; None where neither gives prices."""
        row = self.first()
        if row is not None:
            gpu_hour = None if row.gpu_hour is None else float(row.gpu_hour)
            return Prices(float(row.core_hour), float(row.gib_hour), gpu_hour, row.currency)
        core_hour, gib_hour = settings.PROFILER_PRICE_CORE_HOUR, settings.PROFILER_PRICE_GIB_HOUR
        if core_hour is None or gib_hour is None:
            return None
        gpu_hour, currency = settings.PROFILER_PRICE_GPU_HOUR, settings.PROFILER_CURRENCY
        return Prices(core_hour, gib_hour, gpu_hour, currency)


def _price(**how: object) -> models.DecimalField:
    not_negative = MinValueValidator(0, "A price is 0 or more.")
    return models.DecimalField(max_digits=16, decimal_places=6, validators=[not_negative], **how)


class PriceList(models.Model):
    """Prices in place of the environment's; there is one row at most."""

    id = models.PositiveSmallIntegerField(primary_key=True, editable=False)
    core_hour = _price(help_text="Of one core for an hour.")
    gib_hour = _price(
        verbose_name="GiB-hour", help_text="Of one GiB (2^30 bytes) of memory for an hour."
    )
    gpu_hour = _price(
        verbose_name="GPU-hour",
        null=True,
        blank=True,
        help_text="Of one GPU for an hour. Left empty, services with GPUs are shown without cost.",
    )
    currency = models.CharField(
        max_length=3,
        help_text="Three capital letters (ISO 4217), such as EUR.",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Write three capital letters, such as EUR.")],
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    changed_at = models.DateTimeField(auto_now=True)

    objects = PriceListQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "prices"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=ONLY), name="one_price_list"),
        ]

    def __str__(self) -> str:
        return f"{self.core_hour} {self.currency} a core-hour, {self.gib_hour} a GiB-hour"

    def save(self, *args: object, **kwargs: object) -> None:
        self.pk = ONLY
        super().save(*args, **kwargs)
