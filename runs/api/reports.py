"""Reports: a run or a comparison as one HTML file that opens without a network."""

from __future__ import annotations

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from runs.api.errors import Refused
from runs.api.schema import COMPARED
from runs.comparing import CannotCompare
from runs.reports import NotEnded
from runs.views import reports

HTML = {(200, "text/html"): OpenApiTypes.STR}


class RunReport(APIView):
    """A run that has ended, with its charts, spec, circumstances and log."""

    @extend_schema(responses=HTML)
    def get(self, request: Request, name: str) -> HttpResponseBase:
        try:
            return reports.run_file(request._request, name)
        except NotEnded as problem:
            raise Refused(str(problem)) from problem


class ComparisonReport(APIView):
    """Runs against a base, with their charts, specs and circumstances."""

    @extend_schema(
        parameters=COMPARED,
        responses=HTML,
    )
    def get(self, request: Request) -> HttpResponseBase:
        try:
            return reports.comparison_file(request._request)
        except CannotCompare as problem:
            raise ValidationError({"runs": [str(problem)]}) from problem
