"""What a proposal's page shows: the change, its evidence, what is newer, and what was said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiler.units import MIB
from runs import applying, choosing, reviewing
from runs.applying import ApplyRefused
from runs.comments import MOST_CHARACTERS, rendered
from runs.compare_page import Row, rows_of
from runs.comparing import CannotCompare, compare_runs
from runs.models import Proposal, ProposalEvent
from runs.tagged_sizes import asked_for, gpus_asked_for
from runs.verdict import changes, objective_words, verdict
from runs.verdict_facts import Fact
from runs.views.apply import diff

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.utils.safestring import SafeString

    from profiler.sizing.chosen import Choice
    from runs.models import RegisteredModel


@dataclass(frozen=True)
class Line:
    """A line of a diff: `sign` is -, + or a space."""

    sign: str
    text: str

    @property
    def tone(self) -> str:
        return {"-": "gone", "+": "new"}.get(self.sign, "same")


@dataclass(frozen=True)
class Said:
    """An event with its text made safe."""

    event: ProposalEvent
    body: SafeString


@dataclass(frozen=True)
class Action:
    """A button: `why_not` says why it is locked for this user, `look` is its class if filled."""

    name: str
    label: str
    icon: str
    why_not: str | None
    look: str = ""

    @property
    def title(self) -> str:
        return f"{self.label} by command"


def page_context(proposal: Proposal, user: User) -> dict:
    run = proposal.run
    measurements = list(run.measurements.all())
    models = list(proposal.models.all())
    chosen, possible = _choice(proposal, measurements), actions(proposal, user)
    cpu_change, memory_change, _ = changes(models, proposal.size)
    behind = _behind(proposal, measurements)
    return {
        "proposal": proposal,
        "run": run,
        "models": models,
        "facts": _facts(proposal, measurements, models),
        "size": proposal.size,
        "cpu_change": cpu_change,
        "memory_change": memory_change,
        "choice": chosen,
        # Of a decided one the tags may be what it wrote.
        "tradeoffs": chosen
        and choosing.tradeoffs(run, chosen, [] if proposal.is_decided else models),
        "objective": objective_words((behind or {}).get("bound") or {}),
        "behind": behind,
        "diffs": _diffs(proposal, models, user),
        "manifests": [(model, manifest(model, proposal.size, run.config.gpus)) for model in models],
        "outdated": [] if proposal.is_decided else reviewing.outdated(proposal),
        "decides": any(one.name in ("approve", "apply") and not one.why_not for one in possible),
        "versus": _against_baseline(proposal),
        "events": [
            Said(event, rendered(event.text, [who.username for who in event.mentioned.all()]))
            for event in proposal.events.select_related("actor").prefetch_related("mentioned")
        ],
        "reviewers": _reviewers(proposal),
        "may": {"comment": reviewing.why_not_comment(user)},
        "actions": possible,
        "most_characters": MOST_CHARACTERS,
        "is_advice": proposal.size.get("measurement") is None,
    }


def actions(proposal: Proposal, user: User) -> list[Action]:
    """What its state allows, each with why this user may not; the filled button comes last."""
    state, states = proposal.state, Proposal.State
    found = []
    if state in Proposal.UNDECIDED:
        why_not = reviewing.why_not_withdraw(proposal, user)
        found.append(Action("withdraw", "Withdraw", "ban", why_not))
    if state == states.CHANGES_REQUESTED:
        why_not = reviewing.why_not_comment(user)
        found.append(Action("ask-again", "Ask again", "refresh", why_not))
    if state in (states.OPEN, states.APPROVED):
        why_not = reviewing.why_not_decide(user)
        found.append(Action("request-changes", "Request changes", "message-report", why_not))
    if state in (states.OPEN, states.CHANGES_REQUESTED):
        why_not = reviewing.why_not_approve(proposal, user)
        found.append(Action("approve", "Approve", "check", why_not, "btn-success"))
    if state == states.APPROVED or (state == states.OPEN and not applying.review_is_required()):
        why_not = reviewing.why_not_apply(proposal, user)
        look = "btn-primary" if state == states.APPROVED else ""
        found.append(Action("apply", "Apply as tags", "tag", why_not, look))
    if state == states.APPLIED:
        why_not = reviewing.why_not_comment(user)
        found.append(Action("revert", "Revert", "arrow-back-up", why_not))
    return found


def _facts(proposal: Proposal, measurements: list, models: list[RegisteredModel]) -> list[Fact]:
    """What the run says of its advised size; of another one they would not hold."""
    if proposal.size.get("measurement") is not None:
        return []
    found = verdict(proposal.run, measurements, models)
    return found.facts if found else []


def _choice(proposal: Proposal, measurements: list) -> Choice | None:
    """The measured size that was chosen; None for the advised one."""
    ordinal = proposal.size.get("measurement")
    if ordinal is None:
        return None
    try:
        return choosing.choice_among(proposal.run, measurements, ordinal)
    except ApplyRefused:
        return None


def _behind(proposal: Proposal, measurements: list) -> dict | None:
    """The measurement that the size rests on."""
    ordinal = proposal.size.get("measurement")
    if ordinal is None:
        row = applying.decisive_measurement(proposal.run)
    else:
        row = next((row for row in measurements if row.ordinal == ordinal), None)
    return row.data if row else None


def _diffs(proposal: Proposal, models: list[RegisteredModel], user: User) -> list:
    """What applying would write; of an applied one nothing, its tags' history says it."""
    if proposal.is_decided:
        return []
    tags = applying.size_tags(proposal.run, user, proposal.size)
    return [diff(model, tags, chosen=True) for model in models]


def manifest(model: RegisteredModel, size: dict, gpus: int = 0) -> list[Line]:
    """The resources of a Kubernetes container, as a diff against what the tags ask for now.

    Requests equal limits: the size was proven under exactly these limits.
    """
    before = _resources(*asked_for(model.tags), gpus_asked_for(model.tags))
    after = _resources(size["cpu_millicores"], size["memory_bytes"], gpus)
    lines = [Line(" ", "resources:")]
    for block in ("requests", "limits"):
        lines.append(Line(" ", f"  {block}:"))
        for key in before | after:
            old, new = before.get(key), after.get(key)
            if old == new:
                lines.append(Line(" ", f"    {key}: {new}"))
                continue
            if old is not None:
                lines.append(Line("-", f"    {key}: {old}"))
            if new is not None:
                lines.append(Line("+", f"    {key}: {new}"))
    return lines


def _resources(cpu_millicores: int | None, memory_bytes: int | None, gpus: int) -> dict[str, str]:
    """A size as Kubernetes writes it, without what is not known of it."""
    found = {}
    if cpu_millicores is not None:
        found["cpu"] = f"{cpu_millicores}m"
    if memory_bytes is not None:
        found["memory"] = f"{math.ceil(memory_bytes / MIB)}Mi"
    if gpus:
        found["nvidia.com/gpu"] = str(gpus)
    return found


def _against_baseline(proposal: Proposal) -> dict | None:
    """The rows of the comparison with the pinned baseline; None without one."""
    if proposal.baseline is None:
        return None
    try:
        found = compare_runs([proposal.baseline.name, proposal.run.name], proposal.baseline.name)
    except CannotCompare as refusal:
        return {"why_not": str(refusal)}
    rows: list[Row] = rows_of(found)
    return {"rows": rows, "why_not": "" if rows else found.others[0].why_not}


def _reviewers(proposal: Proposal) -> list[dict]:
    """Who was asked or has decided, each with their last decision."""
    kinds = ProposalEvent.Kind
    decisions = {
        event.actor: event.kind
        for event in proposal.events.filter(
            kind__in=[kinds.APPROVED, kinds.CHANGES_REQUESTED]
        ).select_related("actor")
        if event.actor
    }
    people = dict.fromkeys([*proposal.reviewers.all(), *decisions])
    return [{"user": user, "decision": decisions.get(user)} for user in people]
