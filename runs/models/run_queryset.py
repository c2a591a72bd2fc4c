"""Runs as those who read them ask for them, and how one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from runs.models.measurement import Measurement, SampleChunk
from runs.models.sizing_policy import SizingPolicy
from runs.models.target import STALE_AFTER, Target

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from runs.models.dataset import Dataset
    from runs.models.inference_config import InferenceConfig
    from runs.models.profile_run import ProfileRun
    from runs.models.registered_model import RegisteredModel

#: How long a worker may take to obey a cancel before it is stopped by force.
CANCEL_PATIENCE = timedelta(seconds=15)


#: What tells loads of one stage apart.
LOAD_KEY = ("mode", "rate_rps", "concurrency")
#: Finished runs of a target that are looked at for how long runs take.
HISTORY = 100
#: What lists show, here and in the API.
LISTED = (
    "uuid", "name", "config", "dataset", "target", "question", "objective", "state", "phase",
    "fraction", "advice", "advice_standing", "advice_cpu_millicores", "advice_memory_bytes",
    "error_code", "created_by", "created_at", "started_at", "finished_at",
)  # fmt: skip
LISTED_OF_INPUTS = (
    "config__name", "config__version", "dataset__name", "dataset__version", "target__name",
    "created_by__username", "created_by__first_name", "created_by__last_name",
)  # fmt: skip
#: What few pages show, by far the most of a row.
BULKY = (
    "spec", "load", "result", "circumstances", "azureml", "phase_times", "policy", "input_hashes",
    "answers", "estimate", "error_log_tail",
)  # fmt: skip
BULKY_OF_INPUTS = (
    "config__definition", "dataset__preview", "dataset__labels",
    "target__cores", "target__service_cores", "target__gpus", "target__noise_floor",
)  # fmt: skip


def _named_models() -> models.Prefetch:
    """A run's models by what lists say of them, which is no tag."""
    from runs.models.registered_model import RegisteredModel

    named = RegisteredModel.objects.defer("description", "tags", "properties")
    return models.Prefetch("models", named)


def _in_order_taken() -> models.Prefetch:
    """A run's measurements; their own order is by their runs first, which takes a join."""
    return models.Prefetch("measurements", Measurement.objects.order_by("ordinal"))


class ProfileRunQuerySet(models.QuerySet):
    def for_list(self) -> ProfileRunQuerySet:
        """What the runs list and a model's page show, newest first."""
        return (
            self.select_related("config", "dataset", "target", "created_by")
            .prefetch_related(_named_models())
            .only(*LISTED, *LISTED_OF_INPUTS)
            .order_by("-created_at")
        )

    def for_page(self) -> ProfileRunQuerySet:
        """What one run's page shows."""
        return self.select_related(
            "config__files",
            "dataset",
            "target",
            "created_by",
            "cancel_requested_by",
            "cancel_forced_by",
        ).prefetch_related("models", _in_order_taken())

    def for_chart(self) -> ProfileRunQuerySet:
        """What one of a run's charts shows; what only a few of them need is read when they do."""
        unread = [name for name in BULKY if name != "policy"]
        return self.select_related("config", "target").defer(*unread, "config__definition")

    def for_comparison(self, names: Sequence[str]) -> ProfileRunQuerySet:
        """The named runs with the measurements that are compared (`compared_measurements`)."""
        from profiler.comparing import PHASES

        read = ("circumstances", "config__definition")
        unread = [name for name in (*BULKY, *BULKY_OF_INPUTS) if name not in read]
        taken = Measurement.objects.filter(phase__in=tuple(PHASES)).order_by("ordinal")
        return (
            self.filter(name__in=names)
            .select_related("config", "dataset", "target")
            .prefetch_related(
                _named_models(),
                models.Prefetch("measurements", queryset=taken, to_attr="compared_measurements"),
            )
            .defer(*unread)
        )

    def started_by(self, user: User, key: str) -> ProfileRun | None:
        """The run that a program of this user started under its key; None when there is none."""
        return self.filter(created_by=user, client_key=key).first()

    def started_once(
        self, user: User, key: str, digest: str, start: Callable[..., ProfileRun]
    ) -> ProfileRun:
        """What `start` queues under a program's key ("": it gave none); where another did so
        at the same moment, the run of that. Raises IntegrityError where a name was taken meanwhile.
        """
        try:
            return start(client_key=key or None, client_digest=digest)
        except IntegrityError:
            if key and (started := self.started_by(user, key)):
                return started
            raise

    def comparable_with(self, run: ProfileRun) -> ProfileRunQuerySet:
        """Other finished runs of a model of this one that have an advice, newest first."""
        return (
            self.filter(models__name__in=[model.name for model in run.models.all()])
            .filter(state=self.model.State.SUCCEEDED)
            .exclude(pk=run.pk)
            .order_by("-created_at")
            .distinct()
        )

    def for_waiting(self) -> ProfileRunQuerySet:
        """What is asked of runs that others wait for, the first first."""
        return (
            self.select_related("config", "target")
            .defer("spec", "result", "circumstances", "azureml", "advice")
            .order_by("queued_at")
        )

    def durations_on(self, target_id: int) -> list[ProfileRun]:
        """The newest finished runs of a target with what each took; `load_key` is of their load.

        A recorded load may hold a hundred thousand times: only its key is fetched.
        """
        keys = {f"load_{key}": F(f"load__{key}") for key in LOAD_KEY}
        finished = self.exclude(state__in=self.model.UNFINISHED).filter(target_id=target_id)
        runs = (
            finished.annotate(**keys)
            .select_related("config")
            .only("state", "question", "phase_times", "objective", "budget", "config__name")
            .order_by("-finished_at")[:HISTORY]
        )
        for run in runs:
            run.load_key = tuple(getattr(run, name) for name in keys)
        return list(runs)

    def for_job(self) -> ProfileRunQuerySet:
        """What a worker needs of a run."""
        return self.select_related("config__files", "dataset__files", "target")

    def unfinished(self) -> ProfileRunQuerySet:
        return self.filter(state__in=self.model.UNFINISHED)

    def running(self) -> ProfileRunQuerySet:
        return self.filter(state=self.model.State.RUNNING)

    def stale(self) -> ProfileRunQuerySet:
        """Running, but their worker was not heard of for too long."""
        return self.running().filter(heartbeat_at__lt=timezone.now() - STALE_AFTER)

    def disobeying(self) -> ProfileRunQuerySet:
        """Running although their cancel was asked for long enough ago."""
        return self.running().filter(cancel_requested_at__lt=timezone.now() - CANCEL_PATIENCE)

    def raw_outdated(self, before: datetime) -> ProfileRunQuerySet:
        """Finished before then, and with raw samples that need not be kept."""
        return self.filter(
            Exists(SampleChunk.objects.filter(run=OuterRef("pk"))),
            finished_at__lt=before,
            keep_raw=False,
        )

    def advising(self) -> ProfileRunQuerySet:
        """Finished, with an advice that has a size."""
        return self.filter(
            state=self.model.State.SUCCEEDED, advice_standing__in=["verified", "provisional"]
        )

    def ahead_of(self, run: ProfileRun) -> ProfileRunQuerySet:
        """Unfinished runs that the same target takes before a queued one."""
        earlier = Q(state=self.model.State.QUEUED, queued_at__lt=run.queued_at)
        return self.filter(earlier | Q(state=self.model.State.RUNNING), target_id=run.target_id)

    def free_name(self, stem: str) -> str:
        """`<stem>-<n>` with the lowest n above the number of runs so named that is free."""
        number = self.filter(name__startswith=f"{stem}-").count() + 1
        while self.filter(name=f"{stem}-{number}").exists():
            number += 1
        return f"{stem}-{number}"

    def submit(
        self,
        *,
        models: list[RegisteredModel],
        config: InferenceConfig,
        dataset: Dataset,
        target: Target,
        created_by: User | None,
        name: str = "",
        load: dict | list | None = None,
        objective: dict | None = None,
        limits: dict | None = None,
        budget: dict | None = None,
        answers: dict | None = None,
        policy: dict | None = None,
        memory_probe: bool = False,
        concurrency: dict | None = None,
        question: str = "size",
        peak_rps: float | None = None,
        client_key: str | None = None,
        client_digest: str = "",
    ) -> ProfileRun:
        """Create a run and queue it on its target once the transaction commits.

        What is left out takes the engine's default, the policy that of the site. Raises
        IntegrityError for a name taken, or a key that this user gave before.
        """
        from runs import run_spec

        with transaction.atomic():
            run = self.create(
                name=name or self.free_name(models[0].name if models else config.name),
                config=config,
                dataset=dataset,
                target=target,
                created_by=created_by,
                load=load or {},
                objective=objective or {},
                limits=limits or {},
                budget=budget or {},
                answers=answers or {},
                concurrency=concurrency or {},
                policy=policy or SizingPolicy.objects.default_spec(),
                memory_probe=memory_probe,
                question=question,
                peak_rps=peak_rps,
                client_key=client_key,
                client_digest=client_digest,
            )
            through = self.model.models.through
            through.objects.bulk_create(through(run=run, model=model) for model in models)
            run.spec = run_spec.build(run, models)
            run.input_hashes = run_spec.input_hashes(run, models)
            run.save(update_fields=["spec", "input_hashes"])
            run.enqueue()
        return run

    def repeat(self, run: ProfileRun, user: User | None, **client: str | None) -> ProfileRun:
        """Ask for the same once more, of the same rows, under the next free name.

        `client` are the key and digest of the program that asks.
        """
        asked = (
            "config", "dataset", "target", "load", "objective", "limits", "budget", "answers",
            "policy", "memory_probe", "concurrency", "question", "peak_rps",
        )  # fmt: skip
        same = {field: getattr(run, field) for field in asked}
        return self.submit(models=list(run.models.all()), created_by=user, **same, **client)

    def baseline_of(self, run: ProfileRun) -> ProfileRun | None:
        """What a run is best held against: the baseline that the newest proposal for one of its
        models pinned, or else the latest other run of one of them that was verified."""
        from runs.models.proposal import Proposal

        names = [model.name for model in run.models.all()]
        pinned = Proposal.objects.filter(models__name__in=names, baseline__isnull=False)
        pinned = pinned.exclude(baseline=run).order_by("-created_at").values("baseline")[:1]
        verified = self.comparable_with(run).filter(advice_standing="verified")
        return self.filter(pk__in=pinned).only("name").first() or verified.only("name").first()
