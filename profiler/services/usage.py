"""Samples of what a service uses, taken at a steady pace for as long as it runs."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import numpy as np

from profiler.samples import USAGE_COLUMNS, Columns
from profiler.service import Service, UsageReading

NS = 1_000_000_000


class UsageSampler:
    """A thread that reads a started service every `service.sample_interval_s`.

    As a context manager: the first sample is taken on entering, the last on leaving. A column that
    the service's first reading does not know is absent from every answer.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="usage-sampler", daemon=True)
        self._readings: list[UsageReading] = []
        self._taken = 0

    def __enter__(self) -> UsageSampler:
        self._read()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._read()

    def take(self) -> Columns:
        """The samples since the last `take`, as usage columns; all columns empty when none came."""
        with self._lock:
            new = self._readings[self._taken :]
            self._taken = len(self._readings)
            return self._columns(new)

    def all(self) -> Columns:
        """Every sample since entering, as usage columns."""
        with self._lock:
            return self._columns(self._readings)

    def last(self) -> UsageReading | None:
        """The newest sample; None when the service was never readable."""
        with self._lock:
            return self._readings[-1] if self._readings else None

    def _sample(self) -> None:
        """Keep to multiples of the interval; where one was missed, go on from now."""
        interval_ns = int(self._service.sample_interval_s * NS)
        due_ns = time.monotonic_ns() + interval_ns
        while not self._stopping.wait(max(due_ns - time.monotonic_ns(), 0) / NS):
            self._read()
            due_ns = max(due_ns + interval_ns, time.monotonic_ns())

    def _read(self) -> None:
        reading = self._service.read_usage()
        if reading is not None:
            with self._lock:
                self._readings.append(reading)

    def _columns(self, readings: list[UsageReading]) -> Columns:
        """Called with the lock held. A value that is missing later repeats the one before it."""
        if not self._readings:
            return {name: np.empty(0, kind) for name, kind in USAGE_COLUMNS.items()}
        first = self._readings[0]
        known = [name for name in USAGE_COLUMNS if getattr(first, name) is not None]
        return {name: self._column(readings, name) for name in known}

    def _column(self, readings: list[UsageReading], name: str) -> np.ndarray:
        values = np.empty(len(readings), USAGE_COLUMNS[name])
        value = getattr(self._readings[0], name)
        for index, reading in enumerate(readings):
            now = getattr(reading, name)
            value = value if now is None else now
            values[index] = value
        return values
