"""The inbox: which proposals wait for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import django_tables2 as tables
from django.db.models import QuerySet

from runs.lists.paging import ListTable
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


class ProposalTable(ListTable):
    wide_only = ("run", "by")

    number = tables.Column("Proposal", accessor="pk", order_by="pk")
    state = tables.Column("State")
    size = tables.Column("Size", orderable=False, empty_values=())
    run = tables.Column("Run", order_by="run__name")
    by = tables.Column("By", accessor="created_by", order_by="created_by__username")
    updated_at = tables.Column("Last change")

    class Meta:
        order_by = "-updated_at"
