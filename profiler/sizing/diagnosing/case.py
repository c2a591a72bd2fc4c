"""The measurements of one variant of a config, and what the rules of diagnosis ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement
from profiler.spec import ScoredConfig, Spec, Variant

#: From this share of the median latency on, a request computes rather than waits.
COMPUTES_SHARE = 0.5


@dataclass(frozen=True)
class Case:
    """The measurements, and what the rules ask of them."""

    measurements: Sequence[Measurement]
    spec: Spec
    cpu_millicores: int

    @property
    def reference(self) -> Measurement:
        """The first believed at the largest size, or else the first of all."""
        believed = (m for m in self.measurements if m.validity.valid)
        return next(believed, self.measurements[0])

    @property
    def is_scored(self) -> bool:
        return isinstance(self.spec.config, ScoredConfig)

    @property
    def workers(self) -> int:
        return self.spec.config.workers if self.is_scored else 1

    @property
    def cores(self) -> int:
        """On how many cores threads can be at work for all of the time that the size gives."""
        return ceil(self.cpu_millicores / 1000)

    def most(self, name: str) -> float | None:
        """The largest value that was measured; None where none is known."""
        values = [getattr(m, name) for m in self.measurements]
        return max((value for value in values if value is not None), default=None)

    @property
    def most_used_at_largest(self) -> float | None:
        """Millicores used there under the heaviest load; None where that is not known."""
        at_largest = [
            m for m in self.measurements if m.cpu_millicores == self.reference.cpu_millicores
        ]
        believed = [m for m in at_largest if m.validity.valid] or at_largest
        used = [m.cpu_millicores_used for m in believed]
        return max((one for one in used if one is not None), default=None)

    @property
    def throttled(self) -> float:
        return self.most("throttled_fraction") or 0.0

    @property
    def computes(self) -> bool:
        """Whether a request's time at the largest size is mostly cpu time."""
        cost_s = self.reference.cpu_seconds_per_request
        latency = self.reference.latency
        median_ms = latency.p50 if latency else None
        return bool(cost_s and median_ms) and cost_s * 1000 >= COMPUTES_SHARE * median_ms

    def changed(self, **changes: object) -> Variant:
        """The measured variant with other workers or more variables."""
        now = self.spec.variant
        env = now.env | changes.get("env", {})
        return Variant(changes.get("workers", now.workers), env)

    def disturbed(self, codes: tuple[str, ...]) -> list[Measurement]:
        """Those with a finding of one of these codes."""
        return [m for m in self.measurements if any(one.code in codes for one in findings(m))]


def findings(measurement: Measurement) -> tuple[Finding, ...]:
    """Reasons not to believe it, and warnings."""
    return measurement.validity.findings + measurement.warning_findings
