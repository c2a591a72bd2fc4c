"""The host's GPUs as NVML sees them, through nvidia-ml-py: which there are, and what they do now.

Meanings and units are those of NVML's reference (https://docs.nvidia.com/deploy/nvml-api/), told in
docs/gpu.md call by call. A call that a GPU or its driver does not know gives None, never an error.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import pynvml

from profiler.spec import Gpu

logger = logging.getLogger(__name__)

#: The service's own processes, asked for only where a GPU lists any.
ProcessIds = Callable[[], frozenset[int] | None]


@contextmanager
def nvml() -> Iterator[None]:
    """The library, initialised while entered; raises pynvml.NVMLError where it cannot be."""
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def host_gpus() -> tuple[Gpu, ...]:
    """Every GPU of this host, by index; none where no NVIDIA driver answers."""
    try:
        with nvml():
            indices = range(pynvml.nvmlDeviceGetCount())
            return tuple(gpu for gpu in map(_gpu, indices) if gpu is not None)
    except pynvml.NVMLError as error:
        logger.debug("no GPUs: %s", error)
        return ()


def _gpu(index: int) -> Gpu | None:
    """None for one that does not answer (one that has fallen off the bus, say)."""
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        return Gpu(
            index=index,
            uuid=pynvml.nvmlDeviceGetUUID(handle),
            name=pynvml.nvmlDeviceGetName(handle),
            memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
        )
    except pynvml.NVMLError as error:
        logger.warning("GPU %d does not answer and is left out: %s", index, error)
        return None


def circumstances(gpus: tuple[Gpu, ...]) -> dict:
    """Facts about the GPUs that a service was given, and their driver; {} without any."""
    if not gpus:
        return {}
    try:
        with nvml():
            driver = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        driver = None
    return {"gpus": [asdict(gpu) for gpu in gpus], "nvidia_driver": driver}


@dataclass(frozen=True)
class GpuReading:
    """One GPU at one instant; the fields are samples.GPU_COLUMNS, None where not known."""

    at_ns: int
    gpu: int
    read_ns: int
    utilisation_percent: int | None
    memory_utilisation_percent: int | None
    memory_used_bytes: int | None
    memory_own_bytes: int | None
    other_processes: int | None
    power_mw: int | None
    energy_mj: int | None
    temperature_c: int | None
    sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    throttle_reasons: int | None


class GpuReader:
    """Reads one GPU, again and again, while NVML is initialised."""

    def __init__(self, gpu: Gpu, process_ids: ProcessIds) -> None:
        self._gpu = gpu
        self._process_ids = process_ids
        self._handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)

    def read(self) -> GpuReading:
        at_ns = time.monotonic_ns()
        rates = self._ask(pynvml.nvmlDeviceGetUtilizationRates)
        own_bytes, others = self._processes()
        values = {
            "utilisation_percent": rates and rates.gpu,
            "memory_utilisation_percent": rates and rates.memory,
            "memory_used_bytes": self._memory_used(),
            "memory_own_bytes": own_bytes,
            "other_processes": others,
            "power_mw": self._ask(pynvml.nvmlDeviceGetPowerUsage),
            "energy_mj": self._ask(pynvml.nvmlDeviceGetTotalEnergyConsumption),
            "temperature_c": self._ask(
                pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU
            ),
            "sm_clock_mhz": self._ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
            "memory_clock_mhz": self._ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),
            "throttle_reasons": self._throttle_reasons(),
        }
        return GpuReading(at_ns, self._gpu.index, time.monotonic_ns() - at_ns, **values)

    def _ask(self, call: Callable, *arguments: object):
        """What a call says of this GPU; None where this GPU or driver cannot say."""
        try:
            return call(self._handle, *arguments)
        except pynvml.NVMLError:
            return None

    def _memory_used(self) -> int | None:
        """Without what the driver keeps for itself, where it says so (the call's version 2)."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlMemory_v2)
        memory = memory or self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else int(memory.used)

    def _throttle_reasons(self) -> int | None:
        """By its name since driver 535, else by the one before."""
        reasons = self._ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
        if reasons is None:
            reasons = self._ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        return reasons

    def _processes(self) -> tuple[int | None, int | None]:
        """Memory of the service's processes on this GPU, and how many others compute on it."""
        listed = self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses)
        if listed is None:
            return None, None
        own_ids = self._process_ids()
        if own_ids is None:
            return None, None
        used = [process.usedGpuMemory for process in listed if process.pid in own_ids]
        others = len(listed) - len(used)
        return (None if None in used else sum(used)), others
