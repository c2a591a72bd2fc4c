"""The form of a new run while it is filled in, without asking the engine what it would refuse."""

from __future__ import annotations

from runs.forms.runs import NewRunForm
from runs.forms.styling import StyledForm


class RunWishes(NewRunForm):
    """Cheap to look at after every change; the fields alone are checked."""

    def clean(self) -> dict:
        cleaned = StyledForm.clean(self)
        if not self.errors:
            self.settle_times(cleaned)
        return cleaned

    @property
    def problems(self) -> list[str]:
        """What is missing or wrong, with the field's label."""
        return [
            f"{self.fields[name].label or name.capitalize()}: {text}"
            for name, texts in self.errors.items()
            for text in texts
        ]
