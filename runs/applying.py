"""Putting a run's advised size on its models, as tags (or properties) with their history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from profiler.measuring.objective import describe
from profiler.sizing.evidence import REFERENCE
from profiler.sizing.tags import SIZE_TAGS, SOMETIMES, tags
from profiler.spec import Objective
from runs import formatting
from runs.models import Measurement, ProfileRun, RegisteredModel, TagEvent
from runs.variants import of_the_advised

if TYPE_CHECKING:
    from django.contrib.auth.models import User

VERIFIED, PROVISIONAL, DECLINED = "verified", "provisional", "declined"
#: What tags that say where a size comes from begin with.
PROVENANCE = "profile."


class ApplyRefused(Exception):
    """Why a size may not be applied, in words for the person who asked."""


class ConfirmationNeeded(ApplyRefused):
    """It may be applied once someone confirms that they know what it lacks."""


def review_is_required() -> bool:
    return settings.SIZING_REVIEW == "required"


def why_refused(run: ProfileRun) -> str | None:
    """The reason for which this run's advice cannot be applied directly; None when it can."""
    if reason := why_no_size(run):
        return reason
    return why_review_first()


def why_review_first() -> str | None:
    """Why no size at all can be applied directly; None where it can."""
    if review_is_required():
        return (
            "Somebody else must approve a size before it is applied (SIZING_REVIEW=required): "
            "propose it for review instead."
        )
    return None


def why_not_by_hand(key: str) -> str | None:
    """Why nobody sets or removes this tag by hand; None where anybody may."""
    if review_is_required() and (key in SIZE_TAGS or key.startswith(PROVENANCE)):
        return (
            f"{key} is part of a size, and SIZING_REVIEW=required: it is written by applying an "
            "approved proposal, not by hand."
        )
    return None


def why_no_size(run: ProfileRun) -> str | None:
    """The reason for which this run has no size to apply or propose; None when it has."""
    advice = run.advice
    if run.state != ProfileRun.State.SUCCEEDED or not advice:
        return "This run gave no advice, so there is no size to apply."
    if advice["standing"] == DECLINED:
        return f"The advice was declined: {_sentences(advice['reasons'])}"
    if advice["standing"] not in (VERIFIED, PROVISIONAL):
        return f"The advice has the unknown standing {advice['standing']!r}."
    behind = decisive_measurement(run)
    if behind is None:
        return "No measurement is behind this advice."
    if not behind.valid:
        reasons = _sentences(behind.data["validity"]["reasons"])
        return f"The measurement behind this advice cannot be believed: {reasons}"
    if advice["standing"] == VERIFIED and not behind.proves(advice):
        return "The advice says verified, yet no fresh service was measured at exactly its size."
    return None


def needs_confirmation(run: ProfileRun) -> bool:
    return bool(run.advice) and run.advice["standing"] == PROVISIONAL


def doubts_of_advice(run: ProfileRun) -> tuple[str, ...]:
    """What has to be confirmed; empty for a verified advice."""
    return tuple(run.advice["reasons"]) if needs_confirmation(run) else ()


def decisive_measurement(run: ProfileRun) -> Measurement | None:
    """What the advice rests on: the last measurement at its cpu (the verification, where there was
    one), of a capacity at that rate; for a size worked out without trying it, the one at the
    largest size.
    """
    rows = of_the_advised(run, list(run.measurements.all()))
    at_size = [row for row in rows if row.cpu_millicores == run.advice["cpu_millicores"]]
    if (rate_rps := run.advice.get("capacity_rps")) is not None:
        at_size = [row for row in at_size if row.data["nominal_rps"] == rate_rps]
    if run.advice["standing"] == PROVISIONAL and not at_size:
        at_size = [row for row in rows if row.phase == REFERENCE]
    return next(reversed(at_size), None)


def _sentences(reasons: Iterable[str]) -> str:
    return " ".join(reasons) or "no reason was given."


def advised_size(run: ProfileRun) -> dict:
    """The advice as a size, as Proposal.size is. Raises ApplyRefused where there is none."""
    if reason := why_no_size(run):
        raise ApplyRefused(reason)
    keys = ("cpu_millicores", "memory_bytes", "gpu_memory_bytes", "standing", "capacity_rps")
    size = {key: run.advice.get(key) for key in keys}
    return {**size, "measurement": None, "doubts": list(doubts_of_advice(run))}


def size_tags(run: ProfileRun, actor: User, size: dict) -> dict[str, str]:
    """The tags of an applied size: what deployment reads, and where it comes from."""
    return tags(
        cpu_millicores=size["cpu_millicores"],
        memory_bytes=size["memory_bytes"],
        run=run.name,
        standing=size["standing"],
        objective=objective_text(run),
        image=_image(run.circumstances),
        dataset=run.dataset.ref,
        date=timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=actor.get_username(),
        gpus=run.config.gpus,
        gpu_memory_bytes=size.get("gpu_memory_bytes"),
        measurement=size.get("measurement"),
        capacity_rps=size.get("capacity_rps"),
    )


def _image(facts: dict) -> str:
    """What the image is known by: its digest in a registry, else its content's here."""
    digests = facts.get("image_digests") or []
    return str(digests[0] if digests else facts.get("image_id") or facts.get("image") or "")


def apply_size(
    run: ProfileRun,
    models: Iterable[RegisteredModel],
    actor: User,
    *,
    confirmed: bool = False,
    as_properties: bool = False,
) -> dict[str, str]:
    """Write the advised size to the given models of the run; the tags written.

    All models get it or none. Raises ApplyRefused with the reason, ConfirmationNeeded where the
    advice is provisional and `confirmed` is not set, ValidationError where a property is there
    already with another value.
    """
    chosen = list(models)
    if reason := why_refused(run):
        raise ApplyRefused(reason)
    if needs_confirmation(run) and not confirmed:
        raise ConfirmationNeeded(f"This advice is provisional: {_sentences(run.advice['reasons'])}")
    size = advised_size(run)
    source = origin(run, size)
    if needs_confirmation(run):
        source += f" (provisional, confirmed by {actor.get_username()})"
    written, _ = write(run, chosen, size, actor, source, as_properties=as_properties)
    return written


def origin(run: ProfileRun, size: dict) -> str:
    """Where a size comes from, for the tags' history."""
    if size.get("measurement") is None:
        return f"advice of {run.name}"
    return f"measured point of {run.name} at {formatting.cpu(size['cpu_millicores'])}"


def write(
    run: ProfileRun,
    models: Iterable[RegisteredModel],
    size: dict,
    actor: User,
    source: str,
    *,
    as_properties: bool,
) -> tuple[dict[str, str], list[TagEvent]]:
    """Write a size of the run to some of its models, all or none; the tags, and what they changed.

    Raises ApplyRefused for a model that is not the run's, ValidationError where a property is there
    already with another value.
    """
    chosen = list(models)
    _check_models(run, chosen)
    written, events = size_tags(run, actor, size), []
    changes = changes_of(written)
    with transaction.atomic():
        for model in chosen:
            events += model.set_tags(changes, actor, source, run)
            if as_properties:
                model.add_properties(written, run)
    return written, events


def changes_of(tags: dict[str, str]) -> dict[str, str | None]:
    """What writing these tags does: those that an earlier size had, and this has not, go."""
    return {**tags, **{key: None for key in SOMETIMES if key not in tags}}


def _check_models(run: ProfileRun, chosen: list[RegisteredModel]) -> None:
    if not chosen:
        raise ApplyRefused("Choose at least one model to apply the size to.")
    own = set(run.models.values_list("pk", flat=True))
    strangers = [model.ref for model in chosen if model.pk not in own]
    if strangers:
        raise ApplyRefused(f"{', '.join(strangers)} is not a model of this run.")


def objective_text(run: ProfileRun) -> str:
    """The run's objective as its owner would say it."""
    return describe(Objective(**run.objective))
