"""Registering a dataset: read as a whole before anything is kept."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from profiler.dataset import DatasetSummary, Row, read_dataset, summarise
from profiler.errors import InvalidSpec
from profiler.request_fields import wrong_content_type
from profiler.spec import DatasetFiles
from runs import preview, storage
from runs.forms.models import DatalistInput
from runs.forms.names import NameField
from runs.forms.sent_files import Upload, written
from runs.forms.uploads import UploadForm
from runs.models import Dataset, StagedUpload
from runs.registering import DEFAULT_CONTENT_TYPE, register_dataset

CONTENT_TYPES = ("application/json", "text/plain", "text/csv", "image/jpeg", "image/png",
                 "application/octet-stream")  # fmt: skip
#: Suffixes of datasets with a file to a body, whose content types come from the files' names.
ARCHIVE = ".zip"


class RegisterDatasetForm(UploadForm):
    purpose = StagedUpload.Purpose.DATASET
    folder_name = "bodies"
    files_label = "Dataset file"
    files_hint = ".txt .csv .tsv .jsonl .requests.jsonl .parquet .zip; of several, each is a body."
    folder_hint = "Each file in it is a body."

    name = NameField(help_text="A name that is there already gets its next version.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    content_type = forms.CharField(
        required=False,
        max_length=255,
        widget=DatalistInput(CONTENT_TYPES, attrs={"placeholder": DEFAULT_CONTENT_TYPE}),
        help_text="Of rows that do not say their own. Files in a folder say it by their names.",
    )

    field_order = ["name", "files", "folder", "content_type", "description"]

    def clean_content_type(self) -> str:
        content_type = self.cleaned_data["content_type"]
        wrong = wrong_content_type(content_type) if content_type else None
        if wrong:
            raise ValidationError(f"It {wrong}.")
        return content_type

    def clean(self) -> dict:
        cleaned = super().clean()
        if "upload" in cleaned and "content_type" in cleaned:
            self._read(cleaned)
        return cleaned

    def _read(self, cleaned: dict) -> None:
        upload = cleaned["upload"]
        content_type = cleaned["content_type"] or _default_content_type(upload)
        try:
            with written(upload) as path:
                cleaned["rows"] = read_dataset(DatasetFiles(path, content_type or None))
        except InvalidSpec as refusal:
            self.add_error("files", [problem.message for problem in refusal.problems])
        except storage.UploadRefused as refusal:
            self.add_error("files", str(refusal))
        cleaned["content_type"] = content_type

    @property
    def rows(self) -> Sequence[Row]:
        """What was sent, once it is known to be a dataset; empty before."""
        return self.cleaned_data.get("rows", ()) if self.is_bound else ()

    def summary(self) -> DatasetSummary:
        return summarise(self.rows)

    def first_rows(self) -> list[dict]:
        return preview.first_rows(self.rows)

    def register(self) -> Dataset:
        """Store the files and the next version of the name, both or neither."""
        with transaction.atomic():
            self.forget_files()
            return register_dataset(
                name=self.cleaned_data["name"],
                files=self.cleaned_data["upload"].store(),
                created_by=self.owner,
                content_type=self.cleaned_data["content_type"],
                description=self.cleaned_data["description"],
                rows=self.rows,
            )


def _default_content_type(upload: Upload) -> str:
    """Empty where each file is a body and tells its own."""
    tells_its_own = upload.is_folder or upload.name.lower().endswith(ARCHIVE)
    return "" if tells_its_own else DEFAULT_CONTENT_TYPE
