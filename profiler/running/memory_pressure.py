"""Lowers the memory limit of a running service: what it needs of what it touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from profiler.errors import OUT_OF_MEMORY, RunFailed
from profiler.measuring import consumption
from profiler.measuring.decision import round_s
from profiler.measuring.latency import latencies_ms
from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_peaks import resident_bytes
from profiler.measuring.objective import Bound, resolve_bound
from profiler.measuring.statistics import nearest_rank
from profiler.rig import DRAIN_S, LOOK_S, Rig
from profiler.running.size_search import SizeSearch
from profiler.samples import ABORTED, OK, Columns, between
from profiler.sizing.explanation import memory_text
from profiler.sizing.memory import peaks
from profiler.sizing.pressure import (
    Pressure,
    Step,
    Under,
    hurts,
    next_limit,
    whole_steps,
    without_files,
)
from profiler.spec import Limits
from profiler.units import NS

#: After a change of the limit: what was dropped and is needed comes back in this time.
SETTLE_S = 1.0
#: A step lasts this long, and until so many requests were answered; but not much longer.
STEP_S, LEAST_REQUESTS, LONGEST_S = 2.0, 20, 6.0
#: Where one limit is tried and a proof follows, both are so much of it.
LOOK_SHARE = 0.5
#: The probe begins no step after this; nor when less of the run's budget is left than this and
#: three starts take, which the verification needs.
PROBE_S, RESERVE_S = 40.0, 30.0


def probe_pressure(search: SizeSearch, rig: Rig, reference: Measurement) -> Pressure | None:
    """The last thing done to a service, which may die of it.

    Where it was asked for, step by step at the cpu that the search found; otherwise a look, where
    files make the advice larger. None without that, or a size. Whatever goes wrong is told;
    the run does not depend on it.
    """
    size = search.size_to_verify()
    start_bytes, load_bytes = peaks(search.measurements, search.survey)
    if size is None or load_bytes is None:
        return None
    bound = resolve_bound(search.spec.objective, reference)
    if not search.spec.memory_probe:
        touched_bytes = max(start_bytes or 0, load_bytes)
        return look_without_files(rig, bound, touched_bytes, size, reference)
    rig.control.log("[memory] lowering the memory limit until it hurts")
    rig.resize(size.cpu_millicores)
    return lower_until_it_hurts(rig, bound, load_bytes)


def lower_until_it_hurts(rig: Rig, bound: Bound, touched_bytes: int) -> Pressure:
    """Lower the limit from `touched_bytes` down, under the rig's load, at its present cpu."""
    return _Prober(rig, bound, whole_steps(touched_bytes)).probe()


def look_without_files(
    rig: Rig, bound: Bound, touched_bytes: int, size: Limits, reference: Measurement
) -> Pressure | None:
    """Try the limit that leaves no room for files, at the largest cpu; None where files are few.

    Where it hurts, one with room for those that are mapped. What the load is without pressure is
    known of the `reference`.
    """
    prober = _Prober(rig, bound, whole_steps(touched_bytes), share=LOOK_SHARE)
    looks = {}
    for with_mapped, held_bytes in _most_held(rig.sampler.all()).items():
        if limit := without_files(held_bytes, size.memory_bytes, rig.spec.policy):
            looks.setdefault(limit, (held_bytes, with_mapped))
    if not looks or prober.out_of_time():
        return None
    rig.control.log(f"[memory] trying {memory_text(min(looks))}: files can be read again")
    rig.resize(rig.spec.limits.cpu_millicores)
    return prober.look(looks, Under.of(reference))


def _most_held(usage: Columns) -> dict[bool, int]:
    """The most at any time that the kernel cannot drop: all but files; and under True that with the
    files that are mapped. What is not known is left out.
    """
    if not len(usage.get("memory_file_bytes", ())):
        return {}
    held = {False: int((usage["memory_current_bytes"] - usage["memory_file_bytes"]).max())}
    mapped = resident_bytes(usage)
    return held | ({True: int(mapped.max())} if len(mapped) else {})


class _Prober:
    """`share` is how much of a step's time is taken."""

    def __init__(self, rig: Rig, bound: Bound, touched_bytes: int, *, share: float = 1.0) -> None:
        self._rig = rig
        self._bound = bound
        self._touched_bytes = touched_bytes
        self._share = share
        self._steps: list[Step] = []
        self._end_s = time.monotonic() + PROBE_S

    def probe(self) -> Pressure:
        """By bisection, until the answer is known to one step."""
        ended = self._until_ended(self._bisect)
        return Pressure(self._touched_bytes, tuple(self._steps), ended)

    def look(self, limits: dict[int, tuple[int, bool]], before: Under) -> Pressure:
        """At limits from the smallest up, until one does not hurt; each with what it has room for,
        as Pressure has it.
        """
        ended = self._until_ended(lambda: self._first_kept(sorted(limits), before))
        tried = self._steps[-1].memory_bytes if self._steps else min(limits)
        held_bytes, with_mapped = limits[tried]
        larger = min((limit for limit in limits if limit > tried), default=None)
        return Pressure(
            self._touched_bytes, tuple(self._steps), ended, held_bytes, with_mapped, larger
        )

    def _first_kept(self, limits: Sequence[int], before: Under) -> str:
        for limit in limits:
            self._try(limit, before)
            if self._steps[-1].kept:
                break
        return ""

    def _until_ended(self, tries: Callable[[], str]) -> str:
        """Why it ended early, or nothing; the limit is the largest again."""
        largest_bytes = self._rig.size.memory_bytes
        try:
            ended = tries()
            self._rig.limit_memory(largest_bytes)
        except RunFailed as failure:
            ended = self._end_of(failure)
        return ended

    def _bisect(self) -> str:
        before = self._load(self._rig.size.memory_bytes)
        while (limit := self._next()) is not None:
            if ended := self.out_of_time():
                return ended
            self._try(limit, before)
        return ""

    def _next(self) -> int | None:
        usage = self._rig.sampler.last()
        held = (usage.memory_anon_bytes or 0) + (usage.memory_shmem_bytes or 0) if usage else 0
        return next_limit(self._touched_bytes, held, self._steps)

    def out_of_time(self) -> str:
        left_s = self._rig.control.remaining_s()
        if time.monotonic() > self._end_s:
            return f"The time for this, {PROBE_S:g} s, was used up."
        if left_s < RESERVE_S + 3 * self._rig.startup_s:
            return "What is left of the run's budget is needed for the verification."
        return ""

    def _end_of(self, failure: RunFailed) -> str:
        """What the service died of, as a last step where it was the limit."""
        limit = self._rig.size.memory_bytes
        if failure.code != OUT_OF_MEMORY:
            return f"The service ended at {memory_text(limit)}: {failure.message}"
        self._steps.append(Step(limit, "the service was killed for memory"))
        return f"The service was killed for memory at {memory_text(limit)}: no more was tried."

    def _try(self, limit_bytes: int, before: Under) -> None:
        if self._rig.limit_memory(limit_bytes):
            under = self._load(limit_bytes)
            self._steps.append(Step(limit_bytes, hurts(under, before, self._bound), under))
        else:
            self._steps.append(Step(limit_bytes, "the kernel could not take so much back"))

    def _load(self, limit_bytes: int) -> Under:
        """The run's own load for a short while. RunFailed when the service dies of it."""
        rig = self._rig
        rig.driver.start(rig.load)
        try:
            rig.control.sleep(SETTLE_S * self._share)
            start_ns = rig.end_period()
            self._wait(start_ns)
            end_ns = rig.end_period()
        finally:
            rig.driver.stop(DRAIN_S)
        rig.refuse_gone()
        requests = between(rig.driver.results(), "scheduled_ns", start_ns, end_ns)
        usage = rig.usage_between(start_ns, end_ns)
        risen = consumption.rises(usage, start_ns, end_ns)
        faults, seconds = risen["page_faults_major"], (end_ns - start_ns) / NS
        answered = requests["outcome"][requests["outcome"] != ABORTED]
        return Under(
            memory_bytes=limit_bytes,
            seconds=seconds,
            requests=len(answered),
            errors=int(np.count_nonzero(answered != OK)),
            latency_ms=nearest_rank(latencies_ms(requests, self._bound), self._bound.percentile),
            major_faults_per_s=None if faults is None else faults / seconds,
            pressure_share=consumption.pressures(usage, start_ns, end_ns)[
                "memory_pressure_some_fraction"
            ],
            limit_hits=risen["memory_limit_hits"],
        )

    def _wait(self, start_ns: int) -> None:
        """Until there is enough to tell; a load of several stages takes a round."""
        rig = self._rig
        shortest_s = max(STEP_S * self._share, round_s(rig.load, rig.rate_rps))
        while True:
            seconds = (time.monotonic_ns() - start_ns) / NS
            finished_ns = rig.driver.results()["finished_ns"]
            answered = int(np.count_nonzero(finished_ns >= start_ns))
            if seconds >= max(shortest_s, LONGEST_S if answered < LEAST_REQUESTS else 0.0):
                return
            rig.control.sleep(LOOK_S)
            rig.refuse_gone()
