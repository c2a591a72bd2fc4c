"""Takes a run's measurements, again while they may not be believed, and keeps them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from profiler import events
from profiler.circumstances import HostNoise
from profiler.control import Control
from profiler.dataset import DatasetSummary
from profiler.errors import OUT_OF_MEMORY, RunFailed
from profiler.measuring.decision import enough_s, once_more, preset_rule
from profiler.measuring.disturbance import host_noise
from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement, MeasurementContext, failed_to_start
from profiler.measuring.objective import Bound, resolve_bound
from profiler.measuring.pace import pace
from profiler.measuring.paging import thrashing
from profiler.measuring.sensitivity import RowFacts
from profiler.measuring.validity import Validity
from profiler.probe import TO_THE_END, Probe, Waiting
from profiler.rig import Rig
from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING
from profiler.spec import Limits, Spec

#: A measurement that may not be believed is taken again, this often at most.
REPEATS = 2
#: Before that the host gets this many seconds to become quiet.
QUIET_LOOKS = 5
#: What stayed undecided may take this share of what is left of the budget, if that is worth it.
AGAIN_SHARE, AGAIN_S = 0.25, 10.0
#: What arrivals are drawn for, by number.
DRAWN_FOR = {REFERENCE: 1, SIZING: 2, VERIFYING: 3}


class Measurer:
    """Everything that was measured so far, of all variants, and the way to measure more.

    `noise_floor` is the target's, where it is known; `limits_enforced` is learnt from the first
    service that runs.
    """

    def __init__(self, spec: Spec, control: Control) -> None:
        self.spec = spec
        self.control = control
        self.measurements: list[Measurement] = []
        self.noise_floor: dict | None = None
        self.limits_enforced = False

    def knows(self, summary: DatasetSummary, rows: RowFacts) -> None:
        """The dataset that is sent."""
        self.summary = summary
        self.rows = rows

    @property
    def reference(self) -> Measurement | None:
        """The first believed measurement at the largest size: a relative objective refers to it."""
        believed = (m for m in self.measurements if m.phase == REFERENCE and m.validity.valid)
        return next(believed, None)

    def probe(
        self,
        rig: Rig,
        phase: str,
        at_least_s: float,
        waiting: Waiting = TO_THE_END,
        *,
        leaves_open: Callable[[Measurement], bool] = lambda found: False,
    ) -> Measurement:
        """A measurement of the rig's present size, taken again while it may not be believed.

        What is itself taken again because it stayed undecided is taken once. So is what the caller
        `leaves_open`, since it has better to do: another size, or a longer look if it matters.
        """
        again = waiting.again_s is not None
        for repeats_left in reversed(range(1 if again else 1 + REPEATS)):
            measurement = self.keep(self._take(rig, phase, at_least_s, waiting))
            left_open = leaves_open(measurement)
            if measurement.validity.valid or left_open or not repeats_left:
                break
            self._say_again("Not believed, taken again: ", measurement.validity.reasons)
        slow = _slow_machine(measurement)
        if again or left_open or slow is None or measurement.outcome == "passed":
            return measurement
        self._say_again("Not passed, taken again once: ", [slow.text])
        return self.keep(self._take(rig, phase, at_least_s, waiting))

    def waiting(self, *, hangs: bool) -> Waiting:
        """Of a probe on the way: where it would hardly pass, there is better to do than to be sure.

        Where the answer `hangs` on it already, it is waited for as long as what is measured again.
        """
        if hangs:
            return Waiting(gives_up=True, waits_s=self._share_s)
        return Waiting(gives_up=True, ends_soon=True)

    @property
    def _share_s(self) -> float:
        """What one measurement may take of the budget, so that the rest can still be done."""
        return self.control.remaining_s() * AGAIN_SHARE

    def _say_again(self, what: str, why: Sequence[str]) -> None:
        self.control.log(what + " ".join(why))
        self._wait_for_quiet()

    def _bound(self) -> Bound:
        """Of a relative objective always by the first reference: one bound for all variants."""
        return resolve_bound(self.spec.objective, self.reference)

    def probe_again(
        self, rig: Rig, phase: str, at_least_s: float, *, gives_up: bool = False
    ) -> Measurement | None:
        """One more measurement of what stayed undecided; None where time does not allow it."""
        again_s, rps = self._share_s, rig.expected_rps
        rule = preset_rule(self._bound(), rig.load, rps=rps, at_least_s=at_least_s)
        gives_up = gives_up and not rig.load.has_rounds  # such a load has more requests again
        if again_s < max(AGAIN_S, enough_s(once_more(rule, gives_up=gives_up), rps)):
            return None
        self.control.log(f"Undecided, measured again for up to {again_s:.0f} s")
        return self.probe(rig, phase, at_least_s, Waiting(gives_up=gives_up, again_s=again_s))

    def again_if_undecided(self, rig: Rig, found: Measurement, at_least_s: float) -> Measurement:
        """The measurement, or a longer one of the same where it decided nothing."""
        if not found.validity.valid or found.outcome != "undecided":
            return found
        return self.probe_again(rig, found.phase, at_least_s) or found

    def _take(self, rig: Rig, phase: str, at_least_s: float, waiting: Waiting) -> Measurement:
        return Probe(
            rig,
            self._bound(),
            phase=phase,
            ordinal=len(self.measurements),
            at_least_s=at_least_s,
            distinct_rows=self.summary.distinct_rows,
            rows=self.rows,
            draw=self._draw(rig, phase),
            noise_floor=self.noise_floor,
            waiting=waiting,
        ).take()

    def _draw(self, rig: Rig, phase: str) -> tuple[int, ...]:
        """Which arrivals of the seed: of each measurement others, since a size that was chosen for
        doing well under some is not proven by these; in the next run of this seed the same.
        """
        key = (phase, rig.spec.variant, rig.size.cpu_millicores)
        before = (m for m in self.measurements if (m.phase, m.variant, m.cpu_millicores) == key)
        return DRAWN_FOR[phase], rig.size.cpu_millicores, sum(1 for _ in before)

    def _wait_for_quiet(self) -> None:
        """Give others' work on the service's cores time to end, while the service is idle."""
        for _ in range(QUIET_LOOKS):
            noise = HostNoise(self.spec.target.service_cores)
            self.control.sleep(1.0)
            if not host_noise(noise.since(service_cpu_s=0.0)):
                return

    def keep(self, measurement: Measurement) -> Measurement:
        """Tell it, with what it shows of memory and of the machine beside those before it."""
        if found := thrashing(measurement, self.reference):
            findings = (*measurement.validity.findings, found)
            measurement = replace(measurement, validity=Validity(False, findings))
        if found := pace(measurement, self.measurements):
            warnings = (*measurement.warning_findings, found)
            measurement = replace(measurement, warning_findings=warnings)
        self.measurements.append(measurement)
        self.control.emit(
            events.MEASUREMENT, ordinal=measurement.ordinal, measurement=measurement.to_json()
        )
        return measurement

    def not_survived(self, phase: str, spec: Spec, size: Limits, failure: RunFailed) -> Measurement:
        """A failed measurement of a size at which the service did not start, or died."""
        context = MeasurementContext(
            ordinal=len(self.measurements),
            phase=phase,
            cpu_millicores=size.cpu_millicores,
            memory_bytes=size.memory_bytes,
            limits_enforced=self.limits_enforced,
            load=spec.load,
            bound=self._bound(),
            start_ns=0,
            end_ns=0,
            distinct_rows=self.summary.distinct_rows,
            variant=spec.variant,
        )
        failed = failed_to_start(context, f"{failure.code}: {failure.message}")
        # The advice steps up in memory, not cpu, where memory is what failed.
        return self.keep(replace(failed, oom_kills=1) if failure.code == OUT_OF_MEMORY else failed)


def _slow_machine(measurement: Measurement) -> Finding | None:
    """What a believed measurement says of a machine that was slower than at other times."""
    found = measurement.warning_findings if measurement.validity.valid else ()
    return next((finding for finding in found if finding.code == "machine-slower"), None)
