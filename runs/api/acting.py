"""What a program does with a run beside reading it: follow, cancel, repeat, apply, mend, export."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from runs import applying, choosing, diagnoses, run_acts
from runs.api.asking import KEY, digest_of, key_of, once, started_before
from runs.api.errors import Refused
from runs.api.serializers import RunDetailSerializer
from runs.models import ProfileRun, RegisteredModel
from runs.run_acts import RunRefused
from runs.views import raw_data
from runs.views.runs import run_log

States = ProfileRun.State
#: As of the engine's command.
EXIT_STATUS = {States.SUCCEEDED: 0, States.FAILED: 1, States.CANCELLED: 3, States.TIMED_OUT: 4}
#: How soon it is worth to look again.
POLL_QUEUED_S, POLL_RUNNING_S = 3.0, 1.0


def detailed(run: ProfileRun, request: Request) -> dict:
    """The whole run, as it is now."""
    run = RUNS.get(pk=run.pk)
    return RunDetailSerializer(run, context={"request": request}).data


RUNS = ProfileRun.objects.select_related(
    "config", "dataset", "target", "created_by"
).prefetch_related("models")


class RunStatusSerializer(serializers.Serializer):
    """How far a run is, cheap to ask for again and again; `exit_status` is null until its end."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=States.choices)
    phase = serializers.CharField()
    fraction = serializers.FloatField()
    message = serializers.CharField()
    is_finished = serializers.BooleanField()
    is_cancelling = serializers.BooleanField()
    queue_position = serializers.SerializerMethodField()
    standing = serializers.SerializerMethodField()
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    exit_status = serializers.SerializerMethodField()
    poll_after_s = serializers.SerializerMethodField()

    def get_queue_position(self, run: ProfileRun) -> int | None:
        """1 is next; null unless queued."""
        if run.state != States.QUEUED:
            return None
        return ProfileRun.objects.ahead_of(run).count() + 1

    def get_standing(self, run: ProfileRun) -> str | None:
        return (run.advice or {}).get("standing")

    def get_exit_status(self, run: ProfileRun) -> int | None:
        return EXIT_STATUS.get(run.state)

    def get_poll_after_s(self, run: ProfileRun) -> float:
        return POLL_QUEUED_S if run.state == States.QUEUED else POLL_RUNNING_S


class RunStatus(APIView):
    """How far a run is."""

    @extend_schema(responses=RunStatusSerializer)
    def get(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun.objects.defer("spec", "result", "load"), name=name)
        return Response(RunStatusSerializer(run).data)


class CancelRequestSerializer(serializers.Serializer):
    """`force` is the second step: a run that was asked to stop, and has not, is killed."""

    force = serializers.BooleanField(default=False)


class RunCancel(APIView):
    """Cancel a queued run at once, ask a running one to stop. Asking twice changes nothing."""

    @extend_schema(request=CancelRequestSerializer, responses=RunDetailSerializer)
    def post(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun, name=name)
        asked = CancelRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        force = asked.validated_data["force"]
        try:
            run_acts.cancel(run, request.user, force=force)
        except RunRefused as refusal:
            is_so_already = run.state == States.CANCELLED or (run.is_cancelling and not force)
            if not is_so_already:
                raise Refused(f"{run.name} is {refusal}.") from refusal
        return Response(detailed(run, request))


class RunAgain(APIView):
    """Ask for the same once more: 201, or 200 with the run that was started under the same key."""

    @extend_schema(
        parameters=[KEY],
        request=None,
        responses={200: RunDetailSerializer, 201: RunDetailSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        key, digest = key_of(request), digest_of({"again": name})
        if before := started_before(request.user, key, digest):
            return Response(detailed(before, request))
        run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
        try:
            new = run_acts.run_again(run, request.user, key, digest)
        except RunRefused as refusal:
            raise Refused(f"{run.name} cannot be repeated as it was: {refusal}") from refusal
        data = detailed(new, request)
        return Response(data, 201, headers={"Location": data["links"]["self"]})


class ApplyRequestSerializer(serializers.Serializer):
    """`measurement` is the ordinal of a measured size, left out for the advised one; `confirmed`
    says that what the size lacks is known."""

    models = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Left out: all of the run's"
    )
    measurement = serializers.IntegerField(required=False, allow_null=True, default=None)
    confirmed = serializers.BooleanField(default=False)
    as_properties = serializers.BooleanField(default=False)


class AppliedSerializer(serializers.Serializer):
    run = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField())
    tags = serializers.DictField(child=serializers.CharField())


class RunApply(APIView):
    """Write a run's size into the tags of its models."""

    @extend_schema(parameters=[KEY], request=ApplyRequestSerializer, responses=AppliedSerializer)
    def post(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
        asked = ApplyRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {"apply": name, **asked.validated_data}
        done, _ = once(request, wanted, lambda: _applied(run, request.user, **asked.validated_data))
        return Response(done)


def _applied(
    run: ProfileRun,
    user: User,
    *,
    measurement: int | None,
    models: list[str] | None = None,
    **how: bool,
) -> dict:
    chosen = _chosen(run, models)
    if measurement is None:
        tags = applying.apply_size(run, chosen, user, **how)
    else:
        tags = choosing.apply_point(run, measurement, chosen, user, **how)
    return {"run": run.name, "models": [model.ref for model in chosen], "tags": tags}


def _chosen(run: ProfileRun, refs: list[str] | None) -> list[RegisteredModel]:
    own = {model.ref: model for model in run.models.all()}
    if refs is None:
        return list(own.values())
    strangers = [f"{ref} is not a model of this run." for ref in refs if ref not in own]
    if strangers:
        raise exceptions.ValidationError({"models": strangers})
    return [own[ref] for ref in dict.fromkeys(refs)]


class MendRequestSerializer(serializers.Serializer):
    fix = serializers.CharField(
        help_text="The code of a diagnosis, or `advised` for the workers and threads found best"
    )


class RunMend(APIView):
    """Apply a fix that the run measured: a new version of its config, and a run with it (201), or
    200 with the run that was started under the same key."""

    @extend_schema(
        parameters=[KEY],
        request=MendRequestSerializer,
        responses={200: RunDetailSerializer, 201: RunDetailSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
        asked = MendRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fix = asked.validated_data["fix"]
        key, digest = key_of(request), digest_of({"mend": name, "fix": fix})
        if before := started_before(request.user, key, digest):
            return Response(detailed(before, request))
        new = diagnoses.apply_fix(run, fix, request.user, key, digest)
        return Response(detailed(new, request), 201)


class RunResult(APIView):
    """The engine's RESULT document of a finished run, as `python -m profiler run` writes it."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun.objects.prefetch_related("measurements"), name=name)
        if not run.result:
            raise exceptions.NotFound(f"{run.name} has no result: it is {run.state}.")
        taken = [row.data for row in run.measurements.order_by("ordinal")]
        return Response({**run.result, "measurements": taken})


class RunRaw(APIView):
    """Every request and usage sample: a zip archive of `csv` or `parquet` files."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, name: str, form: str) -> HttpResponseBase:
        return raw_data.run_raw(request._request, name, form)


class RunRawSeries(APIView):
    """The samples of one measurement and series, as its page names them."""

    @extend_schema(
        operation_id="runs_raw_series_retrieve", responses={(200, "text/csv"): OpenApiTypes.BINARY}
    )
    def get(
        self, request: Request, name: str, form: str, ordinal: int, series: str
    ) -> HttpResponseBase:
        return raw_data.run_raw_series(request._request, name, ordinal, series, form)


class RunLog(APIView):
    """The log, as text."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request, name: str) -> HttpResponseBase:
        return run_log(request._request, name)
