"""Files as a browser sends them: one, several, a folder with its structure, or an archive of one.

A browser says a folder's structure only to scripts, and Django keeps no folder in a file's name:
so a small script puts the relative paths into a hidden field. Without scripts a folder is sent as
a zip archive.

Files are sent once: with scripts as soon as they are chosen, otherwise with the form. A form that
is refused for something else, or loaded again, finds them staged (runs/models/staged_upload.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from runs import storage
from runs.formatting import file_size
from runs.forms.kept_files import KeptFiles
from runs.forms.sent_files import Upload, archive_upload, folder_upload, single_upload
from runs.forms.styling import StyledForm
from runs.models import StagedUpload

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ManyFilesInput(forms.FileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files; cleaned to a list. Empty files are files: a package may need them."""

    widget = ManyFilesInput

    def __init__(self, **options) -> None:
        super().__init__(**{"required": False, "allow_empty_file": True, **options})

    def clean(self, data: object, initial: object = None) -> list[UploadedFile]:
        if not data:
            return []
        files = data if isinstance(data, list | tuple) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files]


class FolderField(ManyFilesField):
    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.widget.attrs["webkitdirectory"] = True


class UploadFields(StyledForm):
    """Files, or a folder, as they are sent: in a form, or by themselves to be staged."""

    files = ManyFilesField(label="Files")
    folder = FolderField(label="Folder")
    folder_paths = forms.CharField(required=False, widget=forms.HiddenInput)

    def sent(self) -> tuple[list[tuple[str, File]], bool]:
        """Files as (path, file), and whether the paths are within a folder; empty without any.

        Raises ValidationError.
        """
        files, folder = self.cleaned_data.get("files") or [], self.cleaned_data.get("folder") or []
        if files and folder:
            raise ValidationError("Choose files or a folder, not both.")
        total, most = sum(file.size for file in files + folder), settings.PROFILER_MAX_UPLOAD_BYTES
        if total > most:
            raise ValidationError(
                f"That is {file_size(total)}, and at most {file_size(most)} may be sent."
            )
        if folder:
            return list(zip(self._paths(folder), folder, strict=True)), True
        return [(file.name, file) for file in files], False

    def _paths(self, folder: list[UploadedFile]) -> list[str]:
        try:
            paths = json.loads(self.cleaned_data.get("folder_paths") or "[]")
        except ValueError:
            paths = []
        if not isinstance(paths, list) or len(paths) != len(folder):
            raise ValidationError(
                "Your browser did not say where in the folder each file is. "
                "Send the folder as a zip archive."
            )
        return [str(path) for path in paths]


class StageForm(UploadFields):
    """What is sent by itself, before its form."""

    def stage(self, owner: User, purpose: str) -> StagedUpload:
        """Raises ValidationError."""
        if not self.is_valid():
            raise ValidationError([error for errors in self.errors.values() for error in errors])
        files, is_folder = self.sent()
        if not files:
            raise ValidationError("Choose a file, several files or a folder.")
        return StagedUpload.objects.stage(
            owner=owner, purpose=purpose, files=files, is_folder=is_folder
        )


class UploadForm(UploadFields, KeptFiles):
    """The fields that files come by; `upload` in the cleaned data is what was sent."""

    purpose: StagedUpload.Purpose
    #: Name of the folder that several files are kept as.
    folder_name = "files"
    #: Whether a zip archive stands for the folder in it, without being asked to.
    unpacks_archives = False
    files_label, files_hint, folder_hint = "Files", "", ""

    staged = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, owner: User, **kwargs) -> None:
        super().__init__(*args, owner=owner, **kwargs)
        self.fields["files"].label = self.files_label
        self.fields["files"].help_text = self.files_hint
        self.fields["folder"].help_text = self.folder_hint
        #: What was sent before, and is taken where nothing else is chosen.
        self.staged_upload: StagedUpload | None = None
        if not self.is_bound:
            self.staged_upload = StagedUpload.objects.waiting(owner, self.purpose)

    @property
    def max_bytes(self) -> int:
        """Known to scripts, so that what is too large is not sent at all."""
        return settings.PROFILER_MAX_UPLOAD_BYTES

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("staged"):
            self.staged_upload = StagedUpload.objects.of(
                self.owner, self.purpose, cleaned["staged"]
            )
        if self.has_error("files") or self.has_error("folder"):
            return cleaned
        try:
            cleaned["upload"] = self._upload(cleaned)
        except (storage.UploadRefused, ValidationError) as refusal:
            self.add_error("files", _words(refusal))
        return cleaned

    def wants_unpacking(self, file: File) -> bool:
        return self.unpacks_archives and file.name.lower().endswith(".zip")

    def _upload(self, cleaned: dict) -> Upload:
        files, is_folder = self.sent()
        if not files and self.staged_upload:
            files, is_folder = self.staged_upload.files(), self.staged_upload.is_folder
        if not files and cleaned.get("staged"):
            raise ValidationError("The files sent before are no longer kept: choose them again.")
        if not files:
            raise ValidationError("Choose a file, several files or a folder.")
        if is_folder:
            return folder_upload(files)
        if len(files) == 1:
            return self._single(files[0][1])
        return folder_upload([(f"{self.folder_name}/{name}", file) for name, file in files])

    def _single(self, file: File) -> Upload:
        if self.wants_unpacking(file):
            return archive_upload(file)
        return single_upload(file)

    def keep_files(self) -> None:
        super().keep_files()
        if "upload" not in self.cleaned_data or self.has_error("files"):
            return
        files, is_folder = self.sent()
        if files:
            self.staged_upload = StagedUpload.objects.stage(
                owner=self.owner, purpose=self.purpose, files=files, is_folder=is_folder
            )

    def forget_files(self) -> None:
        super().forget_files()
        if self.staged_upload:
            transaction.on_commit(self.staged_upload.discard)


def _words(refusal: Exception) -> object:
    return refusal if isinstance(refusal, ValidationError) else str(refusal)
