"""Fields of a new run: rows chosen by name, shares in percent, a load in stages."""

from __future__ import annotations

from io import TextIOWrapper

from django import forms
from django.core.exceptions import ValidationError

from profiler.spec_reader.arrivals import WrongArrivals, read_arrivals
from runs.formatting import cpu, memory
from runs.models import SizingPolicy, Target


def number(placeholder: float | str = "", step: str = "any") -> forms.NumberInput:
    return forms.NumberInput(attrs={"placeholder": placeholder, "step": step})


def searchable() -> dict:
    return {"data-searchable": True}


def percent(share: float) -> str:
    return f"{share * 100:g}"


class RefChoice(forms.ModelChoiceField):
    def label_from_instance(self, row) -> str:
        return row.ref


class RefChoices(forms.ModelMultipleChoiceField):
    def label_from_instance(self, row) -> str:
        return row.ref


class TargetChoice(forms.ModelChoiceField):
    def label_from_instance(self, target: Target) -> str:
        size = f"{cpu(target.max_cpu_millicores)}, {memory(target.max_memory_bytes)}"
        gpus = f", {len(target.gpus)} GPU{'s' if len(target.gpus) > 1 else ''}"
        worker = "" if target.has_worker else ", no worker"
        return f"{target.name}, up to {size}{gpus if target.gpus else ''}{worker}"


class PolicyChoice(forms.ModelChoiceField):
    def label_from_instance(self, policy: SizingPolicy) -> str:
        return f"{policy.name}{' (default)' if policy.is_default else ''}"


class PercentField(forms.FloatField):
    """Shown in percent, cleaned to a share."""

    def prepare_value(self, value: object) -> object:
        return percent(value) if isinstance(value, int | float) else value

    def clean(self, value: object) -> float | None:
        number = super().clean(value)
        return None if number is None else round(number / 100, 9)


class StagesField(forms.JSONField):
    def prepare_value(self, value: object) -> object:
        return "" if value is None else super().prepare_value(value)


class ArrivalsField(forms.FileField):
    """A file of recorded arrivals, cleaned to seconds from the recording's beginning."""

    MOST = 100_000

    def clean(self, data: object, initial: object = None) -> list[float] | None:
        file = super().clean(data, initial)
        if not file:
            return None
        lines = TextIOWrapper(file.open("rb"), encoding="utf-8")
        try:
            times = read_arrivals(lines, self.MOST)
        except WrongArrivals as wrong:
            raise ValidationError(_sentence(str(wrong))) from wrong
        except UnicodeDecodeError as error:
            raise ValidationError("This is no text in UTF-8.") from error
        finally:
            # Or the file is closed with it, and could not be kept.
            lines.detach()
        if not times:
            raise ValidationError("There are no times in it; write one a line.")
        return [round(at_s, 6) for at_s in times]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def given(values: dict) -> dict:
    """What was filled in."""
    return {key: value for key, value in values.items() if value not in (None, "")}
