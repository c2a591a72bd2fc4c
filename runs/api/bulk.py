"""What lists do to many rows at once, for programs."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from runs.api.asking import KEY, key_of
from runs.lists import bulk
from runs.lists.catalogue import LISTINGS
from runs.lists.listing import Listing
from runs.roles import why_not

MOST_ROWS = 200
#: What can be done in a list; that which only leads to another page is none.
ACTIONS = {
    (listing.name, action.name): (listing, action)
    for listing in LISTINGS.values()
    for action in listing.actions
    if action.act
}
LIST = OpenApiParameter(
    "listing", str, OpenApiParameter.PATH, enum=sorted({name for name, _ in ACTIONS})
)
ACTION = OpenApiParameter(
    "action", str, OpenApiParameter.PATH, enum=sorted({name for _, name in ACTIONS}),
    description="; ".join(f"{listing}: {action}" for listing, action in ACTIONS),
)  # fmt: skip


class BulkRequestSerializer(serializers.Serializer):
    """`rows` are names of runs, `name:version` of models, numbers of proposals."""

    rows = serializers.ListField(
        child=serializers.CharField(), allow_empty=False, max_length=MOST_ROWS
    )
    key = serializers.CharField(required=False, help_text="Of the tag to set")
    value = serializers.CharField(
        required=False, allow_blank=True, help_text="Of the tag; left out, it is removed"
    )
    although = serializers.BooleanField(
        default=False, help_text="What speaks against a proposal is known"
    )


class OutcomeSerializer(serializers.Serializer):
    """What happened to a row; `done` is false where nothing was, and `message` says why."""

    row = serializers.CharField()
    done = serializers.BooleanField()
    message = serializers.CharField()


class BulkAct(APIView):
    """Do something to many rows, each by itself: one that is refused does not keep the others
    from it. 200 with what happened to each, in the order in which they were asked for."""

    @extend_schema(
        operation_id="bulk_act",
        parameters=[LIST, ACTION, KEY],
        request=BulkRequestSerializer,
        responses=OutcomeSerializer(many=True),
    )
    def post(self, request: Request, listing: str, action: str) -> Response:
        if (listing, action) not in ACTIONS:
            raise exceptions.NotFound(f"Nothing is called {action} in a list {listing}.")
        of, wanted = ACTIONS[listing, action]
        if reason := why_not(request.user, wanted.needs):
            raise exceptions.PermissionDenied(reason)
        asked = BulkRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = wanted.values({key: _text(value) for key, value in asked.validated_data.items()})
        keys = list(dict.fromkeys(map(bulk.written, asked.validated_data["rows"])))
        found = of.picked(keys)
        outcomes = bulk.do(wanted, found, request.user, {**values, bulk.KEY: key_of(request)})
        said = {
            of.key_of(row): {"done": done, "message": f"{words.rstrip('.')}."}
            for row, words, done in outcomes
        }
        return Response([{"row": key, **said.get(key, _nothing(of))} for key in keys])


def _text(value: object) -> str:
    """As a form sends it: a box that is not checked sends nothing."""
    if isinstance(value, bool):
        return "on" if value else ""
    return value if isinstance(value, str) else ""


def _nothing(of: Listing) -> dict:
    return {"done": False, "message": f"There is no such {of.noun}."}
