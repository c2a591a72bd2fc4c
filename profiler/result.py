"""What a run leaves behind, whatever its end: the RESULT document."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from profiler.azureml import azureml_details
from profiler.errors import RunFailed
from profiler.measuring.measurement import SCHEMA_VERSION, Measurement
from profiler.sizing.advice import Advice
from profiler.sizing.diagnosing import Diagnosis
from profiler.sizing.evidence import REFERENCE, of_variant
from profiler.sizing.quota_model import Estimate
from profiler.sizing.rate_estimate import RateEstimate
from profiler.spec import Spec
from profiler.spec_reader.policy import policy_to_json


@dataclass
class Result:
    """`state` is succeeded, failed, cancelled or timed_out; `error` is set where it failed.

    `estimate` is the guess the search began with, `latency_model` what was fitted in the end
    (docs/what-if.md), `memory` and `startup` are what sizing.memory_facts and sizing.startup tell.
    Measurements are those that were finished, in the order they were taken. `spec` is None for a
    run that was refused.
    """

    state: str
    error: RunFailed | None = None
    advice: Advice | None = None
    measurements: list[Measurement] = field(default_factory=list)
    circumstances: dict = field(default_factory=dict)
    phases: list[dict] = field(default_factory=list)
    spec: Spec | None = None
    estimate: Estimate | RateEstimate | None = None
    memory: dict | None = None
    startup: dict | None = None
    diagnoses: list[Diagnosis] = field(default_factory=list)
    latency_model: dict | None = None
    name: str = ""

    @classmethod
    def refused(cls, failure: RunFailed) -> Result:
        """The result of a run that was never started."""
        return cls("failed", failure)

    def to_json(self) -> dict:
        return {
            "schema_version": SCHEMA_VERSION,
            "state": self.state,
            "error": self.error.to_json() if self.error else None,
            "advice": self.advice.to_json() if self.advice else None,
            "estimate": self.estimate.to_json() if self.estimate else None,
            "diagnoses": [diagnosis.to_json() for diagnosis in self.diagnoses],
            "latency_model": self.latency_model,
            "measurements": [measurement.to_json() for measurement in self.measurements],
            "memory": self.memory,
            "startup": self.startup,
            "azureml": self._azureml(),
            "policy": policy_to_json(self.spec.policy) if self.spec else None,
            "circumstances": self.circumstances,
            "phases": self.phases,
        }

    def summary(self) -> str:
        """One line for a terminal."""
        if self.error:
            return f"{self.state}: {self.error.code}: {self.error.message}"
        if self.advice is None:
            return f"{self.state} after {len(self.measurements)} measurements"
        return f"{self.state}: {self.advice.standing}: {self.advice.explanation}"

    def _azureml(self) -> dict:
        if self.spec is None:
            return {}
        stages = self.spec.load.stages
        advised = self.advice.variant if self.advice else self.spec.variant
        references = [m for m in of_variant(self.measurements, advised) if m.phase == REFERENCE]
        reference = next(reversed(references), None)
        return azureml_details(
            name=self.name,
            state=self.state,
            limits=self.spec.limits,
            reference=reference,
            advice=self.advice,
            requested_rps=stages[0].rate_rps if len(stages) == 1 else None,
            created_time=self.circumstances.get("started_at") or _now(),
            error=self.error.to_json() if self.error else None,
        )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
