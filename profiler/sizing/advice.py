"""What size to use and how well that is known: a pure function of measurements and policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from profiler.measuring.measurement import Measurement
from profiler.measuring.statistics import Outcome
from profiler.sizing import explanation
from profiler.sizing.explanation import cpu_text, size_of, size_text
from profiler.sizing.search import Answer, next_probe
from profiler.sizing.uncertainty import Uncertainty, uncertainty
from profiler.spec import MIB, Limits, Load, Objective

Standing = Literal["verified", "provisional", "declined"]

REFERENCE, SIZING, VERIFYING = "measuring", "sizing", "verifying"


@dataclass(frozen=True)
class Policy:
    """What is added to what was measured, and how often a failed verification is retried.

    `cpu_margin` is for the most cpu used in any second, where no quota could be tried.
    """

    cpu_margin: float = 0.15
    memory_margin: float = 0.15
    memory_step_bytes: int = 16 * MIB
    steps_up: int = 3


POLICY = Policy()


@dataclass(frozen=True)
class Advice:
    """A size, how well it is known, and why. A declined advice has no size to apply.

    `gpu_memory_bytes` is for each of its GPUs; None where it has none. `uncertainty` says how far
    the size could be off; None where there is no size.
    """

    standing: Standing
    reasons: tuple[str, ...]
    cpu_millicores: int | None
    memory_bytes: int | None
    explanation: str
    gpu_memory_bytes: int | None = None
    uncertainty: Uncertainty | None = None

    def to_json(self) -> dict:
        range_ = self.uncertainty
        return {
            **self.__dict__,
            "reasons": list(self.reasons),
            "uncertainty": range_.to_json() if range_ else None,
        }


def memory_advice(
    startup_peak_bytes: int | None,
    steady_peak_bytes: int | None,
    *,
    ceiling_bytes: int,
    policy: Policy = Policy(),
) -> int | None:
    """The larger peak plus the margin, rounded up to the step, at most the ceiling.

    None where no peak is known.
    """
    peaks = [peak for peak in (startup_peak_bytes, steady_peak_bytes) if peak is not None]
    if not peaks:
        return None
    # In whole per mille, so that the rounding up cannot be off by a float's last bit.
    wanted = max(peaks) * (1000 + round(policy.memory_margin * 1000))
    steps = -(-wanted // (1000 * policy.memory_step_bytes))
    return min(steps * policy.memory_step_bytes, ceiling_bytes)


def memory_needed(
    measurements: Sequence[Measurement], limits: Limits, policy: Policy = POLICY
) -> int | None:
    """`memory_advice` from the peaks before verification of all that is believed and passed."""
    return memory_advice(*_peaks(measurements), ceiling_bytes=limits.memory_bytes, policy=policy)


def gpu_memory_needed(measurements: Sequence[Measurement], policy: Policy = POLICY) -> int | None:
    """The same of the peak of all that is believed and passed, at most what the GPU has.

    The verification's too, unlike the memory's: nothing held it to a smaller size.
    """
    used = [m.gpu for m in measurements if m.is_believed_pass and m.gpu is not None]
    if not used:
        return None
    peaks = [gpu.memory_peak_bytes for gpu in used if gpu.memory_peak_bytes is not None]
    has = min(gpu.memory_total_bytes for gpu in used)
    return memory_advice(max(peaks, default=None), None, ceiling_bytes=has, policy=policy)


def _peaks(measurements: Sequence[Measurement]) -> tuple[int | None, int | None]:
    """Start-up and load peak of the reference and the probes; a failed one's queue is no need.

    Load is also what came before the reference: each row was sent once, a rare large one perhaps
    never again.
    """
    kept = [m for m in measurements if m.phase in (REFERENCE, SIZING) and m.is_believed_pass]
    before = [m for m in measurements if m.phase == REFERENCE]
    load = (_peak(kept, "memory_steady_peak_bytes"), _peak(before, "memory_warmup_peak_bytes"))
    known = [peak for peak in load if peak is not None]
    return _peak(kept, "memory_startup_peak_bytes"), max(known, default=None) if kept else None


def _peak(measurements: Sequence[Measurement], name: str) -> int | None:
    values = [getattr(measurement, name) for measurement in measurements]
    return max((value for value in values if value is not None), default=None)


# ---- the search's view of measurements -----------------------------------------------------


def outcomes(measurements: Sequence[Measurement]) -> dict[int, Outcome]:
    """Outcome by cpu size of the reference and the probes; the latest believed one counts."""
    found: dict[int, Outcome] = {}
    for measurement in measurements:
        if measurement.phase in (REFERENCE, SIZING) and measurement.validity.valid:
            found[measurement.cpu_millicores] = measurement.outcome
    return found


def leaks(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The believed measurements whose memory leaks; a backlog of an overload is no leak."""
    return [
        m for m in measurements if m.memory_leaks and m.validity.valid and m.outcome != "failed"
    ]


def step_up(
    size: Limits,
    points: tuple[int, ...],
    limits: Limits,
    *,
    out_of_memory: bool = False,
    policy: Policy = Policy(),
) -> Limits | None:
    """The next larger size after a failed verification; None where the limits forbid one.

    One point of the grid more cpu; more memory (by the margin) where memory was what failed.
    """
    if out_of_memory:
        more = memory_advice(
            size.memory_bytes, None, ceiling_bytes=limits.memory_bytes, policy=policy
        )
        return Limits(size.cpu_millicores, more) if more > size.memory_bytes else None
    larger = [point for point in points if point > size.cpu_millicores]
    return Limits(larger[0], size.memory_bytes) if larger else None


# ---- the advice ----------------------------------------------------------------------------


def advise(
    measurements: Sequence[Measurement],
    *,
    points: tuple[int, ...],
    limits: Limits,
    objective: Objective,
    load: Load,
    limits_enforced: bool,
    budget_ended: bool = False,
    policy: Policy = Policy(),
) -> Advice:
    """The advice that these measurements support; see DESIGN's rules of sizing.

    Verified only when a fresh service at exactly the advised size, under enforced limits, kept the
    objective. `budget_ended` says that the run stopped before it had measured all it wanted.
    """
    case = Case(tuple(measurements), points, limits, objective, load, policy)
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


@dataclass(frozen=True)
class Case:
    """The evidence of one run, and the questions an advice asks of it."""

    measurements: tuple[Measurement, ...]
    points: tuple[int, ...]
    limits: Limits
    objective: Objective
    load: Load
    policy: Policy

    def of_phase(self, phase: str) -> list[Measurement]:
        return [measurement for measurement in self.measurements if measurement.phase == phase]

    @property
    def reference(self) -> Measurement | None:
        """The last measurement at the largest size (an invalid one is repeated)."""
        return next(reversed(self.of_phase(REFERENCE)), None)

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
        if memory_needed(self.measurements, self.limits, self.policy) is None:
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
        return (
            f"Verification did not pass at {sizes} "
            f"(at the last: {'; '.join(last.outcome_reasons)}).",
        )

    def _next_step(self) -> Limits | None:
        """The size to verify after the last one failed; None when no step up is left."""
        tried = self.of_phase(VERIFYING)
        if len({size_of(m) for m in tried}) > self.policy.steps_up:
            return None
        out_of_memory = bool(tried[-1].oom_kills)
        return step_up(
            size_of(tried[-1]), self.points, self.limits,
            out_of_memory=out_of_memory, policy=self.policy,
        )  # fmt: skip

    def verified(self) -> Measurement | None:
        """The verifying measurement that proves a size under enforced limits."""
        tried = self.of_phase(VERIFYING)
        if tried and tried[-1].is_believed_pass and tried[-1].limits_enforced:
            return tried[-1]
        return None

    def best_known_size(self) -> Limits:
        """Without proof: the size whose verification is due, else the smallest that passed."""
        tried = self.of_phase(VERIFYING)
        if tried and tried[-1].outcome == "failed":
            return self._next_step()
        if tried:
            return size_of(tried[-1])
        found = outcomes(self.measurements)
        passed = [cpu for cpu, outcome in found.items() if outcome == "passed"]
        return Limits(min(passed), memory_needed(self.measurements, self.limits, self.policy))

    def size_by_use(self) -> Limits:
        """Where no quota can be held: the grid's first size over the most used in any second."""
        used = self.reference.cpu_millicores_used_max or self.reference.cpu_millicores
        wanted = used * (1 + self.policy.cpu_margin)
        cpu = next((point for point in self.points if point >= wanted), self.points[-1])
        return Limits(cpu, memory_needed(self.measurements, self.limits, self.policy))

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

    def uncertainty(self, size: Limits, verified: Measurement | None) -> Uncertainty:
        peaks = [peak for peak in _peaks(self.measurements) if peak is not None]
        return uncertainty(
            self.measurements, self.points, size, is_verified=verified is not None,
            largest=self.limits, memory_peak_bytes=max(peaks, default=None),
        )  # fmt: skip

    def explain(self, size: Limits, verified: Measurement | None) -> str:
        """One paragraph: the objective, the reference, why this cpu, why this memory, the proof."""
        probes = [m for m in self.measurements if m.phase in (REFERENCE, SIZING)]
        smaller = [point for point in self.points if point < size.cpu_millicores]
        if self.reference.limits_enforced:
            why_cpu = explanation.cpu_sentence(
                size.cpu_millicores,
                self.points,
                _latest_at(probes, size.cpu_millicores),
                _latest_at(probes, smaller[-1], believed=False) if smaller else None,
            )
        else:
            why_cpu = explanation.cpu_by_use_sentence(
                self.reference.cpu_millicores_used_max, self.policy.cpu_margin, size.cpu_millicores
            )
        sentences = [
            explanation.objective_sentence(self.objective, self.load),
            explanation.reference_sentence(self.reference),
            why_cpu,
            explanation.memory_sentence(
                *_peaks(self.measurements),
                size.memory_bytes,
                self.policy.memory_margin,
                self.policy.memory_step_bytes,
                memory_needed(self.measurements, self.limits, self.policy),
            ),
            explanation.gpu_memory_sentence(
                [m.gpu for m in self.measurements if m.is_believed_pass and m.gpu is not None],
                self.policy.memory_margin,
                self.policy.memory_step_bytes,
                gpu_memory_needed(self.measurements, self.policy),
            ),
            explanation.verified_sentence(verified) if verified else "",
            self._range_sentence(size, verified),
        ]
        return " ".join(sentence for sentence in sentences if sentence)


def _latest_at(
    measurements: Sequence[Measurement], cpu_millicores: int, *, believed: bool = True
) -> Measurement | None:
    """The latest measurement at a cpu size: a believed one, or else, where allowed, any."""
    found = [m for m in measurements if m.cpu_millicores == cpu_millicores]
    valid = [m for m in found if m.validity.valid]
    return next(reversed(valid if believed else valid or found), None)
