"""Where runs execute, and who is alive there."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from runs.models.names import valid_name

#: A worker or sweeper not heard of for this long is taken for gone.
STALE_AFTER = timedelta(seconds=20)


class TargetQuerySet(models.QuerySet):
    def for_list(self) -> TargetQuerySet:
        return self.prefetch_related("heartbeats").order_by("name")

    def for_page(self) -> TargetQuerySet:
        """With who is alive there and what runs or waits (`open_runs`, the oldest first)."""
        from runs.models.profile_run import ProfileRun

        open_runs = ProfileRun.objects.unfinished().order_by("queued_at").defer("spec", "result")
        return self.for_list().prefetch_related(
            models.Prefetch("runs", queryset=open_runs, to_attr="open_runs")
        )

    def available(self) -> TargetQuerySet:
        """Targets a run may be sent to."""
        return self.filter(enabled=True, unavailable_reason="").order_by("name")

    def likely(self) -> Target | None:
        """The first that a worker listens at, or the first that takes runs."""
        targets = list(self.available().prefetch_related("heartbeats"))
        return next((one for one in targets if one.has_worker), next(iter(targets), None))

    def with_gpus(self, wanted: int) -> list[Target]:
        """Those that have so many GPUs and take runs."""
        return [target for target in self.available() if len(target.gpus) >= wanted]


class Target(models.Model):
    """A machine's part that runs are measured on; workers on that machine listen to its queue.

    `cores` and `service_cores` are lists of numbers; the cores that are not the service's are the
    driver's (with a single core both share it). `gpus` is a list of profiler.spec.Gpu as objects.
    """

    class Kind(models.TextChoices):
        DOCKER = "docker", "Docker containers"
        PROCESS = "process", "processes"

    name = models.CharField(max_length=255, unique=True, validators=[valid_name])
    kind = models.CharField(max_length=20, choices=Kind.choices)
    queue = models.CharField(max_length=255)
    cores = models.JSONField(default=list)
    service_cores = models.JSONField(default=list)
    memory_bytes = models.BigIntegerField()
    gpus = models.JSONField(default=list, blank=True)
    max_cpu_millicores = models.PositiveIntegerField()
    max_memory_bytes = models.BigIntegerField()
    enabled = models.BooleanField(default=True)
    unavailable_reason = models.TextField(blank=True)
    #: What holds on its host, as the worker there last read it, and why not where there is none.
    noise_floor = models.JSONField(null=True, blank=True, editable=False)
    noise_floor_reason = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TargetQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["noise_floor", "noise_floor_reason"])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its card."""
        return f"{reverse('target_list')}#{self.name}"

    @property
    def driver_cores(self) -> list[int]:
        return [core for core in self.cores if core not in self.service_cores] or list(self.cores)

    @property
    def gpu_indices(self) -> list[int]:
        """By which a spec names them."""
        return [gpu["index"] for gpu in self.gpus]

    @property
    def is_available(self) -> bool:
        return self.enabled and not self.unavailable_reason

    @property
    def noise_floor_measured_at(self) -> datetime | None:
        return self.noise_floor and datetime.fromisoformat(self.noise_floor["measured_at"])

    def keep_noise_floor(self, floor: dict | None, why_not: str) -> None:
        if (self.noise_floor, self.noise_floor_reason) == (floor, why_not):
            return
        self.noise_floor, self.noise_floor_reason = floor, why_not
        Target.objects.filter(pk=self.pk).update(noise_floor=floor, noise_floor_reason=why_not)

    @property
    def slots(self) -> int:
        """Runs that may be measured here at a time: as many as there are disjoint core sets."""
        return 1

    def alive(self, kind: str) -> list[WorkerHeartbeat]:
        """The workers or sweepers heard of lately."""
        return [beat for beat in self.heartbeats.all() if beat.kind == kind and beat.is_alive]

    @property
    def has_worker(self) -> bool:
        return bool(self.alive(WorkerHeartbeat.Kind.WORKER))

    @property
    def has_sweeper(self) -> bool:
        return bool(self.alive(WorkerHeartbeat.Kind.SWEEPER))


class WorkerHeartbeatQuerySet(models.QuerySet):
    def beat(self, target: Target, host: str, pid: int, kind: str) -> None:
        """Say that this worker or sweeper is alive."""
        self.update_or_create(
            target=target, host=host, pid=pid, kind=kind, defaults={"last_seen_at": timezone.now()}
        )

    def forget_old(self) -> int:
        """Drop the rows of workers gone for an hour."""
        return self.filter(last_seen_at__lt=timezone.now() - timedelta(hours=1)).delete()[0]


class WorkerHeartbeat(models.Model):
    """When a worker or sweeper was last heard of."""

    class Kind(models.TextChoices):
        WORKER = "worker", "worker"
        SWEEPER = "sweeper", "sweeper"

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="heartbeats")
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    last_seen_at = models.DateTimeField()

    objects = WorkerHeartbeatQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "host", "pid", "kind"], name="one_heartbeat_per_process"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.pid}"

    @property
    def is_alive(self) -> bool:
        return timezone.now() - self.last_seen_at < STALE_AFTER
