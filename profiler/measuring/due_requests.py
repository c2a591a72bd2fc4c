"""Every request due in a period, answered or not, and what can be counted of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from profiler.measuring.dependence import BLOCKS
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import Estimate, mean_interval, nearest_rank
from profiler.samples import ABORTED, OK, TIMEOUT, Columns
from profiler.units import NS, NS_PER_MS

#: A window of measured time, judged for itself: ten of those periods.
WINDOW_S = 1.0
#: A window is void when the driver's p99 lateness exceeds the larger of these.
LATE_MS, LATE_SHARE = 0.2, 0.05
#: What was answered so long before a request has used up nothing of it: a quota is granted anew
#: each 100 ms.
QUOTA_PERIOD_NS = 100_000_000
NEVER_NS = np.iinfo("i8").max


@dataclass(frozen=True)
class Due:
    """Every request due in a period, in order of its scheduled time, answered or not.

    `known_ns` is when it finished, or until when it is known to have been unfinished. `over` is
    true of errors and of requests older than the bound, finished or not; `settled` of those whose
    `over` can no longer change; `alone` of those that met no other (see `met_no_other`).
    """

    scheduled_ns: np.ndarray
    known_ns: np.ndarray
    done: np.ndarray
    error: np.ndarray
    over: np.ndarray
    settled: np.ndarray
    void: np.ndarray
    alone: np.ndarray

    def __len__(self) -> int:
        return len(self.scheduled_ns)

    def where(self, keep: np.ndarray) -> Due:
        return Due(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def first(self, count: int) -> Due:
        return Due(*(getattr(self, name)[:count] for name in self.__dataclass_fields__))


def due_requests(
    requests: Columns,
    bound: Bound,
    start_ns: int,
    now_ns: int,
    pending_ns: np.ndarray | None = None,
) -> Due:
    """Finished, given-up and pending requests of a period in one order, each with its verdict.

    Requests we aborted before they were older than the bound say nothing and are left out.
    """
    pending = np.empty(0, dtype="i8") if pending_ns is None else np.asarray(pending_ns)
    waiting = np.full(len(pending), now_ns, dtype="i8")
    aborted = requests["outcome"] == ABORTED
    no, yes = np.zeros(len(pending), dtype=bool), np.ones(len(pending), dtype=bool)

    scheduled_ns = np.concatenate([requests["scheduled_ns"], pending])
    known_ns = np.concatenate([requests["finished_ns"], waiting])
    done = np.concatenate([~aborted, no])
    error = np.concatenate([~aborted & (requests["outcome"] != OK), no])
    if bound.latency_ms is None:
        late = np.zeros(len(scheduled_ns), dtype=bool)
    else:
        late = known_ns - scheduled_ns > bound.latency_ms * NS_PER_MS
    can_tell = np.concatenate([~aborted, yes]) | late
    answered = np.concatenate([~aborted & (requests["outcome"] != TIMEOUT), no])
    alone = met_no_other(scheduled_ns, known_ns, answered, bound)
    due = Due(scheduled_ns, known_ns, done, error, error | late, done | late, ~can_tell, alone)
    due = due.where(can_tell & (scheduled_ns >= start_ns) & (scheduled_ns < now_ns))
    due = due.where(np.argsort(due.scheduled_ns, kind="stable"))
    void = _in_void_windows(due.scheduled_ns, requests, start_ns, now_ns)
    return replace(due, void=void)


def met_no_other(
    scheduled_ns: np.ndarray, known_ns: np.ndarray, answered: np.ndarray, bound: Bound
) -> np.ndarray:
    """Which requests had the service to themselves until they were answered, or over the bound.

    All before them were answered a period of the quota earlier (what was given up may still be in
    service), and the next was due no sooner. No lower rate could have served them better.
    """
    order = np.argsort(scheduled_ns, kind="stable")
    due_ns, count = scheduled_ns[order], len(order)
    ends_ns = np.where(answered, known_ns, NEVER_NS - QUOTA_PERIOD_NS)[order]
    free_ns = np.r_[0, np.maximum.accumulate(ends_ns)[:-1] + QUOTA_PERIOD_NS][:count]
    next_ns = np.r_[due_ns[1:], NEVER_NS][:count]
    until_ns = known_ns[order]
    if bound.latency_ms is not None:
        until_ns = np.minimum(until_ns, due_ns + int(bound.latency_ms * NS_PER_MS))
    alone = np.empty(count, dtype=bool)
    alone[order] = (due_ns >= free_ns) & (next_ns >= until_ns)
    return alone


def void_windows(requests: Columns, start_ns: int, end_ns: int) -> np.ndarray:
    """For each window of WINDOW_S whether the driver was too late in it to be believed.

    Too late: p99 of sent - scheduled over max(0.2 ms, 5 % of the p99 latency of that window).
    """
    width = int(WINDOW_S * NS)
    count = max(1, -(-(end_ns - start_ns) // width))
    void = np.zeros(count, dtype=bool)
    window = (requests["scheduled_ns"] - start_ns) // width
    for index in range(count):
        inside = window == index
        late_ms, allowed_ms = lateness_ms({k: v[inside] for k, v in requests.items()})
        void[index] = late_ms is not None and late_ms > allowed_ms
    return void


def lateness_ms(requests: Columns) -> tuple[float | None, float]:
    """The driver's p99 lateness over some requests, and what is allowed there, in ms."""
    late_ms = nearest_rank((requests["sent_ns"] - requests["scheduled_ns"]) / NS_PER_MS, 99)
    finished = requests["finished_ns"] - requests["scheduled_ns"]
    p99_ms = nearest_rank(finished / NS_PER_MS, 99) or 0.0
    return late_ms, max(LATE_MS, LATE_SHARE * p99_ms)


def _in_void_windows(
    scheduled_ns: np.ndarray, requests: Columns, start_ns: int, now_ns: int
) -> np.ndarray:
    void = void_windows(requests, start_ns, now_ns)
    return void[(scheduled_ns - start_ns) // int(WINDOW_S * NS)]


def left_behind(due: Due, at_ns: int, allowed_ns: float) -> int:
    """How many requests were unanswered at an instant and by then older than allowed."""
    unanswered = ~due.done | (due.known_ns > at_ns)
    return int((unanswered & (at_ns - due.scheduled_ns > allowed_ns)).sum())


def achieved_share(due: Due, bound: Bound) -> tuple[float | None, int, int]:
    """Share of the offered rate that is achieved, with the requests left behind and those due.

    Left behind: due, unanswered and older than the latency bound (a younger one may yet be in
    time). Counted over the later half of the time, because a load that has just begun has nothing
    in flight yet. None where nothing was due.
    """
    first_ns, last_ns = int(due.scheduled_ns[0]), int(due.scheduled_ns[-1])
    middle_ns = first_ns + (last_ns - first_ns) // 2
    count = int((due.scheduled_ns > middle_ns).sum())
    if count == 0:
        return None, 0, 0
    allowed_ns = (bound.latency_ms or 0.0) * NS_PER_MS
    behind = left_behind(due, last_ns, allowed_ns) - left_behind(due, middle_ns, allowed_ns)
    # Some that were left behind in it were due just before it.
    behind = min(max(behind, 0), count)
    return (count - behind) / count, behind, count


def in_flight(due: Due, start_ns: int, points: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Requests due and unfinished at evenly spaced times: (seconds since the start, number)."""
    at_ns = np.linspace(start_ns, int(due.scheduled_ns[-1]), points + 1)[1:]
    finished = np.sort(due.known_ns[due.done])
    number = np.searchsorted(due.scheduled_ns, at_ns, "right") - np.searchsorted(
        finished, at_ns, "right"
    )
    return (at_ns - start_ns) / NS, number.astype(float)


def throughput(due: Due, start_ns: int, confidence: float) -> Estimate | None:
    """Answers per second with an interval from ten blocks of equally many answers.

    A block is timed from its first answer to the next block's, so nothing is lost to rounding;
    blocks that touch a void window are left out.
    """
    finished = np.sort(due.known_ns[due.done])
    size = (len(finished) - 1) // BLOCKS
    if size < 1:
        return None
    edges = finished[: BLOCKS * size + 1 : size]
    window = (due.scheduled_ns - start_ns) // int(WINDOW_S * NS)
    whole = _blocks_within(edges, start_ns, np.unique(window))
    cycles = mean_interval(np.diff(edges)[whole] / size / NS, confidence)
    if cycles is None or cycles.low <= 0:
        return None
    return Estimate(1 / cycles.value, 1 / cycles.high, 1 / cycles.low)


def _blocks_within(edges: np.ndarray, start_ns: int, windows: np.ndarray) -> np.ndarray:
    """Which blocks lie in windows that have counted requests (one past the last belongs too)."""
    width = int(WINDOW_S * NS)
    known = set(windows.tolist()) | {int(windows[-1]) + 1}
    spans = zip((edges[:-1] - start_ns) // width, (edges[1:] - start_ns) // width, strict=True)
    return np.array([{int(a), int(b)} <= known for a, b in spans])
