"""Workers and threads to try in a new run, in place of the config's own."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from runs.forms.run_fields import given
from runs.forms.styling import StyledForm


class CountsField(forms.CharField):
    """Whole numbers with commas between, cleaned to a list; empty for none."""

    def prepare_value(self, value: object) -> object:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: object) -> list[int]:
        words = [word.strip() for word in super().clean(value).split(",")]
        if words == [""]:
            return []
        if not all(word.isdecimal() for word in words):
            raise ValidationError("Write whole numbers with commas between, such as 1, 2, 4.")
        return [int(word) for word in words]


def _counts(example: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": f"as the config says, or such as {example}"})


class ConcurrencyFields(StyledForm):
    workers_to_try = CountsField(required=False, label="Workers to try", widget=_counts("1, 2, 4"))
    threads_to_try = CountsField(required=False, label="Threads to try", widget=_counts("1, 2"))

    @property
    def concurrency_open(self) -> bool:
        """Whether anything of it was filled in, or is wrong."""
        names = ("workers_to_try", "threads_to_try")
        return any(self[name].value() or self[name].errors for name in names)

    def concurrency_asked_for(self) -> dict:
        """As in the spec's config; what was left empty is the config's."""
        cleaned = self.cleaned_data
        counts = {"workers": cleaned["workers_to_try"], "threads": cleaned["threads_to_try"]}
        return given({key: value or None for key, value in counts.items()})


def concurrency_initial(concurrency: dict) -> dict:
    """The fields as filled in for a run."""
    return {f"{key}_to_try": value for key, value in concurrency.items()}
