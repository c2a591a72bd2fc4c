"""Proposals joined with what they are about: who may do what, what is newer, apply, revert."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from profiler.sizing.tags import SIZE_TAGS
from runs import applying, comments, formatting
from runs.applying import ApplyRefused
from runs.models import ProfileRun, Proposal, RegisteredModel, TagEvent
from runs.models.proposal import TransitionRefused
from runs.roles import Role, may, why_not

if TYPE_CHECKING:
    from django.contrib.auth.models import User


#: What takes a reviewer; a contributor does for the other actions.
DECIDING = ("approve", "request-changes")
#: Tags that differ between any two applied sizes.
APPLIED_BY = ("profile.run", "profile.date")


@dataclass(frozen=True)
class Outdated:
    """Something that came after a proposal and may make it wrong."""

    text: str
    url: str


def outdated(proposal: Proposal) -> list[Outdated]:
    """Newer versions of its models, newer evidence for them, tags that others changed since.

    First what its size lacks: a size that was not verified needs a confirmation too.
    """
    chosen = list(proposal.models.all())
    newer = newer_than(proposal.run, chosen)
    return [*_doubts(proposal), *newer, *_tags(proposal, chosen)]


def newer_than(run: ProfileRun, chosen: list[RegisteredModel]) -> list[Outdated]:
    """Newer versions of models of a run, and newer evidence for them."""
    return [*_newer_versions(chosen), *_newer_evidence(run, chosen)]


def _doubts(proposal: Proposal) -> list[Outdated]:
    url = proposal.run.get_absolute_url()
    return [Outdated(doubt, url) for doubt in proposal.size.get("doubts", ())]


def _newer_versions(chosen: list[RegisteredModel]) -> list[Outdated]:
    names = [model.name for model in chosen]
    newest = RegisteredModel.objects.filter(name__in=names).newest_versions()
    return [
        Outdated(
            f"{model.name}:{newest[model.name]} is registered, and this is about version "
            f"{model.version}.",
            model.get_absolute_url(),
        )
        for model in chosen
        if newest[model.name] > model.version
    ]


def _newer_evidence(run: ProfileRun, chosen: list[RegisteredModel]) -> list[Outdated]:
    newer = (
        ProfileRun.objects.advising()
        .filter(models__in=chosen, created_at__gt=run.created_at)
        .exclude(pk=run.pk)
        .distinct()
        .only("name", "advice", "created_at")
        .order_by("-created_at")
    )[:5]
    return [
        Outdated(
            f"{other.name} is newer and advises {formatting.size(other.advice)}.",
            other.get_absolute_url(),
        )
        for other in newer
    ]


def _tags(proposal: Proposal, chosen: list[RegisteredModel]) -> list[Outdated]:
    if proposal.is_decided:
        return []
    changed = {
        event.model_id
        for model in chosen
        for event in model.tag_events.filter(at__gt=proposal.created_at, key__in=SIZE_TAGS)
    }
    return [
        Outdated(f"The size in {model.ref}'s tags was changed since.", model.get_absolute_url())
        for model in chosen
        if model.pk in changed
    ]


# --- Who may do what ------------------------------------------------------------------------------
def refuse(reason: str | None) -> None:
    """Raise TransitionRefused where there is a reason."""
    if reason:
        raise TransitionRefused(reason)


def why_not_comment(user: User) -> str | None:
    return why_not(user, Role.CONTRIBUTOR)


def why_not_decide(user: User) -> str | None:
    """Why the user may not approve or ask for changes."""
    return why_not(user, Role.REVIEWER)


def why_not_approve(proposal: Proposal, user: User) -> str | None:
    if reason := why_not_decide(user):
        return reason
    if applying.review_is_required() and user.pk == proposal.created_by_id:
        return "You proposed it, and SIZING_REVIEW=required: somebody else must approve it."
    return None


def why_not_withdraw(proposal: Proposal, user: User) -> str | None:
    if user.pk == proposal.created_by_id or may(user, Role.ADMIN):
        return None
    return "Only who proposed it, or an administrator, may withdraw it."


def why_not_apply(proposal: Proposal, user: User) -> str | None:
    if reason := why_not(user, Role.CONTRIBUTOR):
        return reason
    if applying.review_is_required() and proposal.state != Proposal.State.APPROVED:
        return "It has to be approved first (SIZING_REVIEW=required)."
    return None


# --- Applying and reverting -----------------------------------------------------------------------
def against(proposal: Proposal, *, confirmed: bool) -> list[str]:
    """What speaks against it, which the actor confirms to know. TransitionRefused without that."""
    known = [one.text for one in outdated(proposal)]
    if known and not confirmed:
        raise TransitionRefused(f"{' '.join(known)} Check that you know what speaks against it.")
    return known


def apply(proposal: Proposal, actor: User, *, confirmed: bool = False) -> dict[str, str]:
    """Write its size to its models' tags; what was written. What speaks against it is recorded.

    Raises ApplyRefused or TransitionRefused with the reason; then nothing was written.
    """
    although = against(proposal, confirmed=confirmed)
    if reason := why_not_apply(proposal, actor):
        raise ApplyRefused(reason)
    text = "".join(f"Although: {one}\n" for one in although)
    with transaction.atomic():
        written, events = applying.write(
            proposal.run, proposal.models.all(), proposal.size, actor,
            f"proposal {proposal}, {applying.origin(proposal.run, proposal.size)}",
            as_properties=proposal.as_properties,
        )  # fmt: skip
        proposal.mark_applied(actor, text, events)
    return written


def revert(proposal: Proposal, actor: User) -> list[str]:
    """Give the tags that it wrote the values they had before; those that are left as they are.

    A tag that somebody changed since is not touched: it is theirs. Raises TransitionRefused where
    that is so of all.
    """
    refuse(why_not(actor, Role.CONTRIBUTOR))
    left: list[str] = []
    events_of: dict[int, list[TagEvent]] = {}
    for event in proposal.applied_tag_events():
        events_of.setdefault(event.model_id, []).append(event)
    with transaction.atomic():
        models = RegisteredModel.objects.select_for_update().in_bulk(events_of)
        own = {model: _still_there(model, events_of[pk]) for pk, model in models.items()}
        for model, events in own.items():
            before = {event.key: event.old for event in events}
            model.set_tags(before, actor, f"proposal {proposal} reverted", proposal.run)
            theirs = (event for event in events_of[model.pk] if event not in events)
            rest = [event.key for event in theirs if model.tags.get(event.key) != event.old]
            left += [f"{model.ref} {key}" for key in rest] if events else [model.ref]
        proposal.mark_reverted(actor, _left_as_it_is(left), {"left": left})
        if not any(own.values()):
            raise TransitionRefused(
                f"Nothing that {proposal} wrote is in the tags of {', '.join(left)} any more, so "
                "there is nothing to revert."
            )
    return left


def _still_there(model: RegisteredModel, events: list[TagEvent]) -> list[TagEvent]:
    """Those whose tags are as they left them; none where another size was applied since.

    All its tags are that size's then, also those that happen to be the same.
    """
    still = [event for event in events if model.tags.get(event.key) == event.new]
    of_another = {event.key for event in events} - {event.key for event in still}
    return [] if of_another.intersection(APPLIED_BY) else still


def _left_as_it_is(left: list[str]) -> str:
    return f"Changed since, so left as it is: {', '.join(left)}." if left else ""


def why_lesser(user: User, action: str) -> str | None:
    """Why nobody of the user's role may do one of ACTIONS to any proposal."""
    return why_not_decide(user) if action in DECIDING else why_not_comment(user)


# --- Each thing that can be done, by its name -----------------------------------------------------
def act(
    proposal: Proposal, action: str, actor: User, text: str = "", *, confirmed: bool = False
) -> str:
    """Do one of ACTIONS; what came of it in a sentence, "" where nothing has to be said.

    `confirmed` says that the actor knows what speaks against the proposal. Raises
    TransitionRefused, ApplyRefused or ValidationError with the reason.
    """
    text = text.replace("\0", "")
    if len(text) > comments.MOST_CHARACTERS:
        raise TransitionRefused(
            f"That is {len(text):,} characters, and {comments.MOST_CHARACTERS:,} are kept."
        )
    done = ACTIONS[action](proposal, actor, text, confirmed)
    return f"{done} {comments.mentions_of_nobody(text)}".strip()


def _comment(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    refuse(why_not_comment(actor))
    proposal.comment(actor, text)
    return ""


def _approve(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    refuse(why_not_approve(proposal, actor))
    against(proposal, confirmed=confirmed)
    proposal.approve(actor, text)
    return f"Proposal {proposal} is approved."


def _request_changes(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    refuse(why_not_decide(actor))
    proposal.request_changes(actor, text)
    return "Changes are requested."


def _ask_again(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    refuse(why_not_comment(actor))
    proposal.ask_again(actor, text)
    return f"Proposal {proposal} is open again."


def _withdraw(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    refuse(why_not_withdraw(proposal, actor))
    proposal.withdraw(actor, text)
    return f"Proposal {proposal} is withdrawn."


def _apply(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    apply(proposal, actor, confirmed=confirmed)
    refs = ", ".join(model.ref for model in proposal.models.all())
    return f"The size is now in the tags of {refs}."


def _revert(proposal: Proposal, actor: User, text: str, confirmed: bool) -> str:
    left = revert(proposal, actor)
    return f"The tags are as they were before proposal {proposal}. {_left_as_it_is(left)}".strip()


ACTIONS: dict[str, Callable[[Proposal, User, str, bool], str]] = {
    "comment": _comment,
    "approve": _approve,
    "request-changes": _request_changes,
    "ask-again": _ask_again,
    "withdraw": _withdraw,
    "apply": _apply,
    "revert": _revert,
}
