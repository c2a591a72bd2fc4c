"""The highest rate that a size takes, and how well that is known: pure, as `advice` is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.measuring.objective import describe
from profiler.measuring.statistics import Outcome
from profiler.sizing import explanation
from profiler.sizing.advice import Advice
from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING, leaks, proof
from profiler.sizing.explanation import latency_text, memory_text, rate_text, size_of, size_text
from profiler.sizing.memory import peaks
from profiler.sizing.rate_search import Capacity, next_rate
from profiler.sizing.uncertainty import Uncertainty
from profiler.spec import Limits, Load, Objective, Policy


def outcomes_by_rate(measurements: Sequence[Measurement]) -> dict[float, Outcome]:
    """Outcome by offered rate of what came before verification; the latest believed one counts."""
    return {
        m.nominal_rps: m.outcome
        for m in measurements
        if m.phase in (REFERENCE, SIZING) and m.validity.valid
    }


def slow_alone(measurements: Sequence[Measurement]) -> Measurement | None:
    """The first believed load of which even the requests that met no other broke the bound."""
    found = (
        m for m in measurements
        if m.validity.valid and any(one.code == "too-slow-alone" for one in m.outcome_findings)
    )  # fmt: skip
    return next(found, None)


def replicas_for(peak_rps: float, capacity_rps: float) -> int:
    """How many of the size take the peak together: ceil(peak / capacity)."""
    return math.ceil(Fraction(str(peak_rps)) / Fraction(str(capacity_rps)))


def advise_capacity(
    measurements: Sequence[Measurement],
    *,
    points: tuple[float, ...],
    limits: Limits,
    objective: Objective,
    load: Load,
    peak_rps: float | None,
    limits_enforced: bool,
    budget_ended: bool = False,
    policy: Policy,
    survey: Survey | None = None,
) -> Advice:
    """The advice that these measurements support: the size is `limits`, the rate was searched.

    Verified only when a fresh service of exactly that size, under enforced limits, kept the
    objective at exactly that rate.
    """
    case = CapacityCase(tuple(measurements), points, limits, objective, load, policy, survey)
    refusal = case.refusal(budget_ended)
    if refusal:
        return Advice("declined", refusal, None, None, " ".join(refusal))
    verified = case.verified() if limits_enforced else None
    rate_rps = verified.nominal_rps if verified else case.best_known_rate()
    replicas = None if peak_rps is None else replicas_for(peak_rps, rate_rps)
    return Advice(
        "verified" if verified else "provisional",
        () if verified else case.doubts(limits_enforced, budget_ended),
        limits.cpu_millicores,
        limits.memory_bytes,
        case.explain(rate_rps, verified, peak_rps),
        uncertainty=case.uncertainty(rate_rps, is_verified=verified is not None),
        capacity_rps=rate_rps,
        replicas=replicas,
        rps_per_replica=replicas and peak_rps / replicas,
    )


@dataclass(frozen=True)
class CapacityCase:
    """The evidence of one run that searched a rate, and the questions an advice asks of it."""

    measurements: tuple[Measurement, ...]
    points: tuple[float, ...]
    limits: Limits
    objective: Objective
    load: Load
    policy: Policy
    survey: Survey | None = None

    @property
    def start_rps(self) -> float:
        return self.load.stages[0].rate_rps

    @property
    def outcomes(self) -> dict[float, Outcome]:
        return outcomes_by_rate(self.measurements)

    def of_phase(self, phase: str) -> list[Measurement]:
        return [measurement for measurement in self.measurements if measurement.phase == phase]

    def at(self, rate_rps: float) -> Measurement | None:
        """The latest believed probe at a rate."""
        probes = [*self.of_phase(REFERENCE), *self.of_phase(SIZING)]
        found = [m for m in probes if m.nominal_rps == rate_rps and m.validity.valid]
        return found[-1] if found else None

    def refusal(self, budget_ended: bool) -> tuple[str, ...]:
        """Why there can be no advice at all; empty when there can."""
        references = self.of_phase(REFERENCE)
        if not references:
            return ("Nothing was measured at the rate that the search begins with.",)
        if not references[-1].validity.valid:
            return (
                "The measurement at the rate that the search begins with is invalid.",
                *references[-1].validity.reasons,
            )
        if leaking := leaks(self.measurements):
            return (explanation.leak_sentence(leaking[-1]),)
        if "passed" not in self.outcomes.values():
            return (self._no_rate_sentence(budget_ended),)
        return self._refused_by_verification(budget_ended)

    def _no_rate_sentence(self, budget_ended: bool) -> str:
        lowest = self.at(min(self.outcomes))
        kept = "did not keep" if lowest.outcome == "failed" else "was not proven to keep"
        said = (
            f"No rate passes: at {rate_text(lowest.nominal_rps)}, the lowest that was tried, "
            f"{size_text(self.limits)} {kept} the objective ({'; '.join(lowest.outcome_reasons)})."
        )
        if budget_ended:
            return f"{said} The run's budget ended before a lower one."
        if slow_alone(self.measurements) or lowest.nominal_rps == self.points[0]:
            return said
        return f"{said} At a lower one too few requests come in the run's time for any answer."

    def _refused_by_verification(self, budget_ended: bool) -> tuple[str, ...]:
        """Verification did not pass, at any step down that may be taken."""
        tried = self.of_phase(VERIFYING)
        if not tried or tried[-1].is_believed_pass:
            return ()
        last = tried[-1]
        if budget_ended and (last.outcome != "failed" or self.next_step() is not None):
            return ()
        if not last.validity.valid:
            return ("The verifying measurement is invalid.", *last.validity.reasons)
        at = ", ".join(dict.fromkeys(f"{m.nominal_rps:g}" for m in tried))
        return (
            f"Verification did not pass at {at} requests/s "
            f"(at the last: {'; '.join(last.outcome_reasons)}).",
        )

    def next_step(self) -> float | None:
        """The rate to verify: what the search found, or one below the last that failed.

        None where no step is left, or nothing passed.
        """
        tried = {m.nominal_rps for m in self.of_phase(VERIFYING)}
        if not tried:
            passed = [rate for rate, outcome in self.outcomes.items() if outcome == "passed"]
            return max(passed, default=None)
        lower = [rate for rate in self.points if rate < min(tried)]
        return lower[-1] if lower and len(tried) <= self.policy.steps_up else None

    def verified(self) -> Measurement | None:
        """The verifying measurement that proves the rate at the size, under enforced limits."""
        found = proof(self.measurements)
        return found if found and size_of(found) == self.limits else None

    def best_known_rate(self) -> float:
        """Without proof: the rate whose verification is due."""
        tried = self.of_phase(VERIFYING)
        if tried and tried[-1].outcome != "failed":
            return tried[-1].nominal_rps
        return self.next_step()

    def doubts(self, limits_enforced: bool, budget_ended: bool) -> tuple[str, ...]:
        """Why the rate is not verified."""
        doubts = []
        if not limits_enforced:
            doubts.append(
                "Limits could not be enforced on this target: the service was never held to the "
                "size that this rate is said of."
            )
        if budget_ended:
            doubts.append(f"The run's budget ended before {self._missing()}.")
        return tuple(doubts) or ("The rate was not verified.",)

    def _missing(self) -> str:
        if self.of_phase(VERIFYING):
            return "a fresh service had kept the objective at this rate"
        step = next_rate(self.points, self.outcomes, self.start_rps)
        if isinstance(step, Capacity):
            return "a fresh service had kept the objective at this rate"
        return "the search was done: a higher rate may pass too"

    def uncertainty(self, rate_rps: float, *, is_verified: bool) -> Uncertainty:
        size = self.limits
        return Uncertainty(
            cpu_millicores=(size.cpu_millicores, size.cpu_millicores),
            memory_bytes=(self._memory_peak_bytes, size.memory_bytes),
            more_data=self._more_data(rate_rps, is_verified),
            capacity_rps=(rate_rps, self._failed_above(rate_rps)),
        )

    @property
    def _memory_peak_bytes(self) -> int | None:
        known = [peak for peak in peaks(self.measurements, self.survey) if peak is not None]
        return max(known, default=None)

    def _failed_above(self, rate_rps: float) -> float | None:
        """The lowest higher rate that was measured to fail."""
        failed = [
            m.nominal_rps
            for m in self.measurements
            if m.validity.valid and m.outcome == "failed" and m.nominal_rps > rate_rps
        ]
        return min(failed, default=None)

    def _more_data(self, rate_rps: float, is_verified: bool) -> str:
        """What would narrow it, in a sentence."""
        above = self._failed_above(rate_rps)
        between = [rate for rate in self.points if rate_rps < rate < (above or math.inf)]
        parts = []
        if not is_verified:
            parts.append("a verification at this rate would prove it or take it a step down")
        if between:
            until = f" to {between[-1]:g}" if above and len(between) > 1 else ""
            parts.append(
                f"more requests at {between[0]:g}{until} requests/s, where nothing was decided, "
                "could raise it"
            )
        if not parts:
            return f"More data would not change the rate: {rate_text(above)} was measured to fail."
        said = "; ".join(parts)
        return f"{said[0].upper()}{said[1:]}."

    def explain(self, rate_rps: float, verified: Measurement | None, peak_rps: float | None) -> str:
        """One paragraph: the objective, what a request costs, the edge, the proof, the replicas."""
        sentences = [
            f"The objective at {size_text(self.limits)}, with {self.load.stages[0].arrivals} "
            f"arrivals: {describe(self.objective)}.",
            self._cost_sentence(),
            self._edge_sentence(rate_rps),
            self._lower_failures_sentence(rate_rps),
            self._verified_sentence(verified) if verified else "",
            self._memory_sentence(),
            replicas_sentence(peak_rps, rate_rps) if peak_rps is not None else "",
        ]
        return " ".join(sentence for sentence in sentences if sentence)

    def _cost_sentence(self) -> str:
        reference = self.of_phase(REFERENCE)[-1]
        said = (
            f"At {rate_text(reference.nominal_rps)}, where the search began, "
            f"{latency_text(reference)} over {reference.requests} requests"
        )
        if cost_s := reference.cpu_seconds_per_request:
            most = self.limits.cpu_millicores / 1000 / cost_s
            said += (
                f"; a request cost {cost_s * 1000:.3g} ms of cpu, of which "
                f"{explanation.cpu_text(self.limits.cpu_millicores)} pays for {most:.4g} a second"
            )
        return f"{said}."

    def _edge_sentence(self, rate_rps: float) -> str:
        kept = self.at(rate_rps)
        said = f"At {rate_text(rate_rps)} "
        if kept is not None and kept.outcome == "passed":
            said += f"a probe kept the objective ({latency_text(kept)})"
        else:
            said += "it is due to be verified"
        higher = [rate for rate in self.outcomes if rate > rate_rps]
        if not higher:
            return f"{said}; no higher rate was tried."
        above = self.at(min(higher))
        reasons = "; ".join(above.outcome_reasons)
        found = {"failed": "it did not", "undecided": "it stayed undecided"}.get(
            above.outcome, "a probe did, but no fresh service"
        )
        return f"{said}; at {rate_text(above.nominal_rps)}, the next that was tried, {found}" + (
            f" ({reasons})." if reasons else "."
        )

    def _lower_failures_sentence(self, rate_rps: float) -> str:
        """Said where the outcomes do not fall with the rate: noise, or a service that is odd."""
        failed = sorted(
            rate for rate, found in self.outcomes.items() if found == "failed" and rate < rate_rps
        )
        if not failed:
            return ""
        at = ", ".join(f"{rate:g}" for rate in failed)
        return (
            f"Yet at {at} requests/s, which is less, the objective was not kept: the service does "
            "not only depend on the rate, or something disturbed it."
        )

    def _memory_sentence(self) -> str:
        """The size is given: what of its memory was in use, the largest rows included."""
        used = self._memory_peak_bytes
        if used is None:
            return ""
        given = memory_text(self.limits.memory_bytes)
        return f"Memory stays as given: up to {memory_text(used)} of {given} was in use."

    def _verified_sentence(self, verified: Measurement) -> str:
        return (
            f"A fresh service at exactly {size_text(size_of(verified))} then kept the objective at "
            f"{rate_text(verified.nominal_rps)}: {latency_text(verified)} over "
            f"{verified.requests} requests, with {verified.errors or 'no'} errors."
        )


def replicas_sentence(peak_rps: float, rate_rps: float) -> str:
    count = replicas_for(peak_rps, rate_rps)
    are = "replica takes" if count == 1 else "replicas take"
    return (
        f"{count} {are} a peak of {rate_text(peak_rps)} (ceil({peak_rps:g} / {rate_rps:g})), "
        f"{peak_rps / count:.4g} a second each."
    )
