"""What size to use and how well that is known: a pure function of measurements and policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.sizing.case import Case
from profiler.sizing.explanation import size_of
from profiler.sizing.memory import gpu_memory_needed
from profiler.sizing.uncertainty import Uncertainty
from profiler.spec import AS_GIVEN, Limits, Load, Objective, Policy, Spec, Variant
from profiler.threads import threads_of

Standing = Literal["verified", "provisional", "declined"]


@dataclass(frozen=True)
class Advice:
    """A size, how well it is known, and why. A declined advice has no size to apply.

    `gpu_memory_bytes` is for each of its GPUs; None where it has none. `uncertainty` says how far
    the size could be off; None where there is no size. `capacity_rps` is the highest rate that
    this size was found to take, where that was asked; so many `replicas` of it then share a peak.
    The size is that of `workers` (None: an image's own) and `threads` (None: as libraries choose),
    which is `variant` of the config as given.
    """

    standing: Standing
    reasons: tuple[str, ...]
    cpu_millicores: int | None
    memory_bytes: int | None
    explanation: str
    gpu_memory_bytes: int | None = None
    uncertainty: Uncertainty | None = None
    capacity_rps: float | None = None
    replicas: int | None = None
    rps_per_replica: float | None = None
    workers: int | None = None
    threads: int | None = None
    variant: Variant = AS_GIVEN

    def of(self, spec: Spec, also: str) -> Advice:
        """The advice as one of a variant of the config, `also` a sentence about other variants."""
        return replace(
            self,
            workers=getattr(spec.config, "workers", None),
            threads=threads_of(spec.config.env),
            variant=spec.variant,
            explanation=f"{self.explanation} {also}".strip(),
        )

    def to_json(self) -> dict:
        range_ = self.uncertainty
        return {
            **self.__dict__,
            "reasons": list(self.reasons),
            "variant": self.variant.to_json(),
            "uncertainty": range_.to_json() if range_ else None,
        }


def advise(
    measurements: Sequence[Measurement],
    *,
    points: tuple[int, ...],
    limits: Limits,
    objective: Objective,
    load: Load,
    limits_enforced: bool,
    budget_ended: bool = False,
    policy: Policy,
    survey: Survey | None = None,
) -> Advice:
    """The advice that these measurements support; see DESIGN's rules of sizing.

    Verified only when a fresh service at exactly the advised size, under enforced limits, kept the
    objective. `budget_ended` says that the run stopped before it had measured all it wanted.
    """
    case = Case(tuple(measurements), points, limits, objective, load, policy, survey)
    refusal = case.refusal(budget_ended)
    if refusal:
        return Advice("declined", refusal, None, None, " ".join(refusal))
    verified = case.verified() if limits_enforced else None
    if verified:
        size, standing, reasons = size_of(verified), "verified", ()
    else:
        size = case.best_known_size() if limits_enforced else case.size_by_use()
        standing, reasons = "provisional", case.doubts(limits_enforced, budget_ended)
    return Advice(
        standing, reasons, size.cpu_millicores, size.memory_bytes, case.explain(size, verified),
        gpu_memory_needed(measurements, policy), case.uncertainty(size, verified),
    )  # fmt: skip
