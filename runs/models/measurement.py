"""What a run measured: one row per size tried, and the raw samples behind it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Length

from profiler.sizing.evidence import VERIFYING


class Measurement(models.Model):
    """One size measured; immutable. `data` is the engine's Measurement.to_json()."""

    run = models.ForeignKey(
        "runs.ProfileRun", on_delete=models.CASCADE, related_name="measurements"
    )
    ordinal = models.PositiveIntegerField()
    phase = models.CharField(max_length=20)
    cpu_millicores = models.PositiveIntegerField()
    memory_bytes = models.BigIntegerField()
    outcome = models.CharField(max_length=20)
    valid = models.BooleanField()
    requests = models.PositiveIntegerField()
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="measurement_of_run")
        ]

    def __str__(self) -> str:
        return f"{self.run_id} #{self.ordinal}: {self.cpu_millicores} m, {self.outcome}"

    def proves(self, advice: dict) -> bool:
        """Whether it is what a verified advice needs: a fresh service, held to that very size."""
        passed = self.phase == VERIFYING and self.outcome == "passed" and self.valid
        held = self.data.get("limits_enforced") is True
        return passed and held and (self.cpu_millicores, self.memory_bytes) == (
            advice["cpu_millicores"], advice["memory_bytes"],
        )  # fmt: skip


class SampleChunk(models.Model):
    """About a second of raw samples of one series, as profiler.measuring.codec packs them."""

    class Series(models.TextChoices):
        REQUESTS = "requests", "requests"
        USAGE = "usage", "usage"
        GPU = "gpu", "gpu"
        ROWS = "rows", "rows"

    run = models.ForeignKey("runs.ProfileRun", on_delete=models.CASCADE, related_name="chunks")
    measurement = models.PositiveIntegerField(help_text="The ordinal of its measurement")
    series = models.CharField(max_length=20, choices=Series.choices)
    index = models.PositiveIntegerField()
    start_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField()
    count = models.PositiveIntegerField()
    blob = models.BinaryField()

    class Meta:
        ordering = ["run", "measurement", "series", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "measurement", "series", "index"], name="chunk_of_series"
            )
        ]
        # All that is asked of chunks but their samples: rows with samples are long.
        indexes = [
            models.Index(
                "run", "measurement", "series", "start_ns", "count", Length("blob"),
                name="chunk_sizes",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.run_id} #{self.measurement} {self.series} {self.index}"


class LogChunk(models.Model):
    """Some lines of a run's log, in order of `index`."""

    run = models.ForeignKey("runs.ProfileRun", on_delete=models.CASCADE, related_name="log_chunks")
    index = models.PositiveIntegerField()
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "index"]
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="log_chunk_of_run")]

    def __str__(self) -> str:
        return f"{self.run_id} log {self.index}"
