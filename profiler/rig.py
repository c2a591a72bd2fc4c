"""A running service with driver and sampler attached, brought to where it can be measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict

import numpy as np

from profiler.answers import looks_like_error
from profiler.control import Control
from profiler.errors import REQUESTS_FAILED, TARGET_UNAVAILABLE, RunFailed
from profiler.load.driver import Driver
from profiler.measuring.answers_found import first_bad_text
from profiler.measuring.decision import is_open
from profiler.measuring.warmup import WarmUp, warm_up_over
from profiler.samples import ABORTED, OK, Columns
from profiler.service import Service
from profiler.services.gpu_sampler import GpuSampler
from profiler.services.readiness import wait_ready, why_gone
from profiler.services.usage import UsageSampler
from profiler.spec import Limits, Spec
from profiler.units import NS, NS_PER_MS

#: For requests in flight when the sending stops; a size that queues would take for ever.
DRAIN_S = 1.0
#: For what a service still has in its queue when a measurement has given it up.
DRAIN_QUEUE_S = 10.0
#: How often a load that goes on is looked at.
LOOK_S = 0.05
#: The check sends every row once, but begins none after this.
CHECK_S = 20.0
#: As much of a bad answer is told when it ends the run.
ANSWER_CHARACTERS = 500
UNREADABLE = (
    "The service runs, but what it uses cannot be read: its cgroup was not found in those mounted "
    "here. A worker in a container needs the host's process ids and /sys/fs/cgroup, as "
    "docker-compose.yml gives it; cpu and memory must be of the same cgroup version."
)


class Rig:
    """One entered service under the driver: made ready, checked, warmed up, resized.

    `rate_rps` is what the warm-up saw answered per second once it had settled, or what is offered
    since; `warmup` is how it went; `suspicious_rows` those whose success in the check reads like an
    error.
    """

    def __init__(
        self, spec: Spec, size: Limits, service: Service, driver: Driver, control: Control
    ) -> None:
        self.spec = spec
        #: What the next measurement sends.
        self.load = spec.load
        self.size = size
        self.service = service
        self.driver = driver
        self.control = control
        self.ready_ns = 0
        #: Moments at which a period ended: start-up first, then before and after each measurement.
        self.period_ends_ns: list[int] = []
        self.rate_rps = 0.0
        self.warmup: WarmUp | None = None
        self.suspicious_rows: tuple[int, ...] = ()
        #: The check's requests, each sent alone.
        self.checked: Columns | None = None
        self.sampler = UsageSampler(service)
        self.gpu_sampler = GpuSampler(service)

    def __enter__(self) -> Rig:
        self.gpu_sampler.__enter__()
        self.sampler.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.sampler.__exit__(*exc_info)
        self.gpu_sampler.__exit__(*exc_info)

    # -- before measuring --

    def become_ready(self) -> None:
        """Wait until the service answers; RunFailed says why it does not."""
        self.ready_ns = wait_ready(
            self.service,
            self.size,
            timeout_s=self.spec.budget.ready_s,
            check=self.control.check,
        )
        self.end_period()
        if self.sampler.last() is None:
            self.refuse_gone()
            raise RunFailed(TARGET_UNAVAILABLE, UNREADABLE, self.service.log())
        self.driver.connect(self.service.address)

    @property
    def startup_s(self) -> float:
        return (self.ready_ns - self.service.started_ns) / NS

    def check_rows(self, count: int) -> int:
        """Send each row once, in order; more failures than the objective allows end the run.

        Returns how many were sent: a large dataset is cut where the time for this ends. Where
        answers have to be the same as these, the rows are sent a second time, to find those that
        are answered differently each time.
        """
        compared = self.spec.answers is not None and self.spec.answers.same_as_largest
        answered = self._send_each(range(1, count + 1), "first" if compared else "")
        self.checked = answered
        self.suspicious_rows = tuple(
            answer.row
            for answer in self.driver.answers().values()
            if 200 <= answer.status < 300 and looks_like_error(answer.body)
        )
        if compared:
            self._send_each(answered["row"].tolist(), "second")
        return len(answered["row"])

    def _send_each(self, rows: Iterable[int], asking: str) -> Columns:
        end = time.monotonic() + CHECK_S
        answered = self.driver.once(
            rows,
            timeout_s=self.spec.load.timeout_s,
            should_stop=lambda: (
                self.control.must_stop() or time.monotonic() > end or self._is_gone()
            ),
            asking=asking,
        )
        self.control.check()
        self.refuse_gone()
        sent = len(answered["outcome"])
        failed = int(np.count_nonzero(answered["outcome"] != OK))
        if failed > self.spec.objective.max_error_rate * sent:
            raise self.requests_failed(failed, sent)
        return answered

    def requests_failed(self, failed: int, sent: int) -> RunFailed:
        """RequestsFailed, with the first bad row and what was answered to it."""
        bad = self.driver.first_bad()
        message = f"{failed} of {sent} requests failed at {self.size.cpu_millicores}m cpu"
        if bad is not None:
            message += f"; the first is {first_bad_text(asdict(bad), ANSWER_CHARACTERS)}"
        return RunFailed(REQUESTS_FAILED, message, self.service.log())

    def end_period(self) -> int:
        """Between start-up, warm-up and what is measured: memory peaks begin anew."""
        self.period_ends_ns.append(self.sampler.begin_period())
        return self.period_ends_ns[-1]

    def usage_between(self, start_ns: int, end_ns: int) -> Columns:
        """Samples of a period, begun by the last one before it."""
        usage = self.sampler.all()
        first = max(int(np.searchsorted(usage["at_ns"], start_ns, side="right")) - 1, 0)
        last = int(np.searchsorted(usage["at_ns"], end_ns, side="right"))
        return {name: values[first:last] for name, values in usage.items()}

    def _is_gone(self) -> bool:
        return why_gone(self.service, self.size) is not None

    def refuse_gone(self) -> None:
        """Raise what explains a service that ended or lost a process to memory."""
        reason = why_gone(self.service, self.size)
        if reason is not None:
            raise reason

    def warm_up(self, on_look: Callable[[], None] = lambda: None) -> None:
        """Load until the service has settled: measured for its rate, which presets how often to
        look, and for nothing else. `on_look` is called whenever it was looked at.
        """
        started_ns = time.monotonic_ns()
        self.driver.start(self.load)
        try:
            while self.warmup is None:
                self.control.sleep(LOOK_S)
                self.refuse_gone()
                on_look()
                self.warmup = self._warm_up_so_far(started_ns)
        finally:
            self.driver.stop(DRAIN_S)
        self.rate_rps = self._settled_rate(started_ns, self.warmup)

    def _warm_up_so_far(self, started_ns: int) -> WarmUp | None:
        requests = self.driver.results()
        return warm_up_over(
            (requests["finished_ns"] - started_ns) / NS,
            (requests["finished_ns"] - requests["scheduled_ns"]) / NS_PER_MS,
            (time.monotonic_ns() - started_ns) / NS,
            may_tell=len(self.load.stages) == 1,
            open_loop=is_open(self.load),
        )

    def _settled_rate(self, started_ns: int, warmup: WarmUp) -> float:
        """Answers per second after the slow beginning."""
        settled_ns = started_ns + int((warmup.truncated_at_s or 0.0) * NS)
        end_ns = started_ns + int(warmup.seconds * NS)
        finished_ns = self.driver.results()["finished_ns"]
        answered = (finished_ns > settled_ns) & (finished_ns <= end_ns)
        return int(np.count_nonzero(answered)) / ((end_ns - settled_ns) / NS)

    def drain(self) -> None:
        """Let the service answer what the last load left in its queue, with all the cpu there is.

        Requests that were given up are answered all the same. Over when one sent alone takes no
        longer than the slowest of the check did, which were sent alone too; or after a while.
        """
        if not np.count_nonzero(self.driver.results()["outcome"] == ABORTED):
            return
        if self.service.limits_enforced:
            self.service.resize(self.spec.limits.cpu_millicores)
        end = time.monotonic() + DRAIN_QUEUE_S
        while not self._answers_alone(end) and time.monotonic() < end:
            self.control.check()
            self.refuse_gone()
        if self.service.limits_enforced:
            self.service.resize(self.size.cpu_millicores)

    def _answers_alone(self, end: float) -> bool:
        """Whether a request sent alone is answered as one that nothing is in the way of."""
        answered = self.driver.once(
            [1],
            timeout_s=self.spec.load.timeout_s,
            should_stop=lambda: self.control.must_stop() or time.monotonic() > end,
        )
        return bool(len(answered["outcome"])) and _slowest_ns(answered) <= self._alone_ns

    @property
    def _alone_ns(self) -> float:
        """How long the slowest request of the check took; without a check any answer will do."""
        return math.inf if self.checked is None else _slowest_ns(self.checked)

    @property
    def expected_rps(self) -> float:
        """Requests a second: as many as are offered, or as the warm-up saw answered."""
        return self.load.nominal_rps or self.rate_rps

    def offer(self, rate_rps: float) -> None:
        """Send at another rate from the next measurement on."""
        self.load = self.load.at_rate(rate_rps)
        self.rate_rps = rate_rps

    def resize(self, cpu_millicores: int) -> None:
        """Change the running service's cpu quota: the next measurement is of that size."""
        self.service.resize(cpu_millicores)
        self.size = Limits(cpu_millicores, self.size.memory_bytes)

    def limit_memory(self, memory_bytes: int) -> bool:
        """Change the running service's memory limit; False where it stays as it was."""
        if not self.service.limit_memory(memory_bytes):
            return False
        self.size = Limits(self.size.cpu_millicores, memory_bytes)
        return True


def _slowest_ns(requests: Columns) -> int:
    return int((requests["finished_ns"] - requests["sent_ns"]).max())
