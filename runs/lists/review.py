"""The inbox: which proposals wait for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet

from runs.forms.styling import StyledForm
from runs.lists import bulk_proposals
from runs.lists.listing import Listing, by_number
from runs.lists.paging import ListTable
from runs.lists.words import matching, named_state
from runs.models import Proposal

if TYPE_CHECKING:
    from django.contrib.auth.models import User


#: Names of the inbox's views, the first shown by default.
BOXES = ("waiting", "approved", "yours", "mentions", "open", "all")


@dataclass(frozen=True)
class Box:
    """One of the inbox's views: its name in the address, its title, and how many are in it."""

    name: str
    title: str
    count: int
    empty: str


@dataclass(frozen=True)
class Inbox:
    boxes: list[Box]
    current: Box
    proposals: QuerySet[Proposal]


def inbox(user: User, chosen: str) -> Inbox:
    """All views with their counts, and the proposals of the chosen one (the first by default)."""
    everything = Proposal.objects.all()
    views = {
        "waiting": ("Waiting for you", everything.waiting_for(user),
                    "Nothing waits for your review."),
        "approved": ("To apply", everything.ready_to_apply(),
                     "No approved size waits to be applied."),
        "yours": ("Yours", everything.undecided().filter(created_by=user),
                  "You have no open proposal. Open a run and choose Propose."),
        "mentions": ("Mention you", everything.mentioning(user), "Nobody has mentioned you."),
        "open": ("All open", everything.undecided(), "No proposal is open."),
        "all": ("All", everything, "Nobody has proposed a size yet. A run's page lets you."),
    }  # fmt: skip
    boxes = [
        Box(name, title, found.count(), empty) for name, (title, found, empty) in views.items()
    ]
    name = chosen if chosen in BOXES else BOXES[0]
    current = next(box for box in boxes if box.name == name)
    wanted = Proposal.objects.filter(pk__in=views[name][1].order_by().values("pk"))
    return Inbox(boxes, current, wanted.for_list())


def has_word(word: str) -> Q:
    """As its number, in the names of its models and run, or as its state."""
    number = word.removeprefix("#")
    about = Proposal.models.through.objects.filter(registeredmodel__name__icontains=word)
    return (
        Q(pk__in=about.values("proposal"))
        | Q(run__name__icontains=word)
        | Q(state__in=named_state(Proposal.State, word))
        | (Q(pk=int(number)) if number.isdecimal() and len(number) < 10 else Q(pk__in=[]))
    )


class ProposalFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label="Search",
        method="search",
        widget=forms.TextInput(
            attrs={"placeholder": "Number, model, run or state", "type": "search"}
        ),
    )

    class Meta:
        model = Proposal
        fields: list[str] = []
        form = StyledForm

    def search(self, proposals: QuerySet, name: str, value: str) -> QuerySet:
        return matching(proposals, value, has_word)


class ProposalTable(ListTable):
    wide_only = ("run", "by")
    key = "pk"
    exported = {
        "number": {
            "proposal": "pk",
            "models": lambda proposal: [model.ref for model in proposal.models.all()],
        },
        "state": {"state": "state"},
        "size": {
            "cpu_millicores": "size__cpu_millicores",
            "memory_bytes": "size__memory_bytes",
            "standing": "size__standing",
        },
        "run": {"run": "run__name"},
        "by": {"created_by": "created_by__username"},
        "updated_at": {"updated_at": "updated_at"},
    }

    number = tables.Column("Proposal", accessor="pk", order_by="pk")
    state = tables.Column("State")
    size = tables.Column("Size", orderable=False, empty_values=())
    run = tables.Column("Run", order_by="run__name")
    by = tables.Column("By", accessor="created_by", order_by="created_by__username")
    updated_at = tables.Column("Last change")

    class Meta:
        order_by = "-updated_at"


INBOX = Listing(
    name="review",
    noun="proposal",
    url_name="proposal_list",
    table=ProposalTable,
    rows=Proposal.objects.for_page,
    seen_by=lambda request: inbox(request.user, request.GET.get("box", "")).proposals,
    filters=ProposalFilter,
    pick=by_number,
    actions=bulk_proposals.ACTIONS,
)
