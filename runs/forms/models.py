"""Registering a model, and changing the tags and properties of one."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from runs.applying import why_not_by_hand
from runs.forms.names import NameField
from runs.forms.pairs import PairsField
from runs.forms.styling import StyledForm
from runs.forms.uploads import UploadForm
from runs.models import RegisteredModel, StagedUpload
from runs.models.registered_model import MAX_TAG_CHARACTERS, refuse_standing

FRAMEWORKS = (
    "ScikitLearn", "TensorFlow", "PyTorch", "Onnx", "XGBoost", "LightGBM", "Keras", "Custom",
)  # fmt: skip


class DatalistInput(forms.TextInput):
    """A text field that suggests, and takes anything."""

    template_name = "registry/_datalist_input.html"

    def __init__(self, suggestions: tuple[str, ...], attrs: dict | None = None) -> None:
        super().__init__(attrs)
        self.suggestions = suggestions

    def get_context(self, name: str, value: object, attrs: dict | None) -> dict:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = f"{name}-suggestions"
        return {**context, "suggestions": self.suggestions, "list_id": f"{name}-suggestions"}


class RegisterModelForm(UploadForm):
    purpose = StagedUpload.Purpose.MODEL
    folder_name = "model"
    files_label = "Model file or files"
    files_hint = "One file keeps its name. Several are kept as a folder named model."
    folder_hint = "Keeps its own name and everything in it."

    name = NameField(help_text="A name that is there already gets its next version.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    framework = forms.CharField(required=False, max_length=100, widget=DatalistInput(FRAMEWORKS))
    framework_version = forms.CharField(
        required=False, max_length=50, widget=forms.TextInput(attrs={"placeholder": "1.8.0"})
    )
    tags = PairsField(example="team=risk", help_text="One a line. Tags can be changed later.")
    properties = PairsField(
        example="trained-on=2026-11", help_text="One a line. Properties can never be changed."
    )
    unpack = forms.BooleanField(
        required=False,
        label="Unpack the zip archive",
        help_text="For a folder sent as an archive. Otherwise a .zip is kept as the file it is.",
    )

    field_order = ["name", "files", "folder", "unpack"]

    def wants_unpacking(self, file: UploadedFile) -> bool:
        return bool(self.cleaned_data.get("unpack"))

    def clean_tags(self) -> dict:
        tags = self._writable(self.cleaned_data["tags"])
        if reasons := [reason for key in tags if (reason := why_not_by_hand(key))]:
            raise ValidationError(reasons)
        return tags

    def clean_properties(self) -> dict:
        return self._writable(self.cleaned_data["properties"])

    def _writable(self, pairs: dict[str, str]) -> dict[str, str]:
        refuse_standing(self.cleaned_data.get("name", ""), pairs, {})
        return _short_enough(pairs)

    def register(self) -> RegisteredModel:
        """Store the files and the next version of the name, both or neither."""
        upload = self.cleaned_data["upload"]
        kept = ("name", "description", "framework", "framework_version", "tags", "properties")
        with transaction.atomic():
            self.forget_files()
            return RegisteredModel.objects.register(
                files=upload.store(),
                created_by=self.owner,
                **{field: self.cleaned_data[field] for field in kept},
            )


def _short_enough(pairs: dict[str, str]) -> dict[str, str]:
    for key, value in pairs.items():
        if len(key) > 255 or len(value) > MAX_TAG_CHARACTERS:
            raise ValidationError(
                f"{key[:40]}: keys have up to 255, values up to {MAX_TAG_CHARACTERS:,} characters."
            )
    return pairs


class PairForm(StyledForm):
    """One key and its value."""

    key = forms.CharField(max_length=255, widget=forms.TextInput(attrs={"spellcheck": "false"}))
    value = forms.CharField(
        required=False,
        max_length=MAX_TAG_CHARACTERS,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )


class TagForm(PairForm):
    prefix = "tag"

    def clean_key(self) -> str:
        if reason := why_not_by_hand(self.cleaned_data["key"]):
            raise ValidationError(reason)
        return self.cleaned_data["key"]

    def apply_to(self, model: RegisteredModel, user) -> bool:
        """Whether anything changed; False, with an error at the key, where it is not to be set."""
        key, value = self.cleaned_data["key"], self.cleaned_data["value"]
        try:
            return bool(model.set_tags({key: value}, user))
        except ValidationError as refusal:
            self.add_error("key", refusal)
            return False


class PropertyForm(PairForm):
    prefix = "property"

    def apply_to(self, model: RegisteredModel, user) -> bool:
        """False, with an error at the key, when the property is there with another value."""
        try:
            model.add_properties({self.cleaned_data["key"]: self.cleaned_data["value"]})
        except ValidationError as refusal:
            self.add_error("key", refusal)
            return False
        return True
