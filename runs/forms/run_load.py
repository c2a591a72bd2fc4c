"""The load of a new run: when requests are sent, and which."""

from __future__ import annotations

import json
from dataclasses import fields

from django import forms
from django.core.exceptions import ValidationError

from profiler.spec import Load
from runs.forms.kept_files import KeptFiles
from runs.forms.run_fields import ArrivalsField, StagesField, given, number
from runs.models import ProfileRun, StagedUpload

CLOSED, OPEN, RECORDED = "closed", "open", "recorded"

DEFAULT_TIMEOUT_S = next(field.default for field in fields(Load) if field.name == "timeout_s")


class LoadFields(KeptFiles):
    kept_as = {"arrivals_file": StagedUpload.Purpose.ARRIVALS}

    load_mode = forms.ChoiceField(
        label="Requests are sent",
        choices=(
            (CLOSED, "When one is answered"),
            (OPEN, "At a rate"),
            (RECORDED, "At recorded times"),
        ),
        widget=forms.RadioSelect,
        initial=CLOSED,
    )
    concurrency = forms.IntegerField(
        required=False, widget=number(1, "1"), label="Requests under way at a time"
    )
    rate_rps = forms.FloatField(
        required=False, widget=number("such as 50"), label="Requests a second"
    )
    arrivals = forms.ChoiceField(
        required=False,
        choices=(("poisson", "At random (Poisson)"), ("constant", "Evenly spaced")),
        help_text="Users come at random, and so in bunches: harder than evenly spaced.",
    )
    arrivals_file = ArrivalsField(
        required=False,
        label="Recorded times",
        help_text="A time a line (seconds, or ISO 8601), or CSV with a column at_s, time or "
        f"timestamp. {ArrivalsField.MOST:,} at most.",
    )
    #: The run whose recorded times are taken where no file is chosen.
    recorded_in = forms.CharField(required=False, widget=forms.HiddenInput)
    speed = forms.FloatField(
        required=False, widget=number("1"), label="Speed", help_text="2 is twice as fast."
    )
    order = forms.ChoiceField(
        required=False,
        label="Order of the rows",
        choices=(("sequential", "As in the dataset"), ("shuffled", "Shuffled, by a fixed seed")),
    )
    timeout_s = forms.FloatField(
        required=False,
        widget=number(f"{DEFAULT_TIMEOUT_S:g}"),
        label="Time-out of a request, seconds",
    )
    stages = StagesField(
        required=False,
        label="Load in stages, as JSON",
        widget=forms.Textarea(
            attrs={
                "rows": 3,
                "class": "mono",
                "spellcheck": "false",
                "placeholder": '[{"mode": "open", "rate_rps": 20, "duration_s": 30}, ...]',
            }
        ),
        help_text="In place of all of the above: the load of a spec, a list of stages.",
    )

    def clean_stages(self) -> dict | list | None:
        stages = self.cleaned_data["stages"]
        if stages in ([], {}, ""):
            raise ValidationError("There are no stages in it; leave it empty for the load above.")
        return stages

    def settle_times(self, cleaned: dict) -> None:
        """Recorded times must come from somewhere."""
        if cleaned["load_mode"] != RECORDED or cleaned["stages"] is not None:
            return
        if cleaned["arrivals_file"] is None:
            cleaned["arrivals_file"] = recorded_times(cleaned["recorded_in"])
        if cleaned["arrivals_file"] is None:
            self.add_error("arrivals_file", "Choose the file with the recorded times.")

    @property
    def recorded_note(self) -> str:
        """Which times are taken where no file is chosen."""
        name = self["recorded_in"].value()
        times = recorded_times(name) if name else None
        return f"Left empty: the {len(times):,} times of {name}." if times else ""

    def load_asked_for(self) -> dict | list:
        """The spec's `load`."""
        cleaned = self.cleaned_data
        if cleaned["stages"] is not None:
            return cleaned["stages"]
        if cleaned["load_mode"] == RECORDED:
            stage = {
                "mode": OPEN,
                "arrivals": RECORDED,
                "times_s": cleaned["arrivals_file"],
                "speed": cleaned["speed"],
            }
        elif cleaned["load_mode"] == OPEN:
            stage = {"mode": OPEN, "rate_rps": cleaned["rate_rps"], "arrivals": cleaned["arrivals"]}
        else:
            asked, least = cleaned["concurrency"], 1
            stage = {"mode": CLOSED, "concurrency": least if asked is None else asked}
        return given({**stage, "order": cleaned["order"], "timeout_s": cleaned["timeout_s"]})


def recorded_times(run_name: str) -> list[float] | None:
    """The times of a run's load, when it is a single recorded stage."""
    run = ProfileRun.objects.filter(name=run_name).only("load").first()
    return run.load.get("times_s") if run and isinstance(run.load, dict) else None


def load_initial(run: ProfileRun) -> dict:
    """A single stage without an end fits the fields; anything else is shown as it is."""
    load = run.load
    in_fields = {"mode", "concurrency", "rate_rps", "arrivals", "order", "timeout_s", "speed"}
    if isinstance(load, dict) and set(load) - {"times_s"} <= in_fields:
        rest = {key: value for key, value in load.items() if key not in ("mode", "times_s")}
        if load.get("arrivals") == RECORDED:
            return {**rest, "load_mode": RECORDED, "recorded_in": run.name, "arrivals": None}
        return {**rest, "load_mode": load.get("mode", CLOSED)}
    return {"stages": json.loads(json.dumps(load))}
