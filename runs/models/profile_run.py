"""A profile run: what was asked for, how far it is, and what came out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone

from profiler.spec_reader.policy import policy_of
from runs.models.dataset import Dataset
from runs.models.inference_config import InferenceConfig
from runs.models.names import valid_name
from runs.models.registered_model import RegisteredModel
from runs.models.run_queryset import ProfileRunQuerySet
from runs.models.run_transitions import RunTransitions
from runs.models.target import STALE_AFTER, Target

if TYPE_CHECKING:
    from profiler.spec import Policy


class ProfileRun(RunTransitions, models.Model):
    """Models + config + dataset + target + load + objective + limits + budget, under one name."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"
        TIMED_OUT = "timed_out", "Timed out"

    class Question(models.TextChoices):
        SIZE = "size", "The smallest size"
        RATE = "rate", "The highest rate a size takes"
        CURVE = "curve", "How every size does"

    UNFINISHED = (State.QUEUED, State.RUNNING)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255, unique=True, validators=[valid_name])
    config = models.ForeignKey(InferenceConfig, on_delete=models.PROTECT, related_name="runs")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="runs")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="runs")
    load = models.JSONField(default=dict, blank=True)
    objective = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    budget = models.JSONField(default=dict, blank=True)
    #: Workers and threads to try, in place of the config's own: {workers: [...], threads: [...]}.
    concurrency = models.JSONField(default=dict, blank=True)
    #: What is expected of the answers, as in the spec.
    answers = models.JSONField(default=dict, blank=True)
    #: The policy it follows, with its values as they were; {} from before there were policies.
    policy = models.JSONField(default=dict, blank=True)
    memory_probe = models.BooleanField(
        default=False, help_text="Lower the memory limit until it hurts, to see what is needed"
    )
    question = models.CharField(max_length=10, choices=Question.choices, default=Question.SIZE)
    #: What replicas together have to take, in requests a second; None where it was not asked.
    peak_rps = models.FloatField(null=True, blank=True)
    spec = models.JSONField(default=dict, blank=True)
    input_hashes = models.JSONField(default=dict, blank=True)

    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=20, blank=True)
    fraction = models.FloatField(default=0.0)
    message = models.TextField(blank=True)
    #: The measurement under way, or that was broken off when the run ended: {ordinal, phase,
    #: cpu_millicores, memory_bytes}, or None.
    current = models.JSONField(null=True, blank=True)

    #: What a replay of the requests so far says of the answer (events.ESTIMATE); None before.
    estimate = models.JSONField(null=True, blank=True)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    #: Under which a program asked for it, so that asking again does not start another; and the
    #: hash of what it asked.
    client_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001
    client_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    fencing_token = models.UUIDField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    #: Who had it killed because it did not stop; None where it stopped by itself, or was not asked.
    cancel_forced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.TextField(blank=True)
    error_log_tail = models.TextField(blank=True)
    advice = models.JSONField(null=True, blank=True)
    #: Of the advice, for lists that filter and sort by it without opening each row's JSON.
    advice_standing = models.GeneratedField(
        expression=KT("advice__standing"),
        output_field=models.CharField(max_length=20, null=True),
        db_persist=True,
    )
    advice_cpu_millicores = models.GeneratedField(
        expression=Cast(KT("advice__cpu_millicores"), models.IntegerField()),
        output_field=models.IntegerField(null=True),
        db_persist=True,
    )
    advice_memory_bytes = models.GeneratedField(
        expression=Cast(KT("advice__memory_bytes"), models.BigIntegerField()),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )
    azureml = models.JSONField(null=True, blank=True)
    circumstances = models.JSONField(default=dict, blank=True)
    #: The phases so far in their order: [{phase, seconds}].
    phase_times = models.JSONField(default=list, blank=True)
    result = models.JSONField(null=True, blank=True)
    #: When its raw samples were dropped to free space; its results are kept.
    raw_dropped_at = models.DateTimeField(null=True, blank=True)
    keep_raw = models.BooleanField(
        default=False, help_text="Its raw samples are kept for ever, whatever the retention says"
    )
    # Last, because from here on the name `models` is the field's.
    models = models.ManyToManyField(RegisteredModel, through="RunModel", related_name="runs")

    objects = ProfileRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["created_by", "client_key"], name="one_run_per_key")
        ]
        # A list shows a few rows of many, sorted: each sort and filter of it has its index.
        indexes = [
            models.Index(fields=["-created_at"], name="run_newest"),
            models.Index(fields=["state", "-created_at"], name="run_state_newest"),
            models.Index(fields=["advice_standing", "-created_at"], name="run_standing_newest"),
            models.Index(fields=["target", "-created_at"], name="run_target_newest"),
            models.Index(
                fields=["target", "advice_standing", "-created_at"], name="run_target_standing"
            ),
            models.Index(fields=["target", "state", "-created_at"], name="run_target_state"),
            models.Index(fields=["finished_at", "started_at"], name="run_finished_started"),
            models.Index(fields=["error_code"], name="run_error_code"),
            models.Index(
                fields=["advice_cpu_millicores", "advice_memory_bytes"], name="run_advised_size"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("run_detail", args=[self.name])

    # --- Reads ------------------------------------------------------------------------------------
    @property
    def job_id(self) -> str:
        """The queue's id of this attempt, so that a requeue never collides (RQ allows no dot)."""
        return f"{self.uuid}-{self.attempt}"

    @property
    def attempt_name(self) -> str:
        """How containers, processes and folders are marked as this attempt's."""
        return f"{self.uuid}.{self.attempt}"

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED

    @property
    def is_cancelling(self) -> bool:
        return self.state == self.State.RUNNING and self.cancel_requested_at is not None

    @property
    def is_stale(self) -> bool:
        """Running, but its worker was not heard of for too long."""
        if self.state != self.State.RUNNING or self.heartbeat_at is None:
            return False
        return timezone.now() - self.heartbeat_at > STALE_AFTER

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since it started, or that it took; None before it starts."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def followed_policy(self) -> Policy:
        """What it followed, whatever became of the policy since."""
        return policy_of(self.policy)

    def log_text(self) -> str:
        return "".join(self.log_chunks.values_list("text", flat=True))


class RunModel(models.Model):
    """A model that a run profiled; it cannot be deleted while the run exists."""

    run = models.ForeignKey(ProfileRun, on_delete=models.CASCADE)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "model"], name="model_once_per_run")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.model_id}"
