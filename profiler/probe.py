"""One measurement: load on a rig until the objective is kept or broken, and what that showed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from profiler import events
from profiler.circumstances import HostNoise
from profiler.measuring.answers_found import AnswersFound
from profiler.measuring.decision import (
    Decision,
    decide,
    enough_s,
    once_more,
    preset_rule,
    round_s,
)
from profiler.measuring.gpu import GpuRecord
from profiler.measuring.measurement import Measurement, MeasurementContext
from profiler.measuring.objective import Bound
from profiler.measuring.prospects import patience
from profiler.measuring.sensitivity import RowFacts
from profiler.measuring.statistics import SequentialRule
from profiler.measuring.summary import summarise
from profiler.rig import DRAIN_S, LOOK_S, Rig
from profiler.samples import Columns
from profiler.sizing.evidence import VERIFYING
from profiler.units import NS

#: Load before the measured time begins: the change of quota and the first connections are then
#: behind it (three CFS periods of 100 ms).
SETTLE_S = 0.3
#: How often raw data is handed on while the measurement lasts.
HAND_ON_S = 1.0
#: A measurement that is still undecided after this (and three times the least) stays so: it counts
#: as not passed. At a low rate it may take this share of what is left of the budget instead.
LONGEST_S, LONGEST_SHARE = 45.0, 0.5


def longest_s(rule: SequentialRule, rps: float, at_least_s: float, remaining_s: float) -> float:
    """How long a measurement by this rule may stay undecided, where so many come a second."""
    needed_s = min(enough_s(rule, rps, passing=2), LONGEST_SHARE * remaining_s)
    return max(LONGEST_S, 3 * at_least_s, needed_s)


@dataclass(frozen=True)
class Waiting:
    """How long a measurement is waited for while it decides nothing.

    `gives_up`: it ends where more requests would hardly make it pass, and before the last look,
    which costs as much as all before it together; where it `ends_soon`, after two that may pass.
    It is waited for `waits_s` seconds at least, if it must. `again_s` is the longest load of one
    that is taken again because it stayed undecided.
    """

    gives_up: bool = False
    ends_soon: bool = False
    waits_s: float = 0.0
    again_s: float | None = None


TO_THE_END = Waiting()


class Probe:
    """A measurement of the rig's service at its present size.

    `draw`: which arrivals of the load's seed. `at_least_s` is the shortest load that may pass.
    What is recorded is handed on as it comes.
    """

    def __init__(
        self,
        rig: Rig,
        bound: Bound,
        *,
        phase: str,
        ordinal: int,
        at_least_s: float,
        distinct_rows: int,
        rows: RowFacts,
        draw: tuple[int, ...] = (),
        noise_floor: dict | None = None,
        waiting: Waiting = TO_THE_END,
    ) -> None:
        self._rig = rig
        self._bound = bound
        self._phase = phase
        self._ordinal = ordinal
        self._at_least_s = max(at_least_s, round_s(rig.load, rig.rate_rps))
        self._distinct_rows = distinct_rows
        self._rows = rows
        self._draw = draw
        self._noise_floor = noise_floor
        self._rule = preset_rule(bound, rig.load, rps=rig.rate_rps, at_least_s=self._at_least_s)
        self._wait_by(waiting)
        self._start_ns = self._end_ns = 0

    def _wait_by(self, waiting: Waiting) -> None:
        """Set the rule, the longest load, and which look is the last."""
        load, rps = self._rig.load, self._rig.expected_rps
        usual_s = longest_s(self._rule, rps, self._at_least_s, self._rig.control.remaining_s())
        self._longest_s = max(usual_s, waiting.waits_s)
        gives_up = waiting.gives_up and not load.has_rounds  # part of one tells nothing of it
        again = waiting.again_s is not None
        if again:
            self._rule, self._longest_s = once_more(self._rule, gives_up=gives_up), waiting.again_s
        self._last_look = self._rule.looks[-2 if gives_up else -1]
        if gives_up and waiting.ends_soon:
            self._last_look = self._rule.passing_looks[:2][-1]
        most_requests = min(self._longest_s * rps, self._last_look)
        again |= self._phase == VERIFYING  # of a size that the search measured
        self._patience = patience(self._rule, most_requests, again=again) if gives_up else None

    def take(self) -> Measurement:
        """Run it. RunFailed when the service dies under the load."""
        rig, control = self._rig, self._rig.control
        rig.drain()
        control.emit(
            events.STARTED,
            ordinal=self._ordinal,
            phase=self._phase,
            cpu_millicores=rig.size.cpu_millicores,
            memory_bytes=rig.size.memory_bytes,
        )
        if self._phase != VERIFYING:
            rig.sampler.take()  # what came before is no part of this; of a fresh service it is
            rig.gpu_sampler.take()
        rig.driver.start(rig.load, draw=self._draw)
        try:
            control.sleep(SETTLE_S)
            noise = HostNoise(rig.spec.target.service_cores)
            self._start_ns = rig.end_period()
            decision = self._watch()
            self._end_ns = rig.end_period()
            usage = rig.usage_between(self._start_ns, self._end_ns)
            disturbed = noise.since(_cpu_seconds(usage))
        finally:
            report = rig.driver.stop(DRAIN_S)
            self._hand_on()
        rig.refuse_gone()
        context = self._context(asdict(report), disturbed)
        return self._summarise(context, usage, decision)

    def _watch(self) -> Decision:
        """Ask the rule again and again, less often as the data grows, until it has an answer."""
        control = self._rig.control
        handed_on = time.monotonic()
        while True:
            seconds = (time.monotonic_ns() - self._start_ns) / NS
            control.sleep(max(LOOK_S, seconds / 20))
            self._rig.refuse_gone()
            if time.monotonic() - handed_on >= HAND_ON_S:
                handed_on = time.monotonic()
                self._hand_on()
            decision = self._decide()
            if decision.is_final or decision.requests >= self._last_look:
                return decision
            if seconds >= self._longest_s:
                return decision

    def _decide(self) -> Decision:
        requests, pending = self._rig.driver.snapshot()
        return decide(
            self._rule,
            requests,
            self._bound,
            load=self._rig.load,
            start_ns=self._start_ns,
            now_ns=time.monotonic_ns(),
            pending_ns=pending,
            at_least_s=self._at_least_s,
            patience=self._patience,
        )

    def _hand_on(self) -> None:
        rig = self._rig
        news = {
            "requests": rig.driver.take(),
            "usage": rig.sampler.take(),
            "gpu": rig.gpu_sampler.take(),
        }
        for series, columns in news.items():
            if any(len(values) for values in columns.values()):
                rig.control.emit(
                    events.SAMPLES, ordinal=self._ordinal, series=series, columns=columns
                )

    def _context(self, report: dict, noise: dict) -> MeasurementContext:
        rig = self._rig
        answers = AnswersFound.of(report.pop("answers"), rig.spec.answers, rig.driver.references())
        bad = rig.driver.first_bad()
        return MeasurementContext(
            ordinal=self._ordinal,
            phase=self._phase,
            cpu_millicores=rig.size.cpu_millicores,
            memory_bytes=rig.size.memory_bytes,
            limits_enforced=rig.service.limits_enforced,
            load=rig.load,
            arrivals_draw=self._draw,
            bound=self._bound,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            startup_s=rig.startup_s,
            sample_interval_s=rig.service.sample_interval_s,
            distinct_rows=self._distinct_rows,
            rows=self._rows,
            suspicious_rows=rig.suspicious_rows,
            first_bad=asdict(bad) if bad else None,
            answers=answers,
            driver=report,
            noise=noise,
            noise_floor=self._noise_floor,
            warmup=rig.warmup,
            variant=rig.spec.variant,
        )

    def _summarise(
        self, context: MeasurementContext, usage: Columns, decision: Decision
    ) -> Measurement:
        rig = self._rig
        return summarise(
            rig.driver.results(),
            usage,
            rig.usage_between(0, rig.period_ends_ns[0]),
            context,
            warmup_usage=rig.usage_between(*rig.period_ends_ns[-3:-1]),
            rule=self._rule,
            decision=decision,
            at_least_s=self._at_least_s,
            gpu=GpuRecord(rig.service.gpus, rig.gpu_sampler.all(), rig.ready_ns),
        )


def _cpu_seconds(usage: Columns) -> float:
    """What the service itself used over these samples."""
    cpu_ns = usage["cpu_ns"]
    return int(cpu_ns[-1] - cpu_ns[0]) / NS if len(cpu_ns) > 1 else 0.0
