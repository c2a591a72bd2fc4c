"""Policies that administrators set up: what is decided once for all runs, under a name."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from simple_history.models import HistoricalRecords

from profiler.errors import Problem
from profiler.spec import STANDARD
from profiler.spec_fields import Problems, Table
from profiler.spec_reader.policy import MEMORY_MAX, policy_to_json, read_policy
from profiler.units import MIB

MOST_MIB = MEMORY_MAX // MIB


def standard_steps() -> list[list[int]]:
    return [list(pair) for pair in STANDARD.grid.steps_millicores]


class SizingPolicyQuerySet(models.QuerySet):
    def for_list(self) -> SizingPolicyQuerySet:
        """The default first."""
        return self.order_by("-is_default", "name")

    def default_spec(self) -> dict:
        """The default one as a spec says it; the engine's own where there is none."""
        row = self.filter(is_default=True).first()
        return row.as_spec() if row else policy_to_json(STANDARD)


class SizingPolicy(models.Model):
    """A policy by name. Runs keep its values as they were, so it can be changed and deleted."""

    name = models.CharField(
        max_length=100, unique=True, help_text="By which runs say which policy they followed."
    )
    is_default = models.BooleanField(
        default=False,
        editable=False,
        help_text="Of new runs. It cannot be deleted: make another the default first, in the list.",
    )

    memory_margin = models.FloatField(
        default=STANDARD.memory_margin,
        help_text="A share that is added to the peak of memory: 0.15 is 15 %.",
    )
    memory_step_mib = models.PositiveIntegerField(
        "memory step, MiB",
        default=STANDARD.memory_step_bytes // MIB,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MIB)],
        help_text="Memory is rounded up to a multiple of it.",
    )
    cpu_margin = models.FloatField(
        default=STANDARD.cpu_margin,
        help_text="A share that is added to the cpu in use, where no quota can be enforced.",
    )
    steps_up = models.PositiveIntegerField(
        default=STANDARD.steps_up,
        help_text="How often a verification that failed goes on at a larger size.",
    )

    grid_steps_millicores = models.JSONField(
        "cpu steps, millicores",
        default=standard_steps,
        help_text="Pairs of a step and the size up to which it is taken: [[100, 1000], [250, 4000]]"
        " tries 100, 200 ... 1000, 1250 ... 4000.",
    )
    grid_step_above_millicores = models.PositiveIntegerField(
        "cpu step above, millicores", default=STANDARD.grid.step_above_millicores
    )
    floor_cpu_millicores = models.PositiveIntegerField(
        "least cpu, millicores", null=True, blank=True, help_text="Nothing below is tried."
    )
    floor_memory_mib = models.PositiveIntegerField(
        "least memory, MiB",
        null=True,
        blank=True,
        validators=[MinValueValidator(16), MaxValueValidator(MOST_MIB)],
        help_text="Nothing below is advised.",
    )

    percentile = models.FloatField(default=STANDARD.objective.percentile)
    latency_ratio = models.FloatField(
        default=STANDARD.objective.latency_ratio,
        help_text="Latency at most, times the largest size's.",
    )
    throughput_share = models.FloatField(
        default=STANDARD.objective.throughput_share,
        help_text="Throughput at least, as a share of the largest size's: 0.95 is 95 %.",
    )
    max_error_rate = models.FloatField(
        "errors allowed", default=STANDARD.objective.max_error_rate, help_text="0.01 is 1 %."
    )
    confidence = models.FloatField(
        default=STANDARD.objective.confidence, help_text="0.95 is 95 %; more takes longer."
    )

    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    changed_at = models.DateTimeField(auto_now=True)

    objects = SizingPolicyQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "sizing policies"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="one_default_policy",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def as_spec(self) -> dict:
        """The `policy` of a spec."""
        return {
            "name": self.name,
            "cpu_margin": self.cpu_margin,
            "memory_margin": self.memory_margin,
            "memory_step_bytes": _bytes(self.memory_step_mib),
            "steps_up": self.steps_up,
            "grid": {
                "steps_millicores": self.grid_steps_millicores,
                "step_above_millicores": self.grid_step_above_millicores,
            },
            "floors": {
                "cpu_millicores": self.floor_cpu_millicores,
                "memory_bytes": _bytes(self.floor_memory_mib),
            },
            "objective": {
                key: getattr(self, key)
                for key in (
                    "percentile",
                    "max_error_rate",
                    "confidence",
                    "latency_ratio",
                    "throughput_share",
                )
            },
        }

    def problems(self) -> list[Problem]:
        """What the engine would refuse of it, each with its place in the spec."""
        problems = Problems()
        read_policy(Table({"policy": self.as_spec()}, "", problems, ("policy",)))
        return list(problems)

    def make_default(self) -> None:
        """The one that new runs follow unless another is chosen."""
        with transaction.atomic():
            # Locked, so that of two who do this at a time one waits.
            list(SizingPolicy.objects.select_for_update().order_by("pk"))
            others = SizingPolicy.objects.filter(is_default=True).exclude(pk=self.pk)
            others.update(is_default=False)
            SizingPolicy.objects.filter(pk=self.pk).update(is_default=True)


def _bytes(mib: int | None) -> int | None:
    return None if mib is None else mib * MIB
