"""The name of what is registered, refused with the reason."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from runs.models.names import NAME_PATTERN, valid_name

MAX_NAME_CHARACTERS = 255


def why_refused(name: str) -> str:
    """What is wrong with a name, in words; "" when nothing is."""
    if len(name) > MAX_NAME_CHARACTERS:
        return f"It has {len(name)} characters; {MAX_NAME_CHARACTERS} are allowed."
    if not (name[:1].isascii() and name[:1].isalnum()):
        return f"It begins with {name[:1]!r}; begin with a letter or a digit."
    allowed = "-._"
    odd = [c for c in dict.fromkeys(name) if not ((c.isascii() and c.isalnum()) or c in allowed)]
    if odd:
        listed = ", ".join("a space" if c == " " else repr(c) for c in odd)
        return f"It holds {listed}; only letters, digits, dots, dashes and underscores are allowed."
    return ""


class NameField(forms.CharField):
    def __init__(self, **options) -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false", "pattern": NAME_PATTERN[1:-1]}
        attrs["title"] = valid_name.message
        options.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(**options)

    def validate(self, value: str) -> None:
        super().validate(value)
        reason = why_refused(value) if value else ""
        if reason:
            raise ValidationError(reason)
