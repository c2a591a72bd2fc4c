"""What memory the largest rows take, alone and several at a time: what to send, and what it showed.

docs/memory.md says what counts towards an advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from profiler.measuring.consumption import largest, most
from profiler.measuring.memory_peaks import peak_of_period
from profiler.samples import Columns

#: So many of the largest rows, where one is so many times the median, and so many at a time.
LARGEST_ROWS = 3
LARGE = 2.0
CONCURRENCIES = (1, 2, 4)
#: A worker that is given this many requests at a time has one in work and one that waits: more
#: wait in queues that other levels have shown.
REQUESTS_A_WORKER = 2


@dataclass(frozen=True)
class Peaks:
    """The most of one period, in bytes, each at its own moment; None where it is not known.

    `peak_bytes` is in use (see memory_peaks); `at_most_bytes` bounds it between samples.
    """

    peak_bytes: int | None
    at_most_bytes: int | None
    anon_peak_bytes: int | None
    file_peak_bytes: int | None

    @classmethod
    def of(cls, usage: Columns) -> Peaks:
        """Of a period's samples, the first of which is the last of the period before it."""
        found = peak_of_period(usage)
        return cls(
            found.in_use,
            largest(found.in_use, found.at_most),
            most(usage, "memory_anon_bytes"),
            most(usage, "memory_file_bytes"),
        )


@dataclass(frozen=True)
class Sent:
    """Rows that were sent `concurrency` at a time, and the memory that this took.

    `body_bytes` is the size of the largest of their bodies.
    `counts` where the load itself has so many requests in service: an advice builds on it.
    """

    rows: tuple[int, ...]
    body_bytes: int
    concurrency: int
    counts: bool
    requests: int
    errors: int
    peaks: Peaks

    def to_json(self) -> dict:
        data = {**vars(self), **asdict(self.peaks), "rows": list(self.rows)}
        del data["peaks"]
        return data


@dataclass(frozen=True)
class Survey:
    """All that was sent. `reached` is how many requests at a time the load itself has in service.

    `missing` says what was not measured, and why.
    """

    reached: int
    by_row: tuple[Sent, ...] = ()
    by_concurrency: tuple[Sent, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def counted_peak_bytes(self) -> int | None:
        """The most in use of what the load may do as well."""
        peaks = [
            sent.peaks.peak_bytes for sent in (*self.by_row, *self.by_concurrency) if sent.counts
        ]
        return max((peak for peak in peaks if peak is not None), default=None)


def largest_rows(body_bytes: np.ndarray) -> list[int]:
    """Numbers (from 1) of the rows with the largest bodies, largest first; of equals the first.

    One stands for all where bodies are alike.
    """
    order = np.argsort(-body_bytes, kind="stable")
    alike = body_bytes.max() < LARGE * np.median(body_bytes)
    return [int(place) + 1 for place in order[: 1 if alike else LARGEST_ROWS]]


def concurrencies(reached: int, workers: int | None) -> Sequence[int]:
    """How many requests at a time are worth a look; `workers` is None where it is not known.

    Those that the load reaches, and the next one above, which tells where memory would go.
    """
    most_useful = CONCURRENCIES[-1] if workers is None else REQUESTS_A_WORKER * workers
    useful = [level for level in CONCURRENCIES if level <= max(most_useful, 1)]
    above = [level for level in useful if level > reached]
    return [level for level in useful if level <= reached] + above[:1]
