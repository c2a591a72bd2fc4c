"""A run's clock: which phase it is in, whether it may go on, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from profiler import events
from profiler.errors import BudgetEnded, Cancelled
from profiler.units import NS

#: Where each phase begins on the run's progress bar (0..1); the last one ends at 1.
PHASE_STARTS = dict(zip(events.PHASES, (0.0, 0.15, 0.2, 0.25, 0.3, 0.4, 0.8, 0.9), strict=True))


@dataclass
class PhaseTime:
    """A stretch of the run: CLOCK_MONOTONIC nanoseconds; `ended_ns` is None while it lasts."""

    phase: str
    started_ns: int
    ended_ns: int | None = None

    def to_json(self) -> dict:
        ended_ns = self.ended_ns or time.monotonic_ns()
        return {"phase": self.phase, "seconds": round((ended_ns - self.started_ns) / NS, 3)}


class Control:
    """Phases, total time budget, cancellation and events of one run.

    `should_stop` is asked between any two steps and in every wait; whatever calls `check` stops
    within a tenth of a second of its answer turning true.
    """

    def __init__(self, listener: events.Listener, should_stop: Callable[[], bool]) -> None:
        self._listener = listener
        self._should_stop = should_stop
        self._deadline_ns: int | None = None
        self._budget_s = 0.0
        self.phases: list[PhaseTime] = []

    def emit(self, kind: str, /, **data: object) -> None:
        self._listener(events.Event(kind, data))

    def log(self, text: str) -> None:
        if text:
            self.emit(events.LOG, text=text if text.endswith("\n") else text + "\n")

    def enter(self, phase: str, message: str) -> None:
        """Begin a phase; the one before ends here."""
        self.leave()
        self.phases.append(PhaseTime(phase, time.monotonic_ns()))
        self.log(f"[{phase}] {message}")
        self.tell(message)

    def leave(self) -> None:
        """End the phase that lasts, if one does."""
        if self.phases and self.phases[-1].ended_ns is None:
            self.phases[-1].ended_ns = time.monotonic_ns()

    @property
    def phase(self) -> str | None:
        return self.phases[-1].phase if self.phases else None

    def tell(self, message: str, part: float = 0.0) -> None:
        """Say how far the current phase is: `part` of it, 0..1."""
        phase = self.phase or events.PHASES[0]
        starts = [*PHASE_STARTS.values(), 1.0]
        begin = PHASE_STARTS[phase]
        end = starts[events.PHASES.index(phase) + 1]
        fraction = begin + (end - begin) * min(max(part, 0.0), 1.0)
        self.emit(events.PHASE, phase=phase, fraction=round(fraction, 4), message=message)

    def start_budget(self, duration_s: float) -> None:
        """The time counts from here, the first start of the service; later calls do nothing."""
        if self._deadline_ns is None:
            self._budget_s = duration_s
            self._deadline_ns = time.monotonic_ns() + int(duration_s * NS)

    def remaining_s(self) -> float:
        """Seconds of the budget that are left; infinite before it was started."""
        if self._deadline_ns is None:
            return float("inf")
        return (self._deadline_ns - time.monotonic_ns()) / NS

    @contextmanager
    def holding_back(self, seconds: float) -> Iterator[None]:
        """What is done within may use the budget but for these last seconds of it."""
        before, self._deadline_ns = self._deadline_ns, self._deadline_ns - int(seconds * NS)
        try:
            yield
        finally:
            self._deadline_ns = before

    def check(self) -> None:
        """Raise Cancelled or BudgetEnded when the run must not go on."""
        if self._should_stop():
            raise Cancelled
        if self.remaining_s() <= 0:
            raise BudgetEnded(f"the run's budget of {self._budget_s:g} s is used up")

    def must_stop(self) -> bool:
        """The same question for callees that stop by themselves and cannot know our exceptions."""
        return self._should_stop() or self.remaining_s() <= 0

    def sleep(self, seconds: float) -> None:
        """Wait, checking every 50 ms."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(0.05, left))
        self.check()
