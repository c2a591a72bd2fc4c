"""The stages of a load in turn: who sends the next request, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from time import monotonic_ns

import numpy as np

from profiler.arrivals.schedule import arrival_blocks, prepare, row_order, stage_end
from profiler.load.loop import Loop
from profiler.load.sender import Exchange, Sender
from profiler.load.timer import Alarm
from profiler.spec import Load, Stage
from profiler.units import NS

#: Requests sent in one go when many are due at once: answers are read in between, or a burst would
#: make the ones already there look slow.
_BURST = 64

#: A virtual user that got no answer waits this long before its next turn, so that a service that is
#: down is not flooded (an answer of any status, and open loop, never wait).
_PAUSE_S = 0.01

#: An open stage wakes this long before a request is due and looks round the loop until it is:
#: waking an idle processor takes about as long. At high rates less, so that at most a fifth of the
#: time goes into it.
_EARLY_NS, _EARLY_SHARE = 250_000, 0.2

#: From the command to the load's beginning: time to compute the first arrivals.
_LEAD_NS = 2_000_000


class Sequence:
    """A whole load: its stages one after the other, round and round, until it is stopped.

    It sends all rows in the load's order, or the given `rows` in theirs; random arrivals are the
    seed's `draw`.
    """

    def __init__(
        self,
        loop: Loop,
        sender: Sender,
        alarm: Alarm,
        load: Load,
        rows: list[int] | None = None,
        draw: tuple[int, ...] = (),
    ) -> None:
        self._loop = loop
        self._sender = sender
        self._alarm = alarm
        self._load = load
        self._draw = draw
        prepare(load, draw)
        if rows is None:
            rows = row_order(len(sender.requests), load.order, load.seed).tolist()
        self._rows = cycle(rows)
        self._begun = 0
        self._current: OpenStage | ClosedStage | None = None

    def begin(self) -> None:
        """Begin the first stage."""
        self._next(monotonic_ns() + _LEAD_NS)

    def stop(self) -> None:
        """Send nothing more."""
        self._alarm.clear()
        if self._current is not None:
            self._current.stop()
            self._current = None

    def _next(self, start_ns: int) -> None:
        ordinal, self._begun = self._begun, self._begun + 1
        index = ordinal % len(self._load.stages)
        stage = self._load.stages[index]
        if stage.mode == "open":
            blocks = arrival_blocks(stage, self._load.seed, start_ns, ordinal, self._draw)
            self._current = OpenStage(self, index, stage, start_ns, blocks)
        else:
            self._current = ClosedStage(self, index, stage, start_ns)
        self._current.begin()

    # For the stages

    def send(self, scheduled_ns: int, stage: int, done: Callable[[Exchange, bool], None]) -> None:
        self._sender.send(Exchange(scheduled_ns, next(self._rows), stage, done))

    def send_again(self, exchange: Exchange) -> None:
        """The next request of a client whose last one has ended: cheaper than a new exchange."""
        exchange.row = next(self._rows)
        exchange.retried = False
        exchange.scheduled_ns = monotonic_ns()
        self._sender.send(exchange)

    def wake(self, at_ns: int, call: Callable[[], None]) -> None:
        self._alarm.set(at_ns, call)

    def soon(self, call: Callable[[], None]) -> None:
        """Call after what else there is to do: answers that came meanwhile are read on time."""
        self._loop.call_soon(call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._loop.call_later(seconds, call)

    def stage_ended(self, at_ns: int) -> None:
        """The next stage begins exactly where this one ended, so that no time is lost between."""
        self._next(at_ns)


class OpenStage:
    """Requests at times fixed beforehand, whatever becomes of the ones before."""

    def __init__(
        self,
        sequence: Sequence,
        index: int,
        stage: Stage,
        start_ns: int,
        blocks: Iterator[np.ndarray],
    ) -> None:
        self._sequence = sequence
        self._index = index
        self._stage = stage
        self._start_ns = start_ns
        self._due = (due for block in blocks for due in block.tolist())
        self._sent = 0
        self._last = start_ns
        self._early_ns = min(_EARLY_NS, round(_EARLY_SHARE * NS / stage.rate_rps))

    def begin(self) -> None:
        self._arm(next(self._due, None))

    def stop(self) -> None:
        self._due = iter(())
        self._next_due = None

    def _arm(self, due: int | None) -> None:
        self._next_due = due
        if due is not None:
            self._sequence.wake(due - self._early_ns, self._fire)
            return
        end = stage_end(self._stage, self._start_ns, self._last, self._sent)
        self._sequence.wake(end, lambda: self._sequence.stage_ended(end))

    def _fire(self) -> None:
        """Send everything due; a little early, look again."""
        due = self._next_due
        if due is None:
            return  # stopped meanwhile
        if due > monotonic_ns():
            self._sequence.soon(self._fire)
            return
        for _ in repeat(None, _BURST):
            self._sequence.send(due, self._index, _ignore)
            self._sent += 1
            self._last = due
            due = next(self._due, None)
            if due is None or due > monotonic_ns():
                break
        self._arm(due)


class ClosedStage:
    """Virtual users that each send their next request when their previous one has ended."""

    def __init__(self, sequence: Sequence, index: int, stage: Stage, start_ns: int) -> None:
        self._sequence = sequence
        self._index = index
        self._stage = stage
        self._start_ns = start_ns
        #: None has no end: a number of turns is never equal to it.
        self._most = stage.requests
        self._begun = self._ended = 0
        self._over = False
        # Bound once: it is handed over with every request.
        self._when_done = self._done
        self._turns: list[Exchange] = []

    def begin(self) -> None:
        if self._stage.duration_s is not None:
            end = self._start_ns + round(self._stage.duration_s * NS)
            self._sequence.wake(end, lambda: self._end(end))
        for _ in range(self._stage.concurrency):
            self._turn()

    def stop(self) -> None:
        self._over = True

    def _turn(self) -> None:
        if self._over or self._begun == self._most:
            return
        self._begun += 1
        self._sequence.send(monotonic_ns(), self._index, self._when_done)

    def _done(self, exchange: Exchange, failed: bool) -> None:
        self._ended += 1
        if self._over:
            return
        if self._ended == self._most:
            self._end(monotonic_ns())
        elif failed:
            self._sequence.later(_PAUSE_S, self._turn)
        elif self._begun != self._most:
            self._begun += 1
            if not self._turns:
                self._sequence.soon(self._take_turns)
            self._turns.append(exchange)

    def _take_turns(self) -> None:
        """After all answers that were there have been read: a service that sleeps is woken once
        for all of these requests, not for each, which takes the driver a tenth of its time."""
        turns, self._turns = self._turns, []
        for exchange in turns:
            if not self._over:
                self._sequence.send_again(exchange)

    def _end(self, at_ns: int) -> None:
        if not self._over:
            self._over = True
            self._sequence.stage_ended(at_ns)


class OncePass:
    """Each given row once, one at a time."""

    def __init__(self, loop: Loop, sender: Sender, rows: list[int], finished: Callable) -> None:
        self._loop = loop
        self._sender = sender
        self._rows = iter(rows)
        self._finished = finished
        self._over = False

    def begin(self) -> None:
        self._turn()

    def stop(self) -> None:
        self._over = True

    def _turn(self) -> None:
        if self._over:
            return
        row = next(self._rows, None)
        if row is None:
            self._finished()
        else:
            self._sender.send(Exchange(monotonic_ns(), row, 0, self._done))

    def _done(self, exchange: Exchange, failed: bool) -> None:
        if failed:
            self._loop.call_later(_PAUSE_S, self._turn)
        else:
            self._turn()


def _ignore(exchange: Exchange, failed: bool) -> None:
    """What an open stage does about an answer."""
