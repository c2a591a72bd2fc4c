"""A new run: model, config and dataset are enough; the rest has defaults that are shown."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from profiler.spec import STANDARD, Budget
from profiler.spec_reader.policy import policy_of, policy_to_json
from profiler.units import MIB
from runs.formatting import cpu, memory
from runs.forms.names import NameField
from runs.forms.problems import OURS, add_problem
from runs.forms.run_answers import KEYS as ANSWER_KEYS
from runs.forms.run_answers import AnswersFields
from runs.forms.run_concurrency import ConcurrencyFields
from runs.forms.run_fields import (
    PercentField,
    PolicyChoice,
    RefChoice,
    RefChoices,
    TargetChoice,
    given,
    number,
    percent,
    searchable,
)
from runs.forms.run_load import OPEN, LoadFields
from runs.models import Dataset, InferenceConfig, ProfileRun, RegisteredModel, SizingPolicy, Target
from runs.policy_facts import policy_facts
from runs.spec_check import problems_of, why_name_refused, why_target_refused

RELATIVE, BOUND = "relative", "bound"

DEFAULT_OBJECTIVE, DEFAULT_BUDGET = policy_to_json(STANDARD)["objective"], Budget()

#: Place in the spec -> the field that it comes from; the longest that fits counts.
FIELDS = {
    "models": "models",
    "config": "config",
    "config.workers": "workers_to_try",
    "config.threads": "threads_to_try",
    "dataset": "dataset",
    "target": "target",
    "load": "stages",
    "load.concurrency": "concurrency",
    "load.rate_rps": "rate_rps",
    "load.arrivals": "arrivals",
    "load.times_s": "arrivals_file",
    "load.speed": "speed",
    "load.order": "order",
    "load.timeout_s": "timeout_s",
    "objective": "percentile",
    "objective.latency_ms": "latency_ms",
    "objective.latency_ratio": "latency_ratio",
    "objective.throughput_share": "throughput_share",
    "objective.max_error_rate": "max_error_rate",
    "objective.confidence": "confidence",
    "answers": "json_path",
    **{f"answers.{key}": key for key in ANSWER_KEYS},
    "limits.cpu_millicores": "cpu_millicores",
    "limits.memory_bytes": "memory_mib",
    "budget.duration_s": "duration_s",
    "budget.build_s": "build_s",
    "policy": "policy",
    "memory_probe": "memory_probe",
    "question": "question",
    "peak_rps": "peak_rps",
    "load.mode": "load_mode",
}


class NewRunForm(LoadFields, AnswersFields, ConcurrencyFields):
    models = RefChoices(
        required=False,
        queryset=RegisteredModel.objects.select_related("files").order_by("name", "-version"),
        widget=forms.SelectMultiple(attrs={**searchable(), "size": 4}),
        help_text="One or several, or none when the service brings its own.",
    )
    config = RefChoice(
        queryset=InferenceConfig.objects.select_related("files").order_by("name", "-version"),
        widget=forms.Select(attrs=searchable()),
        empty_label="Choose a config",
    )
    dataset = RefChoice(
        queryset=Dataset.objects.select_related("files")
        .defer("preview")
        .order_by("name", "-version"),
        widget=forms.Select(attrs=searchable()),
        empty_label="Choose a dataset",
    )
    target = TargetChoice(
        queryset=Target.objects.available().prefetch_related("heartbeats"),
        empty_label="Choose a target",
    )
    policy = PolicyChoice(
        queryset=SizingPolicy.objects.for_list(),
        required=False,
        empty_label=None,
        help_text="Margins, the sizes that are tried, and what the objective leaves open.",
    )
    question = forms.ChoiceField(
        required=False,
        label="What do you want to know?",
        choices=ProfileRun.Question.choices,
        widget=forms.RadioSelect,
        initial=ProfileRun.Question.SIZE,
    )
    peak_rps = forms.FloatField(
        required=False,
        widget=number("such as 1000"),
        label="Peak, requests a second",
        help_text="Of all replicas together: how many are needed is then said too.",
    )
    name = NameField(required=False, help_text="Left empty: the model's name with a number.")
    #: The run that this one repeats, to show what is different.
    clone = forms.CharField(required=False, widget=forms.HiddenInput)

    objective_kind = forms.ChoiceField(
        label="Good enough is",
        choices=((RELATIVE, "Nearly as fast as the largest size"), (BOUND, "A latency bound")),
        widget=forms.RadioSelect,
        initial=RELATIVE,
    )
    percentile = forms.FloatField(required=False, widget=number(), label="Percentile")
    latency_ms = forms.FloatField(
        required=False, widget=number("such as 50"), label="At most, milliseconds"
    )
    latency_ratio = forms.FloatField(
        required=False,
        widget=number(),
        label="Latency at most, times the largest size's",
    )
    throughput_share = PercentField(
        required=False,
        min_value=1,
        max_value=100,
        widget=number(),
        label="Throughput at least, % of the largest size's",
    )
    max_error_rate = PercentField(
        required=False,
        min_value=0,
        max_value=50,
        widget=number(),
        label="Errors allowed, %",
    )
    confidence = PercentField(
        required=False,
        min_value=50,
        max_value=99.99,
        widget=number(),
        label="Confidence, %",
    )

    cpu_millicores = forms.IntegerField(
        required=False,
        widget=number("all of the target's", "1"),
        label="CPU, millicores",
        help_text="1000 is one core.",
    )
    memory_mib = forms.IntegerField(
        required=False, widget=number("all of the target's", "1"), label="Memory, MiB"
    )
    duration_s = forms.FloatField(
        required=False,
        widget=number(f"{DEFAULT_BUDGET.duration_s:g}"),
        label="Measuring, seconds",
        help_text="From the service's start. Ending early gives a provisional size.",
    )
    build_s = forms.FloatField(
        required=False,
        widget=number(f"{DEFAULT_BUDGET.build_s:g}"),
        label="Building its environment, seconds",
    )

    memory_probe = forms.BooleanField(
        required=False,
        label="Lower the memory limit until it hurts",
        help_text="Tells memory that is needed from memory that was only touched, such as cached "
        "files. Takes up to 40 s more; needs a Docker target.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.policies = list(self.fields["policy"].queryset)
        self._show_defaults_of(self.policies)

    @property
    def policy_facts(self) -> list[list[tuple[str, str]]]:
        """What each policy says, to choose by."""
        return [policy_facts(policy_of(row.as_spec())) for row in self.policies]

    def _show_defaults_of(self, policies: list[SizingPolicy]) -> None:
        """What is left empty is the policy's: its values in grey, where there is but one."""
        if len(policies) > 1:
            written = dict.fromkeys(DEFAULT_OBJECTIVE, "the policy's")
        else:
            values = policies[0].as_spec()["objective"] if policies else DEFAULT_OBJECTIVE
            written = {key: self._written(key, value) for key, value in values.items()}
        for key, placeholder in written.items():
            self.fields[key].widget.attrs["placeholder"] = placeholder

    def _written(self, key: str, value: float) -> str:
        return percent(value) if isinstance(self.fields[key], PercentField) else f"{value:g}"

    LIMITS = ("cpu_millicores", "memory_mib", "duration_s", "build_s", "memory_probe")

    @property
    def limits_open(self) -> bool:
        """Whether anything among limits and budget was set, or is wrong."""
        return any(self[name].value() or self[name].errors for name in self.LIMITS)

    @property
    def limits_words(self) -> str:
        return f"the target's largest size, {DEFAULT_BUDGET.duration_s:g} s of measuring"

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if name and (reason := why_name_refused(name)):
            raise ValidationError(reason)
        return name

    def clean_target(self) -> Target:
        target = self.cleaned_data["target"]
        if reason := why_target_refused(target):
            raise ValidationError(reason)
        return target

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors:
            self.settle_times(cleaned)
        if self.errors:
            return cleaned
        problems = problems_of(ProfileRun(**self.asked_for()), list(cleaned["models"]))
        self._check_limits(cleaned, cleaned["target"])
        if cleaned["objective_kind"] == BOUND and cleaned["latency_ms"] is None:
            self._refuse("latency_ms", "Say how many milliseconds are good enough.")
        if cleaned["question"] == ProfileRun.Question.RATE:
            self._check_rate(cleaned)
        for problem in problems:
            add_problem(self, problem, FIELDS)
        return cleaned

    def _check_limits(self, cleaned: dict, target: Target) -> None:
        """In the units of the form; the engine would say it in bytes."""
        if (cleaned.get("cpu_millicores") or 0) > target.max_cpu_millicores:
            largest = cpu(target.max_cpu_millicores)
            self._refuse("cpu_millicores", f"{target.name} has at most {largest}.")
        if (cleaned.get("memory_mib") or 0) * MIB > target.max_memory_bytes:
            largest = memory(target.max_memory_bytes)
            self._refuse("memory_mib", f"{target.name} has at most {largest}.")

    def _check_rate(self, cleaned: dict) -> None:
        """In the words of the form, at what is chosen in it."""
        if cleaned["stages"] is None and cleaned["load_mode"] != OPEN:
            self._refuse("load_mode", "A rate is searched by sending at one: choose At a rate.")
        if cleaned["objective_kind"] != BOUND:
            self._refuse("objective_kind", "A rate needs a bound: choose A latency bound.")

    def _refuse(self, field: str, message: str) -> None:
        self.add_error(field, ValidationError(message, code=OURS))

    def asked_for(self) -> dict:
        """The fields of the run; what was left empty is left to the engine."""
        cleaned = self.cleaned_data
        limits = {
            "cpu_millicores": cleaned["cpu_millicores"],
            "memory_bytes": cleaned["memory_mib"] and cleaned["memory_mib"] * MIB,
        }
        return {
            "config": cleaned["config"],
            "dataset": cleaned["dataset"],
            "target": cleaned["target"],
            "load": self.load_asked_for(),
            "answers": self.answers_asked_for(),
            "concurrency": self.concurrency_asked_for(),
            "objective": self._objective(),
            "limits": given(limits),
            "memory_probe": cleaned["memory_probe"],
            "budget": given({key: cleaned[key] for key in ("duration_s", "build_s")}),
            "policy": self._policy(),
            "question": cleaned["question"] or ProfileRun.Question.SIZE,
            "peak_rps": self._peak_rps(),
        }

    def _peak_rps(self) -> float | None:
        """What was left in a field that is not shown was not asked for."""
        is_rate = self.cleaned_data["question"] == ProfileRun.Question.RATE
        return self.cleaned_data["peak_rps"] if is_rate else None

    def _policy(self) -> dict:
        chosen = self.cleaned_data["policy"]
        return chosen.as_spec() if chosen else SizingPolicy.objects.default_spec()

    def _objective(self) -> dict:
        cleaned = self.cleaned_data
        keys = ["percentile", "max_error_rate", "confidence", "throughput_share"]
        keys.append("latency_ms" if cleaned["objective_kind"] == BOUND else "latency_ratio")
        return given({key: cleaned[key] for key in keys})

    def submit(self, user) -> ProfileRun | None:
        """Queue the run; None, with an error at the name, when someone just took it."""
        try:
            run = ProfileRun.objects.submit(
                models=list(self.cleaned_data["models"]),
                name=self.cleaned_data["name"],
                created_by=user,
                **self.asked_for(),
            )
        except IntegrityError:
            self.add_error("name", "Another run just took that name.")
            return None
        self.forget_files()
        return run
