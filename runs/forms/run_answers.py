"""What a new run expects of the answers, beside their status."""

from __future__ import annotations

import json

from django import forms
from django.core.exceptions import ValidationError

from profiler.spec import AnswerCheck
from runs.forms.run_fields import given, number
from runs.forms.styling import StyledForm

KEYS = tuple(AnswerCheck.__dataclass_fields__)


class AnswersFields(StyledForm):
    json_path = forms.CharField(
        required=False,
        label="There is a value at (JSONPath)",
        widget=forms.TextInput(attrs={"placeholder": "such as $.predictions[0]", "class": "mono"}),
    )
    equals = forms.CharField(
        required=False,
        label="And it equals (JSON)",
        widget=forms.TextInput(attrs={"placeholder": "such as 3.5", "class": "mono"}),
    )
    pattern = forms.CharField(
        required=False,
        label="The text has the pattern",
        widget=forms.TextInput(attrs={"placeholder": "a regular expression", "class": "mono"}),
    )
    same_as_largest = forms.BooleanField(
        required=False,
        label="The same as at the largest size",
        help_text="A row that is answered differently each time there is not compared.",
    )
    tolerance = forms.FloatField(
        required=False,
        widget=number(f"{AnswerCheck.tolerance:f}"),
        label="Numbers may differ by",
        help_text="Relative or absolute.",
    )

    @property
    def answers_open(self) -> bool:
        """Whether anything is asked of the answers, or is wrong."""
        return any(self[name].value() or self[name].errors for name in KEYS)

    def clean_equals(self) -> object:
        text = self.cleaned_data["equals"]
        if not text.strip():
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError("This is not JSON; put quotes round a text.") from error
        if value is None:
            raise ValidationError("null asks for nothing; leave it empty.")
        return value

    def answers_asked_for(self) -> dict:
        """The spec's `answers`."""
        asked = given({key: self.cleaned_data[key] for key in KEYS})
        if not asked["same_as_largest"]:
            del asked["same_as_largest"]
        return asked


def answers_initial(answers: dict) -> dict:
    if "equals" not in answers:
        return answers
    return {**answers, "equals": json.dumps(answers["equals"], ensure_ascii=False)}
