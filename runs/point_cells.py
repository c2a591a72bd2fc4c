"""How points are written in a table: a heading with its unit, and a text for each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from profiler.samples import Columns
from profiler.units import MIB
from runs.formatting import UNKNOWN


@dataclass(frozen=True)
class Heading:
    """`sort` is what the column can be sorted by, empty where it cannot."""

    name: str
    title: str
    write: Callable[[float], str] = lambda value: f"{value:,.0f}"
    sort: str = ""

    @property
    def sort_down(self) -> str:
        return f"-{self.sort}"


@dataclass(frozen=True)
class Cell:
    """`plain` is the value as it goes into an address."""

    name: str
    text: str
    plain: object


def _seconds(value: float) -> str:
    return f"{value:,.4f}"


def _exact(value: float) -> str:
    return f"{value:,.3f}"


def _mebibytes(value: float) -> str:
    return f"{value / MIB:,.2f}"


def _thousandth(value: float) -> str:
    return f"{value / 1000:,.1f}"


def _millionth(value: float) -> str:
    return f"{value / 1e6:,.3f}"


def _word(value: str) -> str:
    return value.replace("_", " ")


NUMBER = Heading("number", "No.")
HEADINGS = {
    "requests": (
        NUMBER,
        Heading("scheduled_s", "Due, s", _seconds, sort="time"),
        Heading("latency_ms", "Latency, ms", _exact, sort="latency"),
        Heading("latency_from_send_ms", "From sending, ms", _exact),
        Heading("outcome", "Outcome", _word),
        Heading("status", "Status", str),
        Heading("bytes_sent", "Sent, B"),
        Heading("bytes_received", "Received, B"),
        Heading("row", "Row"),
        Heading("stage", "Stage", lambda value: f"{value + 1}"),
    ),
    "usage": (
        NUMBER,
        Heading("at_s", "At, s", _seconds, sort="time"),
        Heading("cpu_millicores_since_previous", "CPU, m"),
        Heading("periods_since_previous", "Periods"),
        Heading("throttled_periods_since_previous", "Throttled"),
        Heading("throttled_ns_since_previous", "Throttled, ms", _millionth),
        Heading("memory_working_set_bytes", "Working set, MiB", _mebibytes),
        Heading("memory_anon_bytes", "Anonymous, MiB", _mebibytes),
        Heading("memory_shmem_bytes", "Shared, MiB", _mebibytes),
        Heading("memory_file_bytes", "File, MiB", _mebibytes),
        Heading("memory_mapped_bytes", "Mapped, MiB", _mebibytes),
        Heading("memory_kernel_peak_bytes", "Kernel peak, MiB", _mebibytes),
        Heading("threads", "Threads"),
        Heading("oom_kills", "OOM kills"),
    ),
    "gpu": (
        NUMBER,
        Heading("at_s", "At, s", _seconds, sort="time"),
        Heading("gpu", "GPU"),
        Heading("utilisation_percent", "Busy, %"),
        Heading("memory_utilisation_percent", "Memory busy, %"),
        Heading("memory_used_bytes", "Memory used, MiB", _mebibytes),
        Heading("memory_own_bytes", "The service's, MiB", _mebibytes),
        Heading("other_processes", "Others on it"),
        Heading("power_mw", "Power, W", _thousandth),
        Heading("energy_mj", "Energy so far, J", _thousandth),
        Heading("temperature_c", "Temperature, °C"),
        Heading("sm_clock_mhz", "SM clock, MHz"),
        Heading("memory_clock_mhz", "Memory clock, MHz"),
        Heading("throttle_reasons", "Throttle bits", lambda value: f"{value:#x}"),
    ),
}


def headings(series: str, table: Columns) -> list[Heading]:
    """Those that this kind of service can fill."""
    return [heading for heading in HEADINGS[series] if heading.name in table]


def rows(shown: list[Heading], table: Columns) -> Iterator[list[Cell]]:
    """The texts of each point, in the order of the headings."""
    written = [
        [Cell(heading.name, _text(heading, value), value) for value in table[heading.name].tolist()]
        for heading in shown
    ]
    return (list(cells) for cells in zip(*written, strict=True))


def _text(heading: Heading, value: object) -> str:
    unknown = isinstance(value, float) and np.isnan(value)
    return UNKNOWN if unknown else heading.write(value)
