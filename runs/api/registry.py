"""The registry for programs: models, datasets and configs are registered, listed and shown.

What is sent is checked by the very forms of the pages: their fields are the API's.
"""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from runs.api.errors import check
from runs.api.paging import Newest
from runs.api.schema import form_schema
from runs.forms.configs import RegisterConfigForm
from runs.forms.datasets import RegisterDatasetForm
from runs.forms.models import PropertyForm, RegisterModelForm, TagForm
from runs.forms.uploads import UploadForm
from runs.lists.registry import ConfigFilter, DatasetFilter, ModelFilter
from runs.models import Dataset, InferenceConfig, RegisteredModel, StoredFiles

JSON = serializers.JSONField
NAME = OpenApiParameter("name", str, description="All versions of this name, newest first")


# --- What the API says of them --------------------------------------------------------------------
class FilesSerializer(serializers.ModelSerializer):
    paths = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = StoredFiles
        fields = ("name", "is_folder", "sha256", "total_bytes", "paths")


class VersionSerializer(serializers.ModelSerializer):
    """What models, datasets and configs have in common."""

    ref = serializers.CharField(read_only=True)
    files = FilesSerializer(read_only=True, allow_null=True)
    created_by = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    COMMON = ("uuid", "ref", "name", "version", "description", "files")
    LAST = ("created_by", "created_at", "links")
    #: Names of the addresses of one of them: in the API, and its page.
    addresses = ("", "")

    def get_created_by(self, row) -> str | None:
        return row.created_by and row.created_by.get_username()

    def get_links(self, row) -> dict[str, str]:
        request, (of_api, of_page) = self.context["request"], self.addresses
        page = reverse(of_page, args=[row.name, row.version], request=request)
        return {"self": reverse(of_api, args=[row.ref], request=request), "page": page}


class ModelSerializer(VersionSerializer):
    """A registered model; its files, name and properties never change, its tags do."""

    tags = serializers.DictField(child=serializers.CharField())
    properties = serializers.DictField(child=serializers.CharField())
    addresses = ("api_model_detail", "model_detail")

    class Meta:
        model = RegisteredModel
        fields = (
            *VersionSerializer.COMMON, "framework", "framework_version", "tags", "properties",
            *VersionSerializer.LAST,
        )  # fmt: skip


class DatasetSerializer(VersionSerializer):
    """A dataset with what is known of its rows."""

    labels = JSON(read_only=True)
    addresses = ("api_dataset_detail", "dataset_detail")

    class Meta:
        model = Dataset
        fields = (
            *VersionSerializer.COMMON, "file_format", "content_type", "rows", "distinct_rows",
            "bytes_min", "bytes_median", "bytes_max", "bytes_total", "labels",
            *VersionSerializer.LAST,
        )  # fmt: skip


class ConfigSerializer(VersionSerializer):
    """An inference config; `definition` is the spec's `config` without its source directory."""

    definition = JSON(read_only=True)
    addresses = ("api_config_detail", "config_detail")

    class Meta:
        model = InferenceConfig
        fields = (*VersionSerializer.COMMON, "kind", "definition", *VersionSerializer.LAST)


# --- Lists and registering ------------------------------------------------------------------------
class VersionList(generics.ListAPIView):
    """The latest version of each name, or with `?name=` all versions of one."""

    pagination_class = Newest
    parser_classes = (MultiPartParser, FormParser)
    form_class: type[UploadForm]
    queryset = RegisteredModel.objects.none()

    def get_queryset(self) -> QuerySet:
        rows = self.serializer_class.Meta.model.objects
        if name := self.request.query_params.get("name"):
            return rows.versions_of(name).select_related("files", "created_by")
        return rows.for_list()

    def register(self, request: Request) -> Response:
        """Check what was sent as the page does, keep it as the name's next version."""
        form = self.form_class(request.POST, request.FILES, owner=request.user)
        check(form)
        row = form.register()
        data = self.get_serializer(row).data
        return Response(data, 201, headers={"Location": data["links"]["self"]})


class VersionDetail(generics.RetrieveAPIView):
    """One of them, by `name:version`, or by `name` its latest version."""

    def get_object(self):
        rows, ref = self.serializer_class.Meta.model.objects.for_page(), self.kwargs["ref"]
        try:
            return rows.ref(ref)
        except rows.model.DoesNotExist as error:
            raise NotFound(f"There is no {ref}.") from error


class ModelList(VersionList):
    serializer_class = ModelSerializer
    filterset_class = ModelFilter
    form_class = RegisterModelForm

    @extend_schema(parameters=[NAME])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """The latest version of each model, or with `?name=` all versions of one."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=form_schema(RegisterModelForm), responses={201: ModelSerializer})
    def post(self, request: Request) -> Response:
        """Register a model, as the next version of its name."""
        return self.register(request)


class DatasetList(VersionList):
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter
    form_class = RegisterDatasetForm
    queryset = Dataset.objects.none()

    @extend_schema(parameters=[NAME])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """The latest version of each dataset, or with `?name=` all versions of one."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=form_schema(RegisterDatasetForm), responses={201: DatasetSerializer})
    def post(self, request: Request) -> Response:
        """Register a dataset, as the next version of its name; it is read as a whole first."""
        return self.register(request)


class ConfigList(VersionList):
    serializer_class = ConfigSerializer
    filterset_class = ConfigFilter
    form_class = RegisterConfigForm
    queryset = InferenceConfig.objects.none()

    @extend_schema(parameters=[NAME])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """The latest version of each config, or with `?name=` all versions of one."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=form_schema(RegisterConfigForm), responses={201: ConfigSerializer})
    def post(self, request: Request) -> Response:
        """Register a config, as the next version of its name; its script is checked first."""
        return self.register(request)


class DatasetDetail(VersionDetail):
    serializer_class = DatasetSerializer
    queryset = Dataset.objects.none()


class ConfigDetail(VersionDetail):
    serializer_class = ConfigSerializer
    queryset = InferenceConfig.objects.none()


# --- Tags and properties --------------------------------------------------------------------------
@extend_schema_field({"type": "object", "additionalProperties": {"type": ["string", "null"]}})
class ChangesField(serializers.DictField):
    child = serializers.CharField(allow_null=True, allow_blank=True, trim_whitespace=False)


class ModelChangeSerializer(serializers.Serializer):
    """Tags to set, or with null to take away; properties to add."""

    tags = ChangesField(default=dict)
    properties = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), default=dict
    )


class ModelDetail(VersionDetail):
    serializer_class = ModelSerializer
    queryset = RegisteredModel.objects.none()

    @extend_schema(request=ModelChangeSerializer, responses=ModelSerializer)
    def patch(self, request: Request, ref: str) -> Response:
        """Change tags, add properties: all that is asked for, or nothing."""
        model = self.get_object()
        asked = ModelChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        tags, properties = asked.validated_data["tags"], asked.validated_data["properties"]
        for form, pairs in ((TagForm, tags), (PropertyForm, properties)):
            for key, value in pairs.items():
                check(form({f"{form.prefix}-key": key, f"{form.prefix}-value": value or ""}))
        model.change(tags, properties, request.user)
        return Response(self.get_serializer(model).data)
