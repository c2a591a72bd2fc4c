"""Names and types of the raw columns: what the driver and the sampler record.

All times are CLOCK_MONOTONIC nanoseconds. A column that could not be known is absent.
"""

from __future__ import annotations

import numpy as np

Columns = dict[str, np.ndarray]

#: One entry per request, in order of scheduled time.
REQUEST_COLUMNS: dict[str, str] = {
    "scheduled_ns": "i8",  # when it was due (closed loop: when its turn came)
    "sent_ns": "i8",  # when the driver turned to it; getting a connection comes after
    "finished_ns": "i8",  # kernel had the last byte of the answer, or when it was given up
    "status": "i2",  # HTTP status; 0 when there was none
    "outcome": "u1",  # index into OUTCOMES
    "bytes_sent": "i8",
    "bytes_received": "i8",
    "row": "i4",  # dataset row, from 1
    "stage": "i2",  # index into the load's stages
}

OUTCOMES = (
    "ok",
    "http_error",
    "connect_failed",
    "reset",
    "timeout",
    "malformed",
    "aborted",  # we stopped before the answer came: neither success nor error
    "wrong_answer",  # a success by its status that fails the check of its body
)
OK, TIMEOUT, ABORTED = 0, 4, 6

#: One entry per row of the dataset, once a run, with its first measurement's ordinal (0).
ROW_COLUMNS: dict[str, str] = {
    "row": "i4",  # from 1
    "body_bytes": "i8",
    "label_code": "i4",  # place among the dataset's distinct labels, sorted; -1 for none
}

#: One entry per sample of the service's usage: the fields of service.UsageReading (cumulative
#: counters), and two of the sampler's own.
USAGE_COLUMNS: dict[str, str] = {
    "at_ns": "i8",
    "cpu_ns": "i8",
    "cpu_user_ns": "i8",
    "cpu_system_ns": "i8",
    "periods": "i8",
    "throttled_periods": "i8",
    "throttled_ns": "i8",
    "burst_periods": "i8",
    "burst_ns": "i8",
    "cpu_pressure_some_ns": "i8",
    "cpu_pressure_full_ns": "i8",
    "memory_pressure_some_ns": "i8",
    "memory_pressure_full_ns": "i8",
    "io_pressure_some_ns": "i8",
    "io_pressure_full_ns": "i8",
    "memory_current_bytes": "i8",
    "memory_working_set_bytes": "i8",
    "memory_anon_bytes": "i8",
    "memory_file_bytes": "i8",
    "memory_shmem_bytes": "i8",
    "memory_mapped_bytes": "i8",  # of files and shared memory
    "memory_kernel_bytes": "i8",
    "memory_kernel_peak_bytes": "i8",  # since the last reset
    "swap_bytes": "i8",
    "page_faults_minor": "i8",
    "page_faults_major": "i8",
    "oom_kills": "i8",
    "oom_events": "i8",
    "memory_limit_hits": "i8",
    "memory_high_hits": "i8",
    "block_read_bytes": "i8",
    "block_written_bytes": "i8",
    "network_received_bytes": "i8",
    "network_sent_bytes": "i8",
    "processes": "i4",
    "threads": "i4",
    "memory_peak_resets": "i4",  # how often the kernel's peak was made to begin anew
    "sampler_cpu_ns": "i8",  # CPU time of the sampling thread
}


#: One entry per GPU and sample, from NVML; `energy_mj` is cumulative, all else holds at that
#: instant or over NVML's own period before it (docs/gpu.md).
GPU_COLUMNS: dict[str, str] = {
    "at_ns": "i8",
    "gpu": "i2",  # its index, as NVML counts
    "read_ns": "i8",  # how long the reading itself took
    "utilisation_percent": "i2",
    "memory_utilisation_percent": "i2",
    "memory_used_bytes": "i8",  # by everybody
    "memory_own_bytes": "i8",  # by the service's processes
    "other_processes": "i4",  # that compute on it and are not the service's
    "power_mw": "i4",
    "energy_mj": "i8",
    "temperature_c": "i2",
    "sm_clock_mhz": "i4",
    "memory_clock_mhz": "i4",
    "throttle_reasons": "i8",  # NVML's bits of why the clocks are not higher
}


def concatenate(parts: list[Columns]) -> Columns:
    """Join chunks of the same columns, in order."""
    if not parts:
        return {}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def between(columns: Columns, clock: str, start_ns: int, end_ns: int) -> Columns:
    """The entries whose `clock` column lies in [start_ns, end_ns)."""
    keep = (columns[clock] >= start_ns) & (columns[clock] < end_ns)
    return {name: values[keep] for name, values in columns.items()}
