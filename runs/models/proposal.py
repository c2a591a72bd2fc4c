"""A sizing proposal: a run's size put forward for models' tags, and what the team said to it.

Its events are only ever added. Each transition is one conditional UPDATE, so that of two people who
decide at the same time one is told that the other was first.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from runs.models.profile_run import ProfileRun
from runs.models.registered_model import RegisteredModel, TagEvent
from runs.models.run_queryset import BULKY
from runs.roles import Role, may

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class TransitionRefused(Exception):
    """Why a proposal cannot go where somebody wanted it, in words for them."""


class ProposalQuerySet(models.QuerySet):
    def for_list(self) -> ProposalQuerySet:
        return (
            self.select_related("run", "created_by")
            .prefetch_related("models", "reviewers")
            .defer(*(f"run__{name}" for name in BULKY))
            .order_by("-created_at")
        )

    def for_page(self) -> ProposalQuerySet:
        return self.select_related(
            "run__config", "run__dataset", "run__target", "baseline", "created_by"
        ).prefetch_related("models", "reviewers")

    def undecided(self) -> ProposalQuerySet:
        return self.filter(state__in=Proposal.UNDECIDED)

    def waiting_for(self, user: User) -> ProposalQuerySet:
        """Open ones that ask this user, or nobody by name, and that others made; none for those who
        may not decide.
        """
        if not may(user, Role.REVIEWER):
            return self.none()
        asked = Q(reviewers=user) | Q(reviewers__isnull=True)
        return self.filter(asked, state=Proposal.State.OPEN).exclude(created_by=user).distinct()

    def mentioning(self, user: User) -> ProposalQuerySet:
        return self.filter(events__mentioned=user).distinct()

    def ready_to_apply(self) -> ProposalQuerySet:
        return self.filter(state=Proposal.State.APPROVED)

    def propose(
        self,
        run: ProfileRun,
        chosen: Iterable[RegisteredModel],
        size: dict,
        actor: User,
        *,
        reviewers: Iterable[User] = (),
        baseline: ProfileRun | None = None,
        text: str = "",
        as_properties: bool = False,
    ) -> Proposal:
        """Put a size forward. `size` is what `applying.proposed_size` says of the run."""
        with transaction.atomic():
            proposal = self.create(
                run=run, size=size, created_by=actor, baseline=baseline, as_properties=as_properties
            )
            proposal.models.set(chosen)
            proposal.reviewers.set(reviewers)
            proposal.add_event(ProposalEvent.Kind.PROPOSED, actor, text)
        return proposal


class Proposal(models.Model):
    """A size of a run for some of its models."""

    class State(models.TextChoices):
        OPEN = "open"
        CHANGES_REQUESTED = "changes_requested", "Changes requested"
        APPROVED = "approved"
        APPLIED = "applied"
        REVERTED = "reverted"
        WITHDRAWN = "withdrawn"

    UNDECIDED = (State.OPEN, State.CHANGES_REQUESTED, State.APPROVED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(ProfileRun, on_delete=models.PROTECT, related_name="proposals")
    baseline = models.ForeignKey(
        ProfileRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    #: {cpu_millicores, memory_bytes, gpu_memory_bytes, standing, doubts, measurement}; the last is
    #: the ordinal of a chosen point, None for the advice.
    size = models.JSONField()
    as_properties = models.BooleanField(default=False)
    reviewers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    state = models.CharField(
        max_length=20, choices=State.choices, default=State.OPEN, db_index=True
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    # Last, because from here on the name `models` is the field's.
    models = models.ManyToManyField(RegisteredModel, related_name="proposals")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("proposal_detail", args=[self.pk])

    @property
    def is_decided(self) -> bool:
        return self.state not in self.UNDECIDED

    # --- Transitions ------------------------------------------------------------------------------
    def comment(self, actor: User, text: str) -> ProposalEvent:
        if not text.strip():
            raise TransitionRefused("A comment needs some text.")
        return self.add_event(ProposalEvent.Kind.COMMENTED, actor, text)

    def approve(self, actor: User, text: str = "") -> None:
        if settings.SIZING_REVIEW == "required" and actor.pk == self.created_by_id:
            raise TransitionRefused(
                "Somebody else must approve it: SIZING_REVIEW=required, and you proposed it."
            )
        waiting = (self.State.OPEN, self.State.CHANGES_REQUESTED)
        self._move(waiting, self.State.APPROVED, actor, text)

    def request_changes(self, actor: User, text: str) -> None:
        if not text.strip():
            raise TransitionRefused("Say what has to change.")
        decided = (self.State.OPEN, self.State.APPROVED)
        self._move(decided, self.State.CHANGES_REQUESTED, actor, text)

    def ask_again(self, actor: User, text: str = "") -> None:
        """Open once more, after what was asked for has been done or answered."""
        self._move((self.State.CHANGES_REQUESTED,), self.State.OPEN, actor, text)

    def withdraw(self, actor: User, text: str = "") -> None:
        self._move(self.UNDECIDED, self.State.WITHDRAWN, actor, text)

    def mark_applied(self, actor: User, text: str, written: Iterable[TagEvent]) -> None:
        """Within the transaction that wrote the tags: either both are there or neither."""
        ready = (self.State.APPROVED,)
        if settings.SIZING_REVIEW != "required":
            ready = (self.State.OPEN, self.State.APPROVED)
        facts = {"tag_events": [event.pk for event in written]}
        self._move(ready, self.State.APPLIED, actor, text, facts)

    def mark_reverted(self, actor: User, text: str, facts: dict) -> None:
        """Within the transaction that restored the tags."""
        self._move((self.State.APPLIED,), self.State.REVERTED, actor, text, facts)

    def _move(
        self, before: Iterable[str], after: str, actor: User, text: str, facts: dict | None = None
    ) -> None:
        """The conditional update that every transition is, and its event."""
        with transaction.atomic():
            still = Proposal.objects.filter(pk=self.pk, state__in=tuple(before))
            if still.update(state=after, updated_at=timezone.now()) != 1:
                self.refresh_from_db(fields=["state"])
                raise TransitionRefused(
                    f"{self} is {self.get_state_display().lower()}, so that cannot be done."
                )
            kind = KINDS.get(after, ProposalEvent.Kind.ASKED_AGAIN)
            self.add_event(kind, actor, text, facts)
        self.state = after

    def add_event(
        self, kind: str, actor: User | None, text: str = "", facts: dict | None = None
    ) -> ProposalEvent:
        from runs.comments import mentioned_users

        text = text.strip()
        event = self.events.create(kind=kind, actor=actor, text=text, facts=facts or {})
        event.mentioned.set(mentioned_users(text))
        return event

    # --- Reads ------------------------------------------------------------------------------------
    def applied_tag_events(self) -> list[TagEvent]:
        """The changes that applying it made to its models' tags, in their order."""
        applied = self.events.filter(kind=ProposalEvent.Kind.APPLIED).last()
        keys = applied.facts.get("tag_events", []) if applied else []
        return list(TagEvent.objects.filter(pk__in=keys).select_related("model").order_by("pk"))


class ProposalEvent(models.Model):
    """Something that was said or done to a proposal. Never changed, never removed on its own."""

    class Kind(models.TextChoices):
        PROPOSED = "proposed"
        COMMENTED = "commented"
        APPROVED = "approved"
        CHANGES_REQUESTED = "changes_requested", "requested changes"
        ASKED_AGAIN = "asked_again", "asked again"
        WITHDRAWN = "withdrawn"
        APPLIED = "applied"
        REVERTED = "reverted"

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    #: Markdown.
    text = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)
    mentioned = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.proposal_id}: {self.kind}"

    def save(self, *args: object, **kwargs: object) -> None:
        if self.pk is not None:
            raise TypeError("A proposal's events are only added, never changed.")
        super().save(*args, **kwargs)


KINDS = {
    Proposal.State.APPROVED: ProposalEvent.Kind.APPROVED,
    Proposal.State.CHANGES_REQUESTED: ProposalEvent.Kind.CHANGES_REQUESTED,
    Proposal.State.WITHDRAWN: ProposalEvent.Kind.WITHDRAWN,
    Proposal.State.APPLIED: ProposalEvent.Kind.APPLIED,
    Proposal.State.REVERTED: ProposalEvent.Kind.REVERTED,
}
