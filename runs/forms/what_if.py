"""What is asked of a run's model of latency, as it stands in the address of the run's page."""

from __future__ import annotations

from django import forms

from profiler.sizing.latency_model import LatencyModel
from runs import formatting
from runs.forms.styling import StyledForm


class WhatIfForm(StyledForm):
    """A load, a size and an objective; what is not given is the run's own."""

    percentile = forms.ChoiceField(label="Percentile")
    latency_ms = forms.FloatField(
        label="Bound, ms",
        min_value=0.001,
        max_value=1e7,
        error_messages={"min_value": "A bound is more than 0 ms."},
    )

    def __init__(self, data: dict, model: LatencyModel, defaults: dict) -> None:
        names = ("load", "cpu_millicores", "percentile", "latency_ms")
        asked = {name: data[name] for name in names if data.get(name, "").strip()}
        super().__init__(defaults | asked, auto_id="what-if-%s")
        self.is_open = model.mode == "open"
        self.fields["load"] = _rate() if self.is_open else _concurrency(model)
        self.fields["cpu_millicores"] = _cpu(model)
        self.fields["percentile"].choices = [
            (name, formatting.percentile_name(float(name))) for name in model.percentiles
        ]
        self.order_fields(names)
        for field in self.fields.values():
            field.widget.attrs["step"] = "any"


def _rate() -> forms.Field:
    return forms.FloatField(
        label="Requests a second",
        min_value=0.001,
        max_value=1e6,
        error_messages={"min_value": "A rate is more than 0 requests a second."},
    )


def _concurrency(model: LatencyModel) -> forms.Field:
    most = int(model.levels[-1])
    return forms.IntegerField(
        label="Requests under way at a time",
        min_value=1,
        max_value=most,
        error_messages={
            "min_value": "At least one request is under way.",
            "max_value": f"The model goes up to {most} requests under way at a time.",
        },
    )


def _cpu(model: LatencyModel) -> forms.Field:
    least, most = model.cpu_millicores[0], model.cpu_millicores[-1]
    told = (
        f"The model goes from {formatting.cpu(least)} to {formatting.cpu(most)}, the largest size "
        f"of the run: give {least} to {most} millicores."
    )
    return forms.FloatField(
        label="CPU, millicores",
        min_value=least,
        max_value=most,
        error_messages={"min_value": told, "max_value": told},
    )
