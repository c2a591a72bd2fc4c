"""Samples of what a service uses, taken at a steady pace for as long as it runs."""

from __future__ import annotations

import threading
import time
from array import array
from operator import attrgetter
from types import TracebackType

import numpy as np

from profiler.samples import USAGE_COLUMNS, Columns
from profiler.service import Capture, Service, UsageReading
from profiler.units import NS

#: Samples that are made out at a time: the first costs as much as the ten after it.
BATCH = 25
#: Columns that are the sampler's own, not the service's.
OWN_COLUMNS = ("memory_peak_resets", "sampler_cpu_ns")


class UsageSampler:
    """A thread that reads a started service every `service.sample_interval_s`.

    As a context manager: the first sample is taken on entering, the last on leaving. A column that
    the service's first reading does not know is absent from every answer.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        #: Held from a reading until it is kept, so that samples stay in order.
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._sample, name="usage-sampler", daemon=True)
        self._columns: dict[str, array] = {}
        self._known = attrgetter("at_ns")
        self._last: UsageReading | None = None
        self._taken = 0
        self._captured: list[tuple[Capture, int, int]] = []
        self._peak_resets = 0
        self._cpu_ns = 0

    def __enter__(self) -> UsageSampler:
        with self._lock:
            self._capture(complete=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._thread.join()
        with self._lock:
            self._capture(complete=True)

    def begin_period(self) -> int:
        """Sample everything, then let the kernel's memory peak begin anew, where it can.

        Returns the time of that sample, which belongs to the period that it ends: the peak of a
        period is found in the samples after its first moment, until its last.
        """
        with self._lock:
            self._capture(complete=True)
            at_ns = self._last.at_ns if self._last else time.monotonic_ns()
            self._peak_resets += self._service.reset_memory_peak()
        return at_ns

    def take(self) -> Columns:
        """The samples since the last `take`, as usage columns; all columns empty when none came."""
        with self._lock:
            self._make_out()
            first, self._taken = self._taken, len(self._columns.get("at_ns", ()))
            return self._since(first)

    def all(self) -> Columns:
        """Every sample since entering, as usage columns."""
        with self._lock:
            self._make_out()
            return self._since(0)

    def last(self) -> UsageReading | None:
        """The newest sample; None when the service was never readable."""
        with self._lock:
            self._make_out()
            return self._last

    def _sample(self) -> None:
        """Keep to multiples of the interval; where one was missed, go on from now.

        Sleeping costs half of what waiting for an event does; leaving takes an interval for it.
        """
        interval_ns = int(self._service.sample_interval_s * NS)
        due_ns = time.monotonic_ns() + interval_ns
        while not self._stopping:
            time.sleep(max(due_ns - time.monotonic_ns(), 0) / NS)
            with self._lock:
                self._cpu_ns = time.thread_time_ns()
                self._capture()
            due_ns = max(due_ns + interval_ns, time.monotonic_ns())

    def _capture(self, *, complete: bool = False) -> None:
        """Take a sample; make out those taken so far at a period's end, or once they are many."""
        captured = self._service.capture_usage(complete=complete)
        if captured is not None:
            self._captured.append((captured, self._peak_resets, self._cpu_ns))
        if complete or len(self._captured) >= BATCH:
            self._make_out()

    def _make_out(self) -> None:
        """Keep what was captured, as columns."""
        captured, self._captured = self._captured, []
        for make_out, *own in captured:
            if (reading := make_out()) is not None:
                self._keep(reading, own)

    def _keep(self, reading: UsageReading, own: list[int]) -> None:
        if self._last is None:
            known = [name for name in USAGE_COLUMNS if getattr(reading, name, None) is not None]
            self._columns = {name: array("q") for name in (*known, *OWN_COLUMNS)}
            self._known = attrgetter(*known)
        self._last = reading
        now = (*self._known(reading), *own)
        for values, value in zip(self._columns.values(), now, strict=True):
            # A value that is missing later repeats the one before it.
            values.append(values[-1] if value is None else value)

    def _since(self, first: int) -> Columns:
        if not self._columns:
            return {name: np.empty(0, kind) for name, kind in USAGE_COLUMNS.items()}
        return {
            name: np.array(values[first:], USAGE_COLUMNS[name])
            for name, values in self._columns.items()
        }
