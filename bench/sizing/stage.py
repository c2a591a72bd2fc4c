"""Services of the benchmarks under our driver: started, warmed up, drained, without a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.kit.containers import LABELS
from profiler.circumstances import aside
from profiler.control import Control
from profiler.dataset import DatasetSummary, read_dataset, summarise
from profiler.load.driver import Driver
from profiler.measuring.sensitivity import RowFacts
from profiler.rig import Rig
from profiler.services.prepared import prepared
from profiler.spec import Limits, Spec

#: Requests that are answered one by one before a measurement: no queue is left then.
DRAINED_BY = 10


@dataclass(frozen=True)
class Stage:
    """An image that is made, a driver with its rows, and the way to start services."""

    spec: Spec
    control: Control
    summary: DatasetSummary
    rows: RowFacts
    driver: Driver
    _start: Callable

    @contextmanager
    def service(self, size: Limits) -> Iterator[Rig]:
        """A fresh service at this size that has answered each row once and is warm.

        RunFailed where it does not start or dies.
        """
        service = self._start(size)
        with service, Rig(self.spec, size, service, self.driver, self.control) as rig:
            rig.become_ready()
            rig.check_rows(self.summary.rows)
            rig.warm_up()
            yield rig

    def drain(self, rig: Rig) -> None:
        """At the largest size, so that it takes no longer than it must."""
        rig.resize(self.spec.limits.cpu_millicores)
        rows = [number % self.summary.rows + 1 for number in range(DRAINED_BY)]
        self.driver.once(rows, self.spec.load.timeout_s, self.control.must_stop)
        rig.refuse_gone()


@contextmanager
def staged(spec: Spec, should_stop: Callable[[], bool]) -> Iterator[Stage]:
    """RunFailed where the image cannot be made; Cancelled once `should_stop` says so."""
    control = Control(lambda event: None, should_stop)
    rows = read_dataset(spec.dataset)
    with (
        tempfile.TemporaryDirectory(prefix="mp-bench-") as folder,
        prepared(spec, control, LABELS, Path(folder)) as start_with,
        aside(spec.target.driver_cores),
        Driver(rows, cores=spec.target.driver_cores, work_dir=Path(folder)) as driver,
    ):
        start = partial(start_with, gpus=())
        yield Stage(spec, control, summarise(rows), RowFacts.of(rows), driver, start)
