"""Says what size, or rate, it will about be: within seconds of load, long before it is measured."""

from __future__ import annotations

import time

from profiler import events
from profiler.measuring.consumption import counted_between
from profiler.rig import Rig
from profiler.running.rate_search import RateSearch
from profiler.running.size_search import SizeSearch, demand_in
from profiler.samples import Columns, between
from profiler.sizing.instant import bound_by_replay, under_load
from profiler.units import NS

#: It is said this many seconds after the load began; when the warm-up ends, if that is earlier.
SAID_AFTER_S = 5.0
#: Fewer requests under the load than this, and those that were sent alone tell more.
FEW_REQUESTS = 20


class InstantEstimate:
    """Looked at while the rig warms up; said once."""

    def __init__(self, search: SizeSearch | RateSearch, rig: Rig) -> None:
        self._search = search
        self._rig = rig
        self._began_ns = time.monotonic_ns()
        self._is_said = len(rig.spec.load.stages) > 1  # which cannot be replayed

    def look(self) -> None:
        """During the warm-up."""
        if (time.monotonic_ns() - self._began_ns) / NS >= SAID_AFTER_S:
            self.say()

    def say(self) -> None:
        """Once; nothing where too little is known for any estimate."""
        if self._is_said:
            return
        self._is_said = True
        requests, start_ns, end_ns = self._seen()
        cpu_ns = counted_between(self._rig.sampler.all(), "cpu_ns", start_ns, end_ns)
        if not cpu_ns or not len(requests["outcome"]):
            return
        spec = self._search.spec
        alone = demand_in(requests, spec, cpu_ns / NS / len(requests["outcome"]))
        if alone is None:
            return
        demand = under_load(alone, spec.load)
        cores = len(spec.target.service_cores)
        bound = bound_by_replay(spec.objective, demand, spec.limits.cpu_millicores / 1000, cores)
        found = self._search.replayed(demand, bound)
        self._rig.control.emit(
            events.ESTIMATE, phase="warming", seconds=round((end_ns - start_ns) / NS, 1),
            requests=len(requests["outcome"]),
            **(found.to_json() if found else {self._search.looked_for: None}),
        )  # fmt: skip

    def _seen(self) -> tuple[Columns, int, int]:
        """Requests and the period they are of: the later half of the load so far, or the check."""
        now_ns = time.monotonic_ns()
        half_ns = (self._began_ns + now_ns) // 2
        warming = between(self._rig.driver.results(), "finished_ns", half_ns, now_ns)
        checked = self._rig.checked
        enough = len(warming["outcome"]) >= FEW_REQUESTS
        if enough or checked is None or len(checked["outcome"]) <= len(warming["outcome"]):
            return warming, half_ns, now_ns
        return checked, int(checked["sent_ns"].min()), int(checked["finished_ns"].max())
