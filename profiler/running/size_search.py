"""Runs the search for the smallest cpu: probes of a running service whose quota changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiler import events
from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.measuring.objective import Bound, resolve_bound
from profiler.measuring.statistics import Outcome
from profiler.probe import Waiting
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.samples import Columns, between
from profiler.sizing.evidence import SIZING, is_undecided, leaks, of_variant, outcomes
from profiler.sizing.memory import memory_needed
from profiler.sizing.pressure import Pressure
from profiler.sizing.quota_model import Demand, Estimate, demand_of, estimate
from profiler.sizing.rate_estimate import RateEstimate
from profiler.sizing.search import (
    Answer,
    decides,
    grid,
    next_of_curve,
    next_probe,
    worth_another_look,
)
from profiler.sizing.spinning import spinning_millicores
from profiler.sizing.startup import StartPoint
from profiler.sizing.uncertainty import needed_millicores
from profiler.spec import Limits, ScoredConfig, Spec

if TYPE_CHECKING:
    from profiler.running.rate_search import RateSearch

#: The least load, in seconds, of a probe on the way: ten CFS periods.
SHORTEST_S = 1.0
#: From this share of the quota on, a backlog builds up too slowly for the shortest probe to see.
BUSY_SHARE, BUSY_S = 0.7, 4.0
#: What a curve leaves of the budget for the last steps of the search and for the proof.
PROOF_S = 60.0


class SizeSearch:
    """`next_probe` asked what to measure, and the measurer told, until there is an answer."""

    #: What an estimate says of it.
    looked_for = "cpu_millicores"

    def __init__(
        self, measurer: Measurer, spec: Spec, *, phase: str = "sizing", at_most: int | None = None
    ) -> None:
        """`spec` is that of the variant of the config that is searched, no size over `at_most`."""
        self.spec = spec
        self.points = grid(self.spec.limits.cpu_millicores, self.spec.policy)
        self._searched = tuple(point for point in self.points if point <= (at_most or point))
        #: Of a variant that only has to be better than another the curve says nothing.
        self._whole_curve = spec.question == "curve" and at_most is None
        self._phase = phase
        #: Where the search begins: what a replay of the first measurement says.
        self.estimate: Estimate | None = None
        #: What memory the largest rows took; None before that was looked at.
        self.survey: Survey | None = None
        #: What of the touched memory is needed; None where that was not looked at.
        self.pressure: Pressure | None = None
        #: Fresh starts beside those of measurements.
        self.starts: list[StartPoint] = []
        #: What the requests of the first measurement asked of the service.
        self.demand: Demand | None = None
        self._measurer = measurer
        self._control = measurer.control
        self._tried: dict[int, Outcome] = {}
        #: Those that the answer hung on when they were measured, for as long as that is worth it.
        self._waited_for: set[int] = set()

    @property
    def measurements(self) -> list[Measurement]:
        """What was measured so far of its variant."""
        return of_variant(self._measurer.measurements, self.spec.variant)

    def run(self, rig: Rig, reference: Measurement) -> None:
        """Search the grid by changing the quota of the running service."""
        self.estimate = first_estimate(self, rig, reference, self._measurer.reference)
        guess = self.estimate and self.estimate.cpu_millicores
        about = f"; estimated about {guess}m" if guess else ""
        message = f"searching the smallest cpu that keeps the objective{about}"
        self._control.enter(self._phase, message)
        self._tried = dict(outcomes(self.measurements))
        self._until_answered(rig, reference, guess)
        step = worth_another_look(self._searched, self._tried)
        if step and step not in self._waited_for:
            self._look_again(rig, reference, step)
            self._until_answered(rig, reference, guess)  # it may have passed

    def _until_answered(self, rig: Rig, reference: Measurement, guess: int | None) -> None:
        most = self._most_probes
        while not isinstance(step := self._next(guess), Answer):
            self._control.tell(f"trying {step}m cpu", (len(self._tried) - 1) / most)
            rig.resize(step)
            at_least_s = self._long_enough_s(reference, step)
            self._note(self._probe(rig, at_least_s, step))

    def _probe(self, rig: Rig, at_least_s: float, step: int) -> Measurement:
        if self._whole_curve:  # each size is wanted as well as it can be known
            return self._measurer.probe(rig, SIZING, at_least_s)
        if step == self._searched[-1]:  # the largest of a variant
            return self._measurer.probe(rig, SIZING, at_least_s, Waiting(gives_up=True))
        hangs = decides(self._searched, self._tried, step)
        waiting = self._measurer.waiting(hangs=hangs)
        found = self._measurer.probe(rig, SIZING, at_least_s, waiting, leaves_open=is_undecided)
        if hangs and found.validity.valid:
            self._waited_for.add(step)
        return found

    def _look_again(self, rig: Rig, reference: Measurement, step: int) -> None:
        """More samples of a size that stayed undecided, where the budget has time for them."""
        self._control.tell(f"measuring {step}m cpu again, where nothing was decided", 0.9)
        rig.resize(step)
        at_least_s = self._long_enough_s(reference, step)
        found = self._measurer.probe_again(rig, SIZING, at_least_s, gives_up=True)
        if found:
            self._note(found)

    def _note(self, probe: Measurement) -> None:
        """What cannot be believed proves nothing: it has not passed."""
        believed = probe.validity.valid
        self._tried[probe.cpu_millicores] = probe.outcome if believed else "undecided"

    @property
    def _most_probes(self) -> int:
        count = len(self._searched)
        return count if self._whole_curve else count.bit_length() + 1

    def _next(self, guess: int | None) -> int | Answer:
        """Of a curve every size, while there is time for more than an answer and its proof."""
        if self._whole_curve and self._control.remaining_s() > PROOF_S:
            step = next_of_curve(self.points, self._tried)
            if step is not None:
                return step
        return next_probe(self._searched, self._tried, guess, self._needs_millicores())

    def _needs_millicores(self) -> float:
        """What the load takes on average; 0 where that says nothing of a smaller size.

        Clients that wait for answers ask less of it, and threads that spin while no request is at
        work use less.
        """
        believed = [m for m in self.measurements if m.validity.valid]
        if self.spec.load.nominal_rps is None or any(spinning_millicores(m) for m in believed):
            return 0.0
        return needed_millicores(believed)

    def replayed(self, demand: Demand, bound: Bound) -> Estimate | None:
        """The smallest size at which a replay keeps the bound."""
        return estimate(demand, self.points, bound, len(self.spec.target.service_cores))

    def _long_enough_s(self, reference: Measurement, cpu_millicores: int) -> float:
        """The least load for a probe of this size, by how busy its quota will be on average."""
        cost_s, rps = reference.cpu_seconds_per_request, reference.achieved_rps
        busy = (cost_s or 0.0) * (rps or 0.0) * 1000 / cpu_millicores
        return BUSY_S if busy >= BUSY_SHARE else SHORTEST_S

    def size_to_verify(self) -> Limits | None:
        """What was found; None where nothing can be proven, no size is enough, or time ran out."""
        if not self._tried or leaks(self.measurements):
            return None
        found = next_probe(self._searched, self._tried)
        if not isinstance(found, Answer) or found.cpu_millicores is None:
            return None
        memory = memory_needed(self.measurements, self.spec.limits, self.spec.policy, self.survey)
        return Limits(found.cpu_millicores, memory)

    def smaller_sizes_to_verify(self) -> list[Limits]:
        """The same with only the memory that was found to be needed, where that is less."""
        size = self.size_to_verify()
        if size is None or self.pressure is None:
            return []
        memory = self.pressure.to_verify_bytes(self.spec.policy)
        return [Limits(size.cpu_millicores, each) for each in memory if each < size.memory_bytes]


def first_estimate(
    search: SizeSearch | RateSearch, rig: Rig, reference: Measurement, first: Measurement | None
) -> Estimate | RateEstimate | None:
    """What a replay of a reference says; None for what the model cannot replay.

    A relative objective, and what is told of the run, are of the run's `first` reference.
    """
    cost_s = reference.cpu_seconds_per_request
    if len(search.spec.load.stages) > 1 or not cost_s:
        return None
    requests = between(
        rig.driver.results(), "scheduled_ns", reference.started_ns, reference.ended_ns
    )
    search.demand = demand_in(requests, search.spec, cost_s)
    found = search.demand and search.replayed(
        search.demand, resolve_bound(search.spec.objective, first or reference)
    )
    if found and first in (None, reference):
        rig.control.emit(
            events.ESTIMATE, phase=reference.phase, seconds=round(reference.duration_s, 1),
            requests=reference.requests, **found.to_json(),
        )  # fmt: skip
    return found


def demand_in(requests: Columns, spec: Spec, cpu_seconds_per_request: float) -> Demand | None:
    """What these requests of a load of one stage ask of the service; None when none succeeded."""
    # What a container's server does at a time is not known; its cores are what it can use.
    cores = len(spec.target.service_cores)
    workers = spec.config.workers if isinstance(spec.config, ScoredConfig) else cores
    clients = spec.load.stages[0].concurrency
    return demand_of(requests, cpu_seconds_per_request, workers=workers, clients=clients)
