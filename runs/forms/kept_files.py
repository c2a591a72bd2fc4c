"""Single files that came with a form need not be chosen again when something else in it is wrong.

They are staged, as uploads are, and found again by what their box in the form sends, or when the
form is opened anew.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction

from runs.forms.styling import StyledForm
from runs.models import StagedUpload

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class KeptFiles(StyledForm):
    #: Field of a file -> what it is kept as.
    kept_as: dict[str, StagedUpload.Purpose] = {}

    def __init__(self, *args, owner: User | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        #: Field -> the file that came before, taken where no other is chosen.
        self.kept: dict[str, StagedUpload] = {}
        if owner:
            self._find_kept()

    def _find_kept(self) -> None:
        for name, purpose in self.kept_as.items():
            if found := self._kept_before(name, purpose):
                self.kept[name] = found
                # What a field of a file has without a new one.
                [(_, self.initial[name])] = found.files()

    def _kept_before(self, name: str, purpose: StagedUpload.Purpose) -> StagedUpload | None:
        if not self.is_bound:
            return StagedUpload.objects.waiting(self.owner, purpose)
        key = _key(self._sent_before(name))
        return StagedUpload.objects.of(self.owner, purpose, key) if key else None

    def _sent_before(self, name: str) -> str:
        return self.data.get(f"{name}_sent") or ""

    def clean(self) -> dict:
        cleaned = super().clean()
        for name in self.kept_as:
            is_gone = self._sent_before(name) and name not in self.kept
            if is_gone and not cleaned.get(name) and not self.has_error(name):
                self.add_error(name, "The file sent before is no longer kept: choose it again.")
        return cleaned

    def keep_files(self) -> None:
        """Keep what came with a form that was refused for something else."""
        for name, purpose in self.kept_as.items():
            file = self.files.get(name)
            if file and not self.has_error(name):
                if before := self.kept.get(name):
                    before.discard()
                self.kept[name] = StagedUpload.objects.stage(
                    owner=self.owner, purpose=purpose, files=[(file.name, file)], is_folder=False
                )

    def forget_files(self) -> None:
        """What is used need not be kept any more."""
        for staged in self.kept.values():
            transaction.on_commit(staged.discard)


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
