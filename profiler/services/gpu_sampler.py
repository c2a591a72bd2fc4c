"""Samples of a service's GPUs, taken in a thread of its own for as long as the service runs."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from types import TracebackType

import numpy as np
import pynvml

from profiler.errors import NO_GPU, RunFailed
from profiler.samples import GPU_COLUMNS, Columns
from profiler.service import Service
from profiler.services.gpu import GpuReader, GpuReading, nvml
from profiler.units import NS

#: NVML averages utilisation over a period of its own, 1/6 s to 1 s by product: sampled faster
#: than that no period is missed, and a peak of memory, which is read as it stands, from 0.1 s on.
INTERVAL_S = 0.1


class GpuSampler:
    """A thread that reads each GPU of a started service every INTERVAL_S, on the monotonic clock.

    As a context manager: the first sample is taken on entering, the last on leaving. A service
    without GPUs has no samples and costs nothing. Raises RunFailed (NoGpu) on entering when a GPU
    does not answer any more. A column that the first readings do not know is absent throughout.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._readers: list[GpuReader] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="gpu-sampler", daemon=True)
        self._library = ExitStack()
        self._readings: list[GpuReading] = []
        self._taken = 0

    def __enter__(self) -> GpuSampler:
        if self._service.gpus:
            self._open()
            self._read()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._readers:
            self._stopping.set()
            self._thread.join()
            self._read()
        self._library.close()

    def take(self) -> Columns:
        """The samples since the last `take`, as GPU columns; {} when none came."""
        with self._lock:
            new = self._readings[self._taken :]
            self._taken = len(self._readings)
            return self._columns(new)

    def all(self) -> Columns:
        """Every sample since entering, as GPU columns; {} without a GPU."""
        with self._lock:
            return self._columns(self._readings)

    def _open(self) -> None:
        try:
            self._library.enter_context(nvml())
            self._readers = [
                GpuReader(gpu, self._service.process_ids) for gpu in self._service.gpus
            ]
        except pynvml.NVMLError as error:
            self._library.close()
            raise RunFailed(NO_GPU, f"The GPU cannot be read any more: {error}.") from error

    def _sample(self) -> None:
        """Keep to multiples of the interval; where one was missed, go on from now."""
        interval_ns = int(INTERVAL_S * NS)
        due_ns = time.monotonic_ns() + interval_ns
        while not self._stopping.wait(max(due_ns - time.monotonic_ns(), 0) / NS):
            self._read()
            due_ns = max(due_ns + interval_ns, time.monotonic_ns())

    def _read(self) -> None:
        readings = [reader.read() for reader in self._readers]
        with self._lock:
            self._readings += readings

    def _columns(self, readings: list[GpuReading]) -> Columns:
        """Called with the lock held. A value that is missing later repeats that GPU's last one."""
        if not readings:
            return {}
        firsts = self._readings[: len(self._readers)]
        names = [name for name in GPU_COLUMNS if all(_knows(first, name) for first in firsts)]
        return {name: self._column(readings, name, firsts) for name in names}

    def _column(
        self, readings: list[GpuReading], name: str, firsts: list[GpuReading]
    ) -> np.ndarray:
        values = np.empty(len(readings), GPU_COLUMNS[name])
        last = {first.gpu: getattr(first, name) for first in firsts}
        for index, reading in enumerate(readings):
            now = getattr(reading, name)
            last[reading.gpu] = last[reading.gpu] if now is None else now
            values[index] = last[reading.gpu]
        return values


def _knows(reading: GpuReading, name: str) -> bool:
    return getattr(reading, name) is not None
