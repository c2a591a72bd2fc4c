"""One measurement of a set number of requests, that nothing it shows makes shorter or longer."""

from __future__ import annotations

import math
import time

from profiler.measuring.decision import Decision
from profiler.measuring.due_requests import due_requests
from profiler.measuring.objective import Bound
from profiler.measuring.sensitivity import RowFacts
from profiler.measuring.statistics import over_share
from profiler.probe import Probe
from profiler.rig import LOOK_S, Rig
from profiler.sizing.evidence import SIZING

#: Once too many requests are late already, a queue of so many seconds of load ends a point: what
#: comes after cannot make it pass.
PILED_UP_S = 3.0


class FixedProbe(Probe):
    """A measurement of `count` requests of an open load, each waited for.

    It fails where more of them than the percentile lets took longer than the bound, or failed, and
    passes otherwise: no confidence is asked for. `piled_up` where it ended before all were sent.
    """

    def __init__(
        self,
        rig: Rig,
        bound: Bound,
        *,
        count: int,
        rows: RowFacts,
        distinct_rows: int,
        draw: tuple[int, ...],
    ):
        super().__init__(
            rig, bound, phase=SIZING, ordinal=0, at_least_s=1.0,
            distinct_rows=distinct_rows, rows=rows, draw=draw,
        )  # fmt: skip
        self._count = count
        self._may_be_over = math.floor(count * over_share(bound.percentile) + 1e-9)
        self.piled_up = False

    def _watch(self) -> Decision:
        rig = self._rig
        while True:
            rig.control.sleep(LOOK_S)
            rig.refuse_gone()
            requests, pending_ns = rig.driver.snapshot()
            now_ns = time.monotonic_ns()
            due = due_requests(requests, self._bound, self._start_ns, now_ns, pending_ns)
            counted = due.first(self._count)
            over = int(counted.over.sum())
            is_whole = len(counted) == self._count and bool(counted.settled.all())
            waiting_s = len(pending_ns) / rig.load.stages[0].rate_rps
            self.piled_up = not is_whole and over > self._may_be_over and waiting_s > PILED_UP_S
            if is_whole or self.piled_up:
                outcome = "failed" if over > self._may_be_over else "passed"
                return Decision(outcome, (), len(counted), over)
