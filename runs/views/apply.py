"""Apply as tags: what would change is shown first, then written to the chosen models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from profiler.sizing.chosen import MEASURED, Choice
from runs import applying, choosing
from runs.applying import ApplyRefused, changes_of
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.roles import Role, needs

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True)
class TagChange:
    """One tag before and after; the same on both sides when applying does not touch it.

    None is a tag that is not there: not yet before, or no more after.
    """

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ModelDiff:
    model: RegisteredModel
    chosen: bool
    changes: list[TagChange]

    @property
    def changed(self) -> int:
        return sum(change.old not in (None, change.new) for change in self.changes)

    @property
    def added(self) -> int:
        return sum(change.old is None for change in self.changes)


def diff(model: RegisteredModel, tags: dict[str, str], chosen: bool) -> ModelDiff:
    """Tags that applying writes first, then those it leaves alone."""
    changes = {
        key: new for key, new in changes_of(tags).items() if new is not None or key in model.tags
    }
    written = [TagChange(key, model.tags.get(key), new) for key, new in changes.items()]
    left = [
        TagChange(key, old, old) for key, old in sorted(model.tags.items()) if key not in changes
    ]
    return ModelDiff(model, chosen, written + left)


@dataclass(frozen=True)
class Offer:
    """What the page offers to apply: the advice, or a measured size in its place.

    `refused` is why it cannot be applied; then there is no size. `doubts` need a confirmation.
    """

    run: ProfileRun
    choice: Choice | None = None
    behind: Measurement | None = None
    refused: str | None = None

    @property
    def size(self) -> dict | None:
        if self.refused:
            return None
        return choosing.chosen_size(self.choice) if self.choice else applying.advised_size(self.run)

    @property
    def doubts(self) -> tuple[str, ...]:
        if self.choice:
            return self.choice.doubts
        return () if self.refused else applying.doubts_of_advice(self.run)

    def apply(self, models: list[RegisteredModel], actor: User, **how: bool) -> None:
        if self.refused:
            raise ApplyRefused(self.refused)
        if self.choice:
            choosing.apply_point(self.run, self.choice.measurement, models, actor, **how)
        else:
            applying.apply_size(self.run, models, actor, **how)


def offer(run: ProfileRun, measurement: str) -> Offer:
    """`measurement` is the ordinal of a measured size, empty for the advice."""
    if not measurement:
        return Offer(run, refused=applying.why_refused(run))
    if reason := choosing.why_none(run):
        return Offer(run, refused=reason)
    row = _measured(run, measurement)
    try:
        choice = choosing.choice_of(run, row.ordinal)
    except ApplyRefused as refusal:
        return Offer(run, refused=str(refusal))
    if choice.standing != MEASURED:
        return Offer(run, refused=applying.why_refused(run))
    return Offer(run, choice, row)


def _measured(run: ProfileRun, ordinal: str) -> Measurement:
    for row in run.measurements.all():
        if str(row.ordinal) == ordinal:
            return row
    raise Http404(f"{run.name} has no measurement {ordinal!r}.")


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_apply(request: HttpRequest, name: str) -> HttpResponse:
    """The advised size, or with `?measurement=` a measured one."""
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    offered = offer(run, request.GET.get("measurement", ""))
    models = list(run.models.all())
    if request.method == "POST":
        chosen = set(request.POST.getlist("model"))
        return _apply(request, offered, models, [model for model in models if model.ref in chosen])
    return _form(request, offered, models, models)


def _apply(
    request: HttpRequest,
    offered: Offer,
    models: list[RegisteredModel],
    chosen: list[RegisteredModel],
) -> HttpResponse:
    try:
        offered.apply(
            chosen,
            request.user,
            confirmed="confirmed" in request.POST,
            as_properties="as_properties" in request.POST,
        )
    except ApplyRefused as refusal:
        return _form(request, offered, models, chosen, str(refusal))
    except ValidationError as refusal:
        return _form(request, offered, models, chosen, " ".join(refusal.messages))
    refs = ", ".join(model.ref for model in chosen)
    messages.success(request, f"The size of {offered.run.name} is now in the tags of {refs}.")
    if len(chosen) == 1:
        return redirect(chosen[0])
    return redirect("run_detail", name=offered.run.name)


def _form(
    request: HttpRequest,
    offered: Offer,
    models: list[RegisteredModel],
    chosen: list[RegisteredModel],
    refusal: str = "",
) -> HttpResponse:
    """The form, again after a refusal (409): with what would change, where there is a size."""
    run, size = offered.run, offered.size
    tags = applying.size_tags(run, request.user, size) if size else {}
    context = {
        "run": run,
        "offer": offered,
        "size": size,
        "locked": offered.refused,
        "refusal": "" if offered.refused else refusal,
        "diffs": [diff(model, tags, model in chosen) for model in models] if size else [],
        "tradeoffs": _tradeoffs(offered, models),
        "confirmed": "confirmed" in request.POST,
        "as_properties": "as_properties" in request.POST,
    }
    refused = offered.refused if request.method == "POST" else ""
    status = 409 if refusal or refused else 200
    return render(request, "runs/run_apply.html", context, status=status)


def _tradeoffs(offered: Offer, models: list[RegisteredModel]) -> list[choosing.Tradeoff]:
    """Of a chosen size; the run's page has said it of the advice."""
    if offered.choice is None:
        return []
    return choosing.tradeoffs(offered.run, offered.choice, models)
