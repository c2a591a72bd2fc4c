"""The seam: a running model service, in whatever it runs: a container and a process are two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from profiler.spec import Gpu


@dataclass(frozen=True)
class Address:
    """Where the service answers; for a container its own address, never a published port."""

    host: str
    port: int


class UsageReading(NamedTuple):
    """The kernel's counters for the whole service at one instant.

    Counters are cumulative since the service started. A field that this kind of service, or this
    kernel, cannot know is None, never 0. docs/usage.md names the source of each.
    """

    at_ns: int
    cpu_ns: int
    memory_current_bytes: int
    memory_working_set_bytes: int
    memory_anon_bytes: int | None = None
    memory_file_bytes: int | None = None
    memory_shmem_bytes: int | None = None
    memory_mapped_bytes: int | None = None
    memory_kernel_bytes: int | None = None
    memory_kernel_peak_bytes: int | None = None
    swap_bytes: int | None = None
    cpu_user_ns: int | None = None
    cpu_system_ns: int | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_ns: int | None = None
    burst_periods: int | None = None
    burst_ns: int | None = None
    cpu_pressure_some_ns: int | None = None
    cpu_pressure_full_ns: int | None = None
    memory_pressure_some_ns: int | None = None
    memory_pressure_full_ns: int | None = None
    io_pressure_some_ns: int | None = None
    io_pressure_full_ns: int | None = None
    page_faults_minor: int | None = None
    page_faults_major: int | None = None
    oom_kills: int | None = None
    oom_events: int | None = None
    memory_limit_hits: int | None = None
    memory_high_hits: int | None = None
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    processes: int | None = None
    threads: int | None = None


#: Counters as they were found, made out when it is called; None for what cannot be read.
Capture = Callable[[], UsageReading | None]


@dataclass(frozen=True)
class Exit:
    """How the service's first process ended."""

    code: int
    out_of_memory: bool


class Service(ABC):
    """A model service at one size, as a context manager: entering starts it, leaving removes it.

    A half-started service is cleaned up too. Every implementation raises RunFailed with the code
    that names what went wrong, and nothing else, for what is the user's to mend.
    """

    #: True where cpu and memory limits are enforced by the kernel.
    limits_enforced: bool = False
    #: Seconds between usage samples that this kind can afford.
    sample_interval_s: float = 0.025
    #: The GPUs that it was given, and no others are visible to it.
    gpus: tuple[Gpu, ...] = ()

    @abstractmethod
    def __enter__(self) -> Service: ...

    @abstractmethod
    def __exit__(self, *exc_info: object) -> None: ...

    @property
    @abstractmethod
    def address(self) -> Address:
        """Where requests go; known once started."""

    @property
    @abstractmethod
    def health_path(self) -> str:
        """The path that answers 200 once the service is ready."""

    @property
    @abstractmethod
    def started_ns(self) -> int:
        """CLOCK_MONOTONIC when the service's process was started."""

    @abstractmethod
    def read_usage(self, *, complete: bool = False) -> UsageReading | None:
        """The counters now; None once the service is gone.

        What changes slowly may be up to a second old, unless `complete` is asked for.
        """

    @abstractmethod
    def process_ids(self) -> frozenset[int] | None:
        """Its processes, as this host numbers them; None where that cannot be known."""

    def capture_usage(self, *, complete: bool = False) -> Capture | None:
        """The counters now, to be made out by a later call of what is returned; None once gone.

        Making out many at a time costs a fraction of doing it one by one, each after a sleep that
        has left the processor's caches cold.
        """
        reading = self.read_usage(complete=complete)
        return None if reading is None else lambda: reading

    @abstractmethod
    def reset_memory_peak(self) -> bool:
        """Start a new period for the kernel's peak counter; False where the kernel cannot."""

    @abstractmethod
    def resize(self, cpu_millicores: int) -> None:
        """Change the cpu quota of the running service, without a restart."""

    def limit_memory(self, memory_bytes: int) -> bool:
        """Change the memory limit of the running service, without a restart.

        False where it stays as it was: this kind enforces none, or the kernel cannot take so much
        back (cgroup version 1; version 2 kills for memory instead).
        """
        return False

    @abstractmethod
    def exited(self) -> Exit | None:
        """None while the first process runs."""

    @abstractmethod
    def log(self, max_bytes: int = 16_384) -> str:
        """The end of what the service wrote to stdout and stderr."""

    @abstractmethod
    def circumstances(self) -> dict:
        """Facts about this service to keep with its measurements (image digest, core set, ...)."""
