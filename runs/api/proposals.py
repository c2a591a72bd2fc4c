"""Review for programs: proposals are listed, shown, made, and decided."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from runs import choosing, reviewing
from runs.api.asking import KEY, once
from runs.api.errors import check
from runs.api.paging import Newest
from runs.forms.proposals import ProposalForm
from runs.lists.review import BOXES, inbox
from runs.models import ProfileRun, Proposal, ProposalEvent

STATE = OpenApiParameter("state", str, enum=Proposal.State.values)
BOX = OpenApiParameter("box", str, enum=list(BOXES), description="A view of the inbox")


class ProposalSerializer(serializers.ModelSerializer):
    """A size put forward for models; `size` is what would be written."""

    number = serializers.IntegerField(source="pk", read_only=True)
    run = serializers.CharField(source="run.name", read_only=True)
    models = serializers.SerializerMethodField()
    size = serializers.JSONField(read_only=True)
    reviewers = serializers.SerializerMethodField()
    created_by = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = (
            "number", "uuid", "state", "run", "models", "size", "as_properties", "reviewers",
            "created_by", "created_at", "updated_at", "links",
        )  # fmt: skip

    def get_models(self, proposal: Proposal) -> list[str]:
        return [model.ref for model in proposal.models.all()]

    def get_reviewers(self, proposal: Proposal) -> list[str]:
        return [user.get_username() for user in proposal.reviewers.all()]

    def get_created_by(self, proposal: Proposal) -> str | None:
        return proposal.created_by and proposal.created_by.get_username()

    def get_links(self, proposal: Proposal) -> dict[str, str]:
        names = {"self": "api_proposal_detail", "page": "proposal_detail"}
        request = self.context["request"]
        return {key: reverse(name, [proposal.pk], request=request) for key, name in names.items()}


class ProposalEventSerializer(serializers.ModelSerializer):
    """Something said or done; `text` is Markdown."""

    actor = serializers.SerializerMethodField()

    class Meta:
        model = ProposalEvent
        fields = ("kind", "actor", "at", "text")

    def get_actor(self, event: ProposalEvent) -> str | None:
        return event.actor and event.actor.get_username()


class ProposalDetailSerializer(ProposalSerializer):
    """With what speaks against it and what was said."""

    baseline = serializers.SerializerMethodField()
    against = serializers.SerializerMethodField()
    events = serializers.SerializerMethodField()

    class Meta(ProposalSerializer.Meta):
        fields = (*ProposalSerializer.Meta.fields, "baseline", "against", "events")

    def get_baseline(self, proposal: Proposal) -> str | None:
        return proposal.baseline and proposal.baseline.name

    def get_against(self, proposal: Proposal) -> list[str]:
        """What approving or applying it has to be confirmed for."""
        return [] if proposal.is_decided else [one.text for one in reviewing.outdated(proposal)]

    def get_events(self, proposal: Proposal) -> ProposalEventSerializer(many=True):
        return ProposalEventSerializer(proposal.events.select_related("actor"), many=True).data


class ProposalRequestSerializer(serializers.Serializer):
    """The advised size of a run, or with `measurement` a measured one, for models of it."""

    run = serializers.CharField()
    measurement = serializers.IntegerField(required=False, allow_null=True, default=None)
    models = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Left out: all of the run's"
    )
    reviewers = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Left out: any reviewer"
    )
    baseline = serializers.CharField(required=False, default="", help_text="The name of a run")
    text = serializers.CharField(required=False, default="", allow_blank=True)
    as_properties = serializers.BooleanField(default=False)


class ProposalList(generics.ListAPIView):
    serializer_class = ProposalSerializer
    pagination_class = Newest
    filter_backends: tuple = ()
    queryset = Proposal.objects.none()

    def get_queryset(self) -> QuerySet[Proposal]:
        found = Proposal.objects.for_list()
        if box := self._one_of("box", BOXES):
            found = inbox(self.request.user, box).proposals
        if state := self._one_of("state", Proposal.State.values):
            found = found.filter(state=state)
        return found

    def _one_of(self, name: str, allowed: list[str]) -> str:
        value = self.request.query_params.get(name, "")
        if value and value not in allowed:
            wrong = f"{value} is none of {', '.join(allowed)}."
            raise exceptions.ValidationError({name: [wrong]})
        return value

    @extend_schema(parameters=[STATE, BOX])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Proposals, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[KEY],
        request=ProposalRequestSerializer,
        responses={200: ProposalDetailSerializer, 201: ProposalDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Put a size forward (201); 200 with what was put forward under the same key."""
        asked = ProposalRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {"propose": "", **asked.validated_data}
        done, is_new = once(request, wanted, lambda: _proposed(request, **asked.validated_data))
        return Response(_detailed(done["number"], request), 201 if is_new else 200)


def _proposed(request: Request, run: str, measurement: int | None, **wanted: object) -> dict:
    row = ProfileRun.objects.for_page().filter(name=run).first()
    if row is None:
        raise exceptions.ValidationError({"run": [f"There is no run {run}."]})
    size = choosing.size_to_use(row, "" if measurement is None else str(measurement))
    wanted.setdefault("models", [model.ref for model in row.models.all()])
    form = ProposalForm(row, request.user, wanted)
    check(form)
    return {"number": form.propose(size).pk}


class ProposalDetail(APIView):
    """A proposal with its discussion."""

    @extend_schema(responses=ProposalDetailSerializer)
    def get(self, request: Request, number: int) -> Response:
        return Response(_detailed(number, request))


class ActionSerializer(serializers.Serializer):
    """`although` confirms that what speaks against the proposal is known; it is recorded."""

    text = serializers.CharField(required=False, default="", allow_blank=True)
    although = serializers.BooleanField(default=False)


class ProposalAct(APIView):
    """Comment, approve, request changes, ask again, withdraw, apply or revert; under a key that was
    used before, nothing but what the proposal is by now."""

    @extend_schema(
        operation_id="proposals_act",
        request=ActionSerializer,
        responses=ProposalDetailSerializer,
        parameters=[
            OpenApiParameter("action", str, OpenApiParameter.PATH, enum=list(reviewing.ACTIONS)),
            KEY,
        ],
    )
    def post(self, request: Request, number: int, action: str) -> Response:
        if action not in reviewing.ACTIONS:
            raise exceptions.NotFound(f"There is no action {action}.")
        if reason := reviewing.why_lesser(request.user, action):
            raise exceptions.PermissionDenied(reason)
        asked = ActionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        proposal = _the_proposal(number)
        once(
            request,
            {action: number, **asked.validated_data},
            lambda: _acted(proposal, action, request.user, **asked.validated_data),
        )
        return Response(_detailed(number, request))


def _acted(proposal: Proposal, action: str, user: User, *, text: str, although: bool) -> dict:
    reviewing.act(proposal, action, user, text, confirmed=although)
    return {"number": proposal.pk}


def _the_proposal(number: int) -> Proposal:
    return get_object_or_404(Proposal.objects.for_page(), pk=number)


def _detailed(number: int, request: Request) -> dict:
    return ProposalDetailSerializer(_the_proposal(number), context={"request": request}).data
