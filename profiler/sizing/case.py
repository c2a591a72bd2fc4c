"""The evidence of one run, and the questions an advice asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.sizing import explanation
from profiler.sizing.evidence import (
    REFERENCE,
    SIZING,
    VERIFYING,
    latest_at,
    leaks,
    outcomes,
    proof,
)
from profiler.sizing.explanation import cpu_text, size_of, size_text
from profiler.sizing.memory import gpu_memory_needed, memory_needed, peaks
from profiler.sizing.pressure import lacks_memory, needs_memory
from profiler.sizing.search import Answer, next_probe
from profiler.sizing.steps import step_up
from profiler.sizing.uncertainty import Uncertainty, uncertainty
from profiler.spec import Limits, Load, Objective, Policy


@dataclass(frozen=True)
class Case:
    """The evidence of one run, and the questions an advice asks of it."""

    measurements: tuple[Measurement, ...]
    points: tuple[int, ...]
    limits: Limits
    objective: Objective
    load: Load
    policy: Policy
    survey: Survey | None = None

    def of_phase(self, phase: str) -> list[Measurement]:
        return [measurement for measurement in self.measurements if measurement.phase == phase]

    @property
    def reference(self) -> Measurement | None:
        """The last measurement at the largest size (an invalid one is repeated)."""
        return next(reversed(self.of_phase(REFERENCE)), None)

    @property
    def memory_bytes(self) -> int | None:
        """What the peaks come to; None where none is known."""
        return memory_needed(self.measurements, self.limits, self.policy, self.survey)

    def refusal(self, budget_ended: bool) -> tuple[str, ...]:
        """Why there can be no advice at all; empty when there can."""
        reference = self.reference
        if reference is None:
            return ("Nothing was measured at the largest size.",)
        if not reference.validity.valid:
            return ("The measurement at the largest size is invalid.", *reference.validity.reasons)
        if reference.outcome != "passed":
            return (
                f"No size passes: {size_text(size_of(reference))}, the largest allowed, "
                f"{'did not keep' if reference.outcome == 'failed' else 'was not proven to keep'} "
                f"the objective ({'; '.join(reference.outcome_reasons)}).",
            )
        leaking = leaks(self.measurements)
        if leaking:
            return (explanation.leak_sentence(leaking[-1]),)
        if self.memory_bytes is None:
            return ("The memory in use could not be measured.",)
        return self._refused_by_verification(budget_ended)

    def _refused_by_verification(self, budget_ended: bool) -> tuple[str, ...]:
        """Verification did not pass, at any step that may be taken."""
        tried = self.of_phase(VERIFYING)
        if not tried or tried[-1].is_believed_pass:
            return ()
        last = tried[-1]
        if budget_ended and (last.outcome != "failed" or self._next_step()):
            return ()
        if not last.validity.valid:
            return ("The verifying measurement is invalid.", *last.validity.reasons)
        sizes = ", ".join(dict.fromkeys(size_text(size_of(m)) for m in tried))
        refusal = (
            f"Verification did not pass at {sizes} "
            f"(at the last: {'; '.join(last.outcome_reasons)})."
        )
        if not self._steps_are_used_up():
            return (refusal,)  # it was the limits that ended the steps up
        steps = self.policy.steps_up
        return refusal, f"Policy {self.policy.name} takes no more than {steps} steps up."

    def _steps_are_used_up(self) -> bool:
        tried = self.of_phase(VERIFYING)
        return len({size_of(m) for m in tried if not self._is_smaller(m)}) > self.policy.steps_up

    def _is_smaller(self, tried: Measurement) -> bool:
        """Whether a proof was of the cpu that was found with less memory than the peaks come to: a
        size that is tried beside the steps.
        """
        found_millicores = self.of_phase(VERIFYING)[0].cpu_millicores
        less = self.memory_bytes is not None and tried.memory_bytes < self.memory_bytes
        return less and tried.cpu_millicores == found_millicores

    def _next_step(self) -> Limits | None:
        """The size to verify after the last one failed; None when no step up is left."""
        last = self.of_phase(VERIFYING)[-1]
        if self._steps_are_used_up():
            return None
        if self._is_smaller(last) and lacks_memory(last, self.reference):
            return Limits(last.cpu_millicores, self.memory_bytes)
        lacks = needs_memory(last, self.reference)
        return step_up(
            size_of(last), self.points, self.limits, out_of_memory=lacks, policy=self.policy
        )

    def verified(self) -> Measurement | None:
        """The verifying measurement that proves a size: of a fresh service, its start included,
        held to the size, which is within the run's limits.
        """
        found = proof(self.measurements)
        within = (
            found is not None
            and found.cpu_millicores <= self.limits.cpu_millicores
            and found.memory_bytes <= self.limits.memory_bytes
        )
        return found if within else None

    def best_known_size(self) -> Limits:
        """Without proof: the size whose verification is due, else the smallest that passed."""
        tried = self.of_phase(VERIFYING)
        if tried and tried[-1].outcome == "failed":
            return self._next_step()
        if tried:
            return size_of(tried[-1])
        found = outcomes(self.measurements)
        passed = [cpu for cpu, outcome in found.items() if outcome == "passed"]
        return Limits(min(passed), self.memory_bytes)

    def size_by_use(self) -> Limits:
        """Where no quota can be held: the grid's first size over the most used in any second."""
        used = self.reference.cpu_millicores_used_max or self.reference.cpu_millicores
        wanted = used * (1 + self.policy.cpu_margin)
        cpu = next((point for point in self.points if point >= wanted), self.points[-1])
        return Limits(cpu, self.memory_bytes)

    def doubts(self, limits_enforced: bool, budget_ended: bool) -> tuple[str, ...]:
        """Why the size is not verified."""
        doubts = []
        if not limits_enforced:
            doubts.append(
                "Limits could not be enforced on this target: no smaller cpu could be tried, and "
                "the service was never held to the advised size."
            )
        if budget_ended:
            doubts.append(f"The run's budget ended before {self._missing()}.")
        return tuple(doubts) or ("The size was not verified.",)

    def _missing(self) -> str:
        tried = self.of_phase(VERIFYING)
        if tried and tried[-1].outcome == "failed":
            failed = size_text(size_of(tried[-1]))
            return f"this size could be verified, after verification failed at {failed}"
        step = next_probe(self.points, outcomes(self.measurements))
        if isinstance(step, Answer):
            return "a fresh service at this size had kept the objective"
        return f"the search was done (next would have been {cpu_text(step)})"

    def _range_sentence(self, size: Limits, verified: Measurement | None) -> str:
        """Only of a proven size that a smaller one might replace; else the reasons have said it."""
        found = self.uncertainty(size, verified)
        low, high = found.cpu_millicores
        return found.more_data if verified and low < high else ""

    def _failed_above(self, cpu_millicores: int) -> list[int]:
        """Larger sizes that were measured to fail, smallest first."""
        found = outcomes(self.measurements).items()
        return sorted(cpu for cpu, outcome in found if outcome == "failed" and cpu > cpu_millicores)

    def uncertainty(self, size: Limits, verified: Measurement | None) -> Uncertainty:
        known = [peak for peak in peaks(self.measurements, self.survey) if peak is not None]
        return uncertainty(
            self.measurements, self.points, size, is_verified=verified is not None,
            largest=self.limits, memory_peak_bytes=max(known, default=None),
        )  # fmt: skip

    def explain(self, size: Limits, verified: Measurement | None) -> str:
        """One paragraph: the objective, the reference, why this cpu, why this memory, the proof."""
        probes = [m for m in self.measurements if m.phase in (REFERENCE, SIZING)]
        smaller = [point for point in self.points if point < size.cpu_millicores]
        if self.reference.limits_enforced:
            why_cpu = explanation.cpu_sentence(
                size.cpu_millicores,
                self.points,
                latest_at(probes, size.cpu_millicores),
                latest_at(probes, smaller[-1], believed=False) if smaller else None,
                self.policy,
            )
        else:
            why_cpu = explanation.cpu_by_use_sentence(
                self.reference.cpu_millicores_used_max, self.policy, size.cpu_millicores
            )
        sentences = [
            explanation.objective_sentence(self.objective, self.load),
            explanation.reference_sentence(self.reference),
            why_cpu,
            explanation.larger_failures_sentence(
                size.cpu_millicores, self._failed_above(size.cpu_millicores)
            ),
            explanation.memory_sentence(
                *peaks(self.measurements, self.survey),
                size.memory_bytes,
                self.policy,
                self.memory_bytes,
            ),
            explanation.gpu_memory_sentence(
                [m.gpu for m in self.measurements if m.is_believed_pass and m.gpu is not None],
                self.policy.memory_margin,
                self.policy.memory_step_bytes,
                gpu_memory_needed(self.measurements, self.policy),
            ),
            explanation.verified_sentence(verified) if verified else "",
            explanation.reads_sentence(verified, self.memory_bytes) if verified else "",
            self._range_sentence(size, verified),
        ]
        return " ".join(sentence for sentence in sentences if sentence)
