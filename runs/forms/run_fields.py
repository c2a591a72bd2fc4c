"""Fields of a new run: rows chosen by name, shares in percent, a load in stages."""

from __future__ import annotations

from django import forms

from runs.formatting import cpu, memory
from runs.models import Target


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
