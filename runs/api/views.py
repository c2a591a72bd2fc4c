"""The endpoints: guard, fetch, answer."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from runs.api import asking, serializers
from runs.api.acting import RUNS, detailed
from runs.api.paging import InOrder, Newest
from runs.api.schema import COMPARED
from runs.applying import ApplyRefused
from runs.charts.sizes import one_per_size
from runs.choosing import choice_of
from runs.comparing import CannotCompare, compare_runs
from runs.lists.runs import RunFilter
from runs.models import Measurement, PriceList, ProfileRun
from runs.variants import of_the_advised


class RunList(generics.ListAPIView):
    serializer_class = serializers.RunSerializer
    pagination_class = Newest
    filterset_class = RunFilter
    queryset = ProfileRun.objects.for_list()

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Runs, newest first, with the filters of the runs page."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[asking.KEY],
        request=asking.RunRequestSerializer,
        responses={
            200: serializers.RunDetailSerializer, 201: serializers.RunDetailSerializer,
        },
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Start a run: 201, or 200 with the run that was started under the same key before."""
        key, digest = asking.key_of(request), asking.digest_of(request.data)
        if run := asking.started_before(request.user, key, digest):
            return Response(detailed(run, request))
        asked = asking.RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = detailed(asked.start(request.user, key, digest), request)
        return Response(data, 201, headers={"Location": data["links"]["self"]})


class RunDetail(generics.RetrieveAPIView):
    """A run: what it was asked, its state, and what came of it."""

    serializer_class = serializers.RunDetailSerializer
    lookup_field = "name"
    queryset = RUNS


class WithPrices:
    """Serializers of measurements have today's `prices` in their context, asked for once."""

    def get_serializer_context(self) -> dict:
        return {**super().get_serializer_context(), "prices": PriceList.objects.current()}


class MeasurementList(WithPrices, generics.ListAPIView):
    """A run's measurements in the order they were taken."""

    serializer_class = serializers.MeasurementSerializer
    pagination_class = InOrder
    filter_backends: tuple = ()
    queryset = Measurement.objects.none()

    def get_queryset(self) -> QuerySet[Measurement]:
        runs = ProfileRun.objects.select_related("config").only("config__definition")
        run = get_object_or_404(runs, name=self.kwargs["name"])
        return run.measurements.all()


class MeasurementDetail(WithPrices, generics.RetrieveAPIView):
    """One measurement with all that the engine wrote of it."""

    serializer_class = serializers.MeasurementDetailSerializer
    lookup_field = "ordinal"
    queryset = Measurement.objects.none()

    def get_queryset(self) -> QuerySet[Measurement]:
        return Measurement.objects.filter(run__name=self.kwargs["name"]).select_related(
            "run__config"
        )


class SizeList(APIView):
    """Every size a run measured, smallest first, as it could be used in place of the advised."""

    @extend_schema(responses=serializers.SizeSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        run = get_object_or_404(ProfileRun, name=name)
        rows = one_per_size(of_the_advised(run, list(run.measurements.all())))
        sizes = [{"row": row, **self._choice(run, row)} for row in rows]
        return Response(serializers.SizeSerializer(sizes, many=True).data)

    def _choice(self, run: ProfileRun, row: Measurement) -> dict:
        """What the size would be, or why it cannot be used."""
        try:
            return {"size": choice_of(run, row.ordinal), "refused": None}
        except ApplyRefused as refusal:
            return {"size": None, "refused": str(refusal)}


class Compare(APIView):
    """Runs against a base: what makes them unlike, each metric's difference, the verdict."""

    @extend_schema(
        parameters=COMPARED,
        responses=serializers.RunComparisonSerializer,
    )
    def get(self, request: Request) -> Response:
        names = request.query_params.get("runs", "").split(",")
        try:
            found = compare_runs(names, request.query_params.get("base", ""))
        except CannotCompare as error:
            raise ValidationError({"runs": [str(error)]}) from error
        return Response(serializers.RunComparisonSerializer(found).data)


class Nothing(APIView):
    """Any other address: an error in the shape of all others, not a page."""

    schema = None

    def http_method_not_allowed(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound("There is nothing at this address; /api/v1/schema/ lists what there is.")
