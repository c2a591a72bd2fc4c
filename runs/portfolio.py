"""Every model at a glance: what its tags ask for, on what evidence, and what that wastes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import OuterRef, Subquery

from profiler.sizing.tags import MEASUREMENT_TAG, rounded_sizes
from runs import formatting
from runs.costs import Prices
from runs.models import Dataset, InferenceConfig, PriceList, ProfileRun, RegisteredModel
from runs.tagged_sizes import asked_for, gpus_asked_for

#: A year has 8,766 hours.
HOURS_A_MONTH = 8766 / 12


@dataclass(frozen=True)
class SizedModel:
    """A model's size in its tags beside what its newest run advises.

    Slack is what the tags ask for beyond the advice, in millicores and bytes: negative where they
    ask for less. What is not known is None. `stale` says what changed since the size was measured.
    """

    model: RegisteredModel
    cpu_millicores: int | None = None
    memory_bytes: int | None = None
    standing: str = ""
    stale: list[str] = field(default_factory=list)
    advised: ProfileRun | None = None
    measured_by: ProfileRun | None = None
    cost_a_month: float | None = None
    waste_a_month: float | None = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def is_sized(self) -> bool:
        return self.cpu_millicores is not None and self.memory_bytes is not None

    @property
    def missing_a_month(self) -> float | None:
        """What the advised size costs beyond that in the tags; None where it does not."""
        return -self.waste_a_month if (self.waste_a_month or 0) < 0 else None

    @property
    def cpu_slack(self) -> float | None:
        return self._slack(self.cpu_millicores, "cpu_millicores")

    @property
    def memory_slack(self) -> float | None:
        return self._slack(self.memory_bytes, "memory_bytes")

    @property
    def advised_cpu(self) -> float | None:
        """By which the newest advice sorts."""
        return self.advised.advice["cpu_millicores"] if self.advised else None

    @property
    def differs(self) -> bool:
        """Whether the tags ask for another size than the newest run advises."""
        return bool(self.is_sized and self.advised and (self.cpu_slack or self.memory_slack))

    def _slack(self, asked: float | None, key: str) -> float | None:
        if asked is None or self.advised is None:
            return None
        return asked - self.advised.advice[key]

    @property
    def evidence(self) -> str:
        """How far the size can be trusted, in a word: unsized, unverified, stale or verified."""
        if not self.is_sized:
            return "unsized"
        if self.stale:
            return "stale"
        return "verified" if self.standing == "verified" else "unverified"

    @property
    def order(self) -> tuple[int, int]:
        """Worst first: not sized, not verified, stale, then the rest."""
        if not self.is_sized:
            return (0, 0)
        return (1 if self.standing != "verified" else 2 if self.stale else 3, -len(self.stale))


def portfolio(
    prices: Prices | None, models: Iterable[RegisteredModel] | None = None
) -> list[SizedModel]:
    """These models, or the latest version of every one, in a constant number of queries."""
    if models is None:
        models = RegisteredModel.objects.latest_of_each()
    models = sorted(models, key=lambda model: model.name)
    newest = newest_advice(models)
    known = Known.of(models)
    return [sized(model, newest.get(model.pk), known, prices) for model in models]


def one_sized(model: RegisteredModel) -> SizedModel:
    """The same of a single model, by today's prices."""
    advised = newest_advice([model]).get(model.pk)
    return sized(model, advised, Known.of([model]), PriceList.objects.current())


def totals(rows: Iterable[SizedModel]) -> dict:
    """Counts of models by their evidence, and what all of them ask for beyond the advice.

    Where one asks for less than it needs, that saves nothing elsewhere: it counts as 0.
    """
    rows = list(rows)
    with_size = [row for row in rows if row.is_sized]
    wastes = [row.waste_a_month for row in rows if row.waste_a_month is not None]
    return {
        "total": len(rows),
        "sized_count": len(with_size),
        "stale_count": sum(bool(row.stale) for row in with_size),
        "unproven_count": sum(row.standing != "verified" for row in with_size),
        "sound_count": sum(row.standing == "verified" and not row.stale for row in with_size),
        "cpu_slack": sum(max(row.cpu_slack or 0, 0) for row in rows),
        "memory_slack": sum(max(row.memory_slack or 0, 0) for row in rows),
        "waste": sum(max(waste, 0.0) for waste in wastes),
    }


def sized(
    model: RegisteredModel, advised: ProfileRun | None, known: Known, prices: Prices | None
) -> SizedModel:
    """One model; `known` holds what its tags may refer to."""
    cpu, memory = asked_for(model.tags)
    cost = waste = None
    if prices and cpu is not None and memory is not None:
        cost = _a_month(prices.cost_per_hour(cpu, memory, gpus_asked_for(model.tags)))
        if advised:
            size = advised.advice
            # GPUs are not sized: they cost the same either way.
            least = prices.cost_per_hour(size["cpu_millicores"], size["memory_bytes"])
            waste = _a_month(prices.cost_per_hour(cpu, memory) - least)
    measured_by = known.runs.get(model.tags.get("profile.run"))
    return SizedModel(
        model=model,
        cpu_millicores=cpu,
        memory_bytes=memory,
        standing=_standing(model, measured_by) if cpu or memory else "",
        stale=known.stale(model, advised),
        advised=advised,
        measured_by=measured_by,
        cost_a_month=cost,
        waste_a_month=waste,
    )


def _a_month(per_hour: float | None) -> float | None:
    return None if per_hour is None else per_hour * HOURS_A_MONTH


def newest_advice(models: Iterable[RegisteredModel]) -> dict[int, ProfileRun]:
    """By model the newest finished run that advises a size for it."""
    of_model = (
        ProfileRun.objects.advising()
        .filter(models=OuterRef("pk"))
        .order_by("-created_at")
        .values("pk")[:1]
    )
    found = dict(
        RegisteredModel.objects.filter(pk__in=[model.pk for model in models])
        .annotate(newest_run=Subquery(of_model))
        .exclude(newest_run=None)
        .values_list("pk", "newest_run")
    )
    wanted = ProfileRun.objects.only("name", "advice", "created_at", "circumstances", "config")
    runs = wanted.in_bulk(found.values())
    return {model: runs[run] for model, run in found.items()}


@dataclass(frozen=True)
class Known:
    """What the tags of sizes name: their runs, and the newest version of all that has versions."""

    runs: Mapping[str, ProfileRun]
    models: Mapping[str, int]
    configs: Mapping[str, int]
    datasets: Mapping[str, int]

    @classmethod
    def of(cls, models: Iterable[RegisteredModel]) -> Known:
        names = {model.tags.get("profile.run") for model in models} - {None}
        runs = (
            ProfileRun.objects.filter(name__in=names)
            .select_related("config", "dataset")
            .prefetch_related("models")
            .only(
                "name", "advice", "circumstances", "created_at", "config__name",
                "config__version", "dataset__name", "dataset__version",
            )
        )  # fmt: skip
        return cls(
            {run.name: run for run in runs},
            *(
                kind.objects.newest_versions()
                for kind in (RegisteredModel, InferenceConfig, Dataset)
            ),
        )

    def stale(self, model: RegisteredModel, advised: ProfileRun | None) -> list[str]:
        """What changed since the run that a model's size was taken from; empty without a size."""
        name = model.tags.get("profile.run")
        if name is None:
            return []
        run = self.runs.get(name)
        if run is None:
            return [f"{name}, which measured it, is gone."]
        found = _set_by_hand(model, run)
        measured = [one for one in run.models.all() if one.name == model.name]
        if all(one.version != model.version for one in measured):
            found.append(f"It was measured for {measured[0].ref if measured else 'another model'}.")
        newest = self.models.get(model.name, model.version)
        if newest > model.version:
            found.append(f"{model.name}:{newest} is registered.")
        for kind, row, newest in (
            ("config", run.config, self.configs), ("dataset", run.dataset, self.datasets)
        ):  # fmt: skip
            if newest.get(row.name, row.version) > row.version:
                found.append(
                    f"The {kind} {row.name}:{newest[row.name]} is newer than {row.ref}, "
                    "with which it was measured."
                )
        if advised and _image_changed(run, advised):
            found.append(
                f"{advised.name} measured another image since: it was built anew, or its base was."
            )
        return found


def _standing(model: RegisteredModel, run: ProfileRun | None) -> str:
    """What the run that measured the size says of it, in place of a tag that anybody may write."""
    if "profile.run" not in model.tags or (run and _set_by_hand(model, run)):
        return "by hand"
    if MEASUREMENT_TAG in model.tags:
        return "measured"
    says = (run.advice or {}).get("standing") if run else model.tags.get("profile.standing")
    return says or "by hand"


def _set_by_hand(model: RegisteredModel, run: ProfileRun) -> list[str]:
    """What the tags ask for in place of the size that the run advised; a measured size that was
    chosen instead is not in the advice, and is called unverified anyway.
    """
    advice = run.advice or {}
    if MEASUREMENT_TAG in model.tags or not advice.get("cpu_millicores"):
        return []
    written = rounded_sizes(advice["cpu_millicores"], advice["memory_bytes"])
    if asked_for(model.tags) == asked_for(written):
        return []
    return [
        f"It was changed by hand since it was taken from {run.name}, which advised "
        f"{formatting.size(advice)}."
    ]


def _image_changed(before: ProfileRun, since: ProfileRun) -> bool:
    """Whether a later run of the same config had another image; not where one of them had none,
    being a process.
    """
    images = [run.circumstances.get("image_id") for run in (before, since)]
    is_later = since.created_at > before.created_at and since.config_id == before.config_id
    return is_later and all(images) and images[0] != images[1]
