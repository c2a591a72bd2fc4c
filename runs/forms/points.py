"""What is asked for of the points behind a chart, as it stands in the address of their page."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms

from profiler.samples import OUTCOMES
from runs.forms.styling import StyledForm
from runs.points import SORTS, Points
from runs.raw_data import Kept


class PointsForm(StyledForm):
    """Filters of one series; `from` is a word of Python's, so the fields are put together here."""

    m = forms.TypedChoiceField(label="Measurement", coerce=int)

    def __init__(self, data: dict, kept: Kept, choices: Sequence[tuple[int, str]]) -> None:
        super().__init__({"m": kept.ordinal, "sort": "time"} | data)
        self.kept = kept
        self.fields["m"].choices = choices
        for name, label in (("from", "From, s"), ("to", "To, s")):
            self.fields[name] = forms.FloatField(label=label, required=False)
            self.fields[name].widget.attrs["step"] = "any"
        if kept.series == "requests":
            self.fields["outcome"] = forms.TypedChoiceField(
                label="Outcome",
                required=False,
                coerce=OUTCOMES.index,
                empty_value=None,
                choices=[("", "Any"), *((name, name.replace("_", " ")) for name in OUTCOMES)],
            )
            self.fields["row"] = forms.IntegerField(
                label="Dataset row", required=False, min_value=1
            )
        sorts = SORTS if kept.series == "requests" else SORTS[:2]
        self.fields["sort"] = forms.ChoiceField(
            choices=[(name, name) for name in sorts], widget=forms.HiddenInput
        )

    def clean(self) -> dict:
        begin, end = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if begin is not None and end is not None and begin > end:
            self.add_error("to", "The end is before the beginning.")
        return self.cleaned_data

    def points(self) -> Points:
        """What a valid form asks for."""
        asked = self.cleaned_data
        return Points(
            self.kept,
            from_s=asked["from"],
            to_s=asked["to"],
            outcome=asked.get("outcome"),
            row=asked.get("row"),
            sort=asked["sort"],
        )
