"""What the API says of runs and measurements; units are in the names of the fields."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from profiler.spec_reader.policy import policy_to_json
from runs.applying import decisive_measurement
from runs.models import Measurement, ProfileRun
from runs.run_costs import RunCosts

JSON = serializers.JSONField


class CostSerializer(serializers.Serializer):
    """What a size costs by today's prices."""

    currency = serializers.CharField()
    per_hour = serializers.FloatField()
    per_1000_requests = serializers.FloatField(allow_null=True)


def cost_of(
    costs: RunCosts, cpu_millicores: int, memory_bytes: int, behind: Measurement | None
) -> dict | None:
    """CostSerializer's of a size; None where prices are missing."""
    per_hour = costs.per_hour(cpu_millicores, memory_bytes)
    if per_hour is None:
        return None
    return {
        "currency": costs.prices.currency,
        "per_hour": per_hour,
        "per_1000_requests": costs.per_1000(cpu_millicores, memory_bytes, behind),
    }


class RunSerializer(serializers.ModelSerializer):
    """A run in a list."""

    models = serializers.SerializerMethodField()
    config = serializers.CharField(source="config.ref", read_only=True)
    dataset = serializers.CharField(source="dataset.ref", read_only=True)
    target = serializers.CharField(source="target.name", read_only=True)
    created_by = serializers.SerializerMethodField()
    standing = serializers.SerializerMethodField()
    error_code = serializers.CharField(read_only=True)
    links = serializers.SerializerMethodField()

    class Meta:
        model = ProfileRun
        fields = (
            "uuid", "name", "state", "phase", "fraction", "models", "config", "dataset", "target",
            "standing", "error_code", "created_by", "created_at", "started_at", "finished_at",
            "links",
        )  # fmt: skip

    def get_models(self, run: ProfileRun) -> list[str]:
        return [model.ref for model in run.models.all()]

    def get_created_by(self, run: ProfileRun) -> str | None:
        return run.created_by and run.created_by.get_username()

    def get_standing(self, run: ProfileRun) -> str | None:
        return (run.advice or {}).get("standing")

    def get_links(self, run: ProfileRun) -> dict[str, str]:
        request = self.context["request"]
        names = {
            "self": "api_run_detail",
            "measurements": "api_measurement_list",
            "page": "run_detail",
            "status": "api_run_status",
            "log": "api_run_log",
        }
        return {key: reverse(name, args=[run.name], request=request) for key, name in names.items()}


class RunDetailSerializer(RunSerializer):
    """A run with everything it was asked and what came of it."""

    error = serializers.SerializerMethodField()
    advice = JSON(read_only=True)
    advice_cost = serializers.SerializerMethodField()
    inputs = serializers.SerializerMethodField()
    elapsed_s = serializers.FloatField(read_only=True, allow_null=True)
    load = JSON(read_only=True)
    objective = JSON(read_only=True)
    limits = JSON(read_only=True)
    estimate = JSON(read_only=True)
    budget = JSON(read_only=True)
    answers = JSON(read_only=True)
    policy = serializers.SerializerMethodField()
    memory_probe = serializers.BooleanField(read_only=True)
    circumstances = JSON(read_only=True)
    phase_times = JSON(read_only=True)
    azureml = JSON(read_only=True)
    diagnoses = JSON(source="result.diagnoses", read_only=True, default=None)
    memory = JSON(source="result.memory", read_only=True, default=None)
    startup = JSON(source="result.startup", read_only=True, default=None)
    latency_model = JSON(source="result.latency_model", read_only=True, default=None)

    class Meta(RunSerializer.Meta):
        fields = (
            *RunSerializer.Meta.fields, "attempt", "elapsed_s", "error", "advice", "advice_cost",
            "inputs", "question", "peak_rps", "estimate", "load", "objective", "limits", "budget",
            "answers", "policy", "memory_probe", "circumstances", "phase_times", "azureml",
            "diagnoses", "memory", "startup", "latency_model", "raw_dropped_at",
        )  # fmt: skip

    def get_error(self, run: ProfileRun) -> dict[str, str] | None:
        if not (run.error_code or run.error_message):
            return None
        return {
            "code": run.error_code,
            "message": run.error_message,
            "log_tail": run.error_log_tail,
        }

    @extend_schema_field(CostSerializer(allow_null=True))
    def get_advice_cost(self, run: ProfileRun) -> dict | None:
        if not run.advice:
            return None
        size = run.advice["cpu_millicores"], run.advice["memory_bytes"]
        return cost_of(RunCosts.of(run), *size, decisive_measurement(run))

    def get_policy(self, run: ProfileRun) -> dict:
        """Margins, grid, floors and defaults as they were when the run was asked for."""
        return policy_to_json(run.followed_policy)

    def get_inputs(self, run: ProfileRun) -> dict[str, dict[str, str | None]]:
        """The content hash of each input by its name:version."""
        return run.input_hashes


class ValiditySerializer(serializers.Serializer):
    valid = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    findings = serializers.ListField(child=serializers.DictField(), default=list)


class MeasurementSerializer(serializers.ModelSerializer):
    """A measurement's figures; those that an older version did not know yet are null."""

    validity = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()

    class Meta:
        model = Measurement
        fields = (
            "ordinal", "phase", "cpu_millicores", "memory_bytes", "outcome", "validity", "cost",
        )  # fmt: skip

    #: Keys of the engine's measurement that a list carries beside the row's own. JSON where the
    #: value is a list or an object.
    FIGURES = {
        "outcome_reasons": JSON, "outcome_findings": JSON, "warnings": JSON,
        "warning_findings": JSON,
        "limits_enforced": serializers.BooleanField, "duration_s": serializers.FloatField,
        "requests": serializers.IntegerField, "errors": serializers.IntegerField,
        "error_counts": JSON, "concurrency": serializers.IntegerField,
        "offered_rps": serializers.FloatField, "achieved_rps": serializers.FloatField,
        "latency_ms": JSON, "latency_interval_ms": JSON, "latency_estimates": JSON,
        "latency_from_send_ms": JSON,
        "cpu_seconds_per_request": serializers.FloatField,
        "cpu_millicores_used": serializers.FloatField,
        "throttled_fraction": serializers.FloatField,
        "memory_working_set_peak_bytes": serializers.IntegerField,
        "memory_kernel_peak_bytes": serializers.IntegerField,
        "memory_startup_peak_bytes": serializers.IntegerField,
        "memory_steady_peak_bytes": serializers.IntegerField,
        "oom_kills": serializers.IntegerField, "startup_s": serializers.FloatField,
    }  # fmt: skip

    def get_fields(self) -> dict:
        figures = {
            name: kind(
                read_only=True, source=f"data.{name}", default=None,
                **({} if kind is JSON else {"allow_null": True}),
            )
            for name, kind in self.FIGURES.items()
        }  # fmt: skip
        return {**super().get_fields(), **figures}

    @extend_schema_field(CostSerializer(allow_null=True))
    def get_cost(self, row: Measurement) -> dict | None:
        """Of the size it was taken at."""
        costs = RunCosts(self.context["prices"], row.run.config.gpus)
        return cost_of(costs, row.cpu_millicores, row.memory_bytes, row)

    def get_validity(self, row: Measurement) -> ValiditySerializer:
        return {"findings": [], **row.data["validity"]}


class MeasurementDetailSerializer(MeasurementSerializer):
    """With `document`, all that the engine wrote, windows included."""

    document = JSON(source="data", read_only=True)

    class Meta(MeasurementSerializer.Meta):
        fields = (*MeasurementSerializer.Meta.fields, "document")


class SizeSerializer(serializers.Serializer):
    """A measured size as one to use: `refused` says why it cannot be, and then the rest is null.

    `standing` is `measured` unless it is the advised size; `doubts` are what whoever applies it has
    to confirm.
    """

    measurement = serializers.IntegerField(source="row.ordinal")
    cpu_millicores = serializers.IntegerField(source="row.cpu_millicores")
    outcome = serializers.CharField(source="row.outcome")
    valid = serializers.BooleanField(source="row.valid")
    refused = serializers.CharField(allow_null=True)
    memory_bytes = serializers.SerializerMethodField()
    gpu_memory_bytes = serializers.SerializerMethodField()
    standing = serializers.SerializerMethodField()
    doubts = serializers.SerializerMethodField()
    memory_reason = serializers.SerializerMethodField()

    def get_memory_bytes(self, one: dict) -> int | None:
        return one["size"] and one["size"].memory_bytes

    def get_gpu_memory_bytes(self, one: dict) -> int | None:
        return one["size"] and one["size"].gpu_memory_bytes

    def get_standing(self, one: dict) -> str | None:
        return one["size"] and one["size"].standing

    def get_doubts(self, one: dict) -> list[str] | None:
        return one["size"] and list(one["size"].doubts)

    def get_memory_reason(self, one: dict) -> str | None:
        return one["size"] and one["size"].memory_reason


class ComparedRunSerializer(serializers.Serializer):
    """A run against the base: its comparison by phase (`measuring` at the largest size,
    `verifying` at the verified one), as docs/comparing.md has it, or why there is none."""

    run = serializers.CharField(source="run.name")
    why_not = serializers.CharField()
    comparisons = serializers.SerializerMethodField()

    def get_comparisons(self, against) -> dict[str, dict]:
        return {phase: one.to_json() for phase, one in against.by_phase.items()}


class RunComparisonSerializer(serializers.Serializer):
    base = serializers.CharField(source="base.name")
    runs = ComparedRunSerializer(source="others", many=True)
