"""Keys with values, a line each: tags, properties, environment variables, headers."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError


class PairsField(forms.CharField):
    """Lines of `key=value`, split at the first separator; cleaned to a dict, in their order."""

    def __init__(self, *, separator: str = "=", example: str = "key=value", **options) -> None:
        self.separator, self.example = separator, example
        looks = {"rows": 3, "class": "mono", "spellcheck": "false", "placeholder": example}
        super().__init__(**{"required": False, "widget": forms.Textarea(attrs=looks), **options})

    def prepare_value(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{key}{self._joint}{item}" for key, item in value.items())

    @property
    def _joint(self) -> str:
        return f"{self.separator} " if self.separator == ":" else self.separator

    def to_python(self, value: str | None) -> dict[str, str]:
        pairs, problems = {}, []
        for number, line in enumerate((value or "").splitlines(), start=1):
            if not line.strip():
                continue
            key, separator, item = line.partition(self.separator)
            key = key.strip()
            if not separator or not key:
                problems.append(f"Line {number}: write it as {self.example}.")
            elif key in pairs:
                problems.append(f"Line {number}: {key} is there twice.")
            else:
                pairs[key] = item.strip()
        if problems:
            raise ValidationError(problems)
        return pairs
