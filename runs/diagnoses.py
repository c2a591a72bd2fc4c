"""What a run says of causes and their fixes, and the one click that applies a fix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from profiler.sizing.choice import variant_text
from profiler.spec import Variant
from profiler.threads import THREAD_VARIABLES
from runs.findings import docs_url
from runs.models import InferenceConfig, ProfileRun
from runs.run_acts import why_not_queued

#: By this the variant that a run advises is asked for, in place of a diagnosis' code.
ADVISED = "advised"


@dataclass(frozen=True)
class Mend:
    """A diagnosis as the page shows it, or (with the code ADVISED) the pair that was found best.

    `change` is what the config would be given, in words; "" where no setting mends it.
    """

    code: str
    text: str
    gain: str
    advice: str
    url: str
    change: str
    is_measured: bool


class NoFix(ValueError):
    """There is nothing of that kind to apply, or not now; the message says so."""


def mends_of(run: ProfileRun) -> list[Mend]:
    """The run's diagnoses in their order."""
    return [
        Mend(
            code=found["code"],
            text=found["text"],
            gain=found["gain"],
            advice=found["advice"],
            url=docs_url(found["docs"]),
            change=variant_text(_variant(found["fix"])) if found["fix"] else "",
            is_measured=found["remeasured"] is not None,
        )
        for found in (run.result or {}).get("diagnoses", ())
    ]


def advised_change(run: ProfileRun) -> str:
    """What the advised variant changes of the run's config, in words; "" where nothing."""
    change = (run.advice or {}).get("variant")
    has_size = change and run.advice["cpu_millicores"]
    return variant_text(_variant(change)) if has_size else ""


def apply_fix(
    run: ProfileRun, code: str, actor: User, key: str = "", digest: str = ""
) -> ProfileRun:
    """A new version of the run's config with the fix, and a run with it, all else the same; under a
    key that another request used at the same moment, the run of that.

    Raises NoFix where the run has no such fix, or would be refused by now.
    """
    start = partial(_started_with, run, _change(run, code), actor)
    try:
        return ProfileRun.objects.started_once(actor, key, digest, start)
    except IntegrityError as error:
        raise NoFix("Somebody just took the name of the run or the config; try again.") from error


def _started_with(run: ProfileRun, change: dict, actor: User, **keyed: str | None) -> ProfileRun:
    models = list(run.models.select_related("files"))
    with transaction.atomic():
        config = InferenceConfig.objects.register(
            name=run.config.name,
            kind=run.config.kind,
            definition=changed(run.config.definition, change),
            files=run.config.files,
            description=f"{run.config.ref}, {variant_text(_variant(change))}: see {run.name}.",
            created_by=actor,
        )
        kept = (
            "load", "objective", "limits", "budget", "answers", "policy", "memory_probe",
            "question", "peak_rps", "dataset", "target",
        )  # fmt: skip
        asked = {"config": config, **{name: getattr(run, name) for name in kept}}
        if reason := why_not_queued(ProfileRun(**asked), models):
            raise NoFix(f"{run.name} cannot be measured with it now: {reason}")
        return ProfileRun.objects.submit(models=models, created_by=actor, **asked, **keyed)


def _change(run: ProfileRun, code: str) -> dict:
    """What is changed of the config; a fix has in it what the advised variant changes."""
    if code == ADVISED and advised_change(run):
        return run.advice["variant"]
    for found in (run.result or {}).get("diagnoses", ()):
        if found["code"] == code and found["fix"]:
            return found["fix"]
    raise NoFix(f"{run.name} has no such fix to apply.")


def changed(definition: dict, change: dict) -> dict:
    """A config's definition with other workers and more variables.

    Its own `threads` go where the change sets the variables that they stand for.
    """
    new = {**definition, "env": {**definition.get("env", {}), **change.get("env", {})}}
    if "workers" in change:
        new["workers"] = change["workers"]
    if set(THREAD_VARIABLES) & set(change.get("env", {})):
        new.pop("threads", None)
    return new


def _variant(change: dict) -> Variant:
    return Variant(change.get("workers"), change.get("env", {}))
