"""The engine's events as rows: gathered for about a second, then written in one transaction."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator

from django.db import OperationalError

from profiler import events
from profiler.raw.tables import clock_of
from profiler.samples import Columns, concatenate
from profiler.units import NS
from runs.models import LogChunk, Measurement, ProfileRun, SampleChunk
from runs.models.run_transitions import LostRun

logger = logging.getLogger(__name__)

#: Seconds between writes: pages poll at this pace, and SQLite has one writer at a time.
FLUSH_INTERVAL_S = 1.0


class Recorder:
    """Listens to one attempt of a run and writes what it hears, while the run is the token's.

    Once the run is lost nothing more is written, and `lost` is True. Called from the engine's
    threads and from the watch's, hence the lock.
    """

    def __init__(self, run: ProfileRun, token: uuid.UUID) -> None:
        self.lost = False
        self._run = run
        self._token = token
        self._lock = threading.RLock()
        self._flushed_at = time.monotonic()
        self._state: dict = {}
        self._log: list[str] = []
        self._samples: dict[tuple[int, str], list[Columns]] = defaultdict(list)
        self._measurements: dict[int, dict] = {}
        self._next_index: dict[object, int] = defaultdict(int)
        self._phases: list[tuple[str, int]] = []

    def __call__(self, event: events.Event) -> None:
        with self._lock:
            urgent = self._take(event)
            if urgent:
                self.flush()
            else:
                self.flush_if_due()

    def flush_if_due(self) -> None:
        with self._lock:
            if time.monotonic() - self._flushed_at >= FLUSH_INTERVAL_S:
                self.flush()

    def flush(self) -> None:
        """Write what was gathered; kept for the next time when the database is busy or away."""
        with self._lock:
            if self.lost or not self._has_news():
                return
            self._flushed_at = time.monotonic()
            try:
                self._write()
            except LostRun:
                self.lost = True
            except OperationalError as error:
                logger.warning("%s: progress is written later (%s)", self._run.name, error)
                return
            self._forget()

    def _has_news(self) -> bool:
        return bool(self._state or self._log or self._samples or self._measurements)

    def _take(self, event: events.Event) -> bool:
        """Gather one event; True when a reader should see it at once."""
        data = event.data
        if event.kind == events.PHASE:
            return self._take_phase(event)
        if event.kind == events.LOG:
            # PostgreSQL keeps no NUL in a text.
            self._log.append(data["text"].replace("\x00", "�"))
        elif event.kind == events.CIRCUMSTANCES:
            self._state["circumstances"] = data
        elif event.kind == events.STARTED:
            self._state["current"] = data
            return True
        elif event.kind == events.ESTIMATE:
            self._state["estimate"] = data
            return True
        elif event.kind == events.SAMPLES:
            self._samples[data["ordinal"], data["series"]].append(data["columns"])
        elif event.kind == events.MEASUREMENT:
            self._measurements[data["ordinal"]] = data["measurement"]
            self._state["current"] = None
            return True
        return False

    def _take_phase(self, event: events.Event) -> bool:
        phase = event.data["phase"]
        entered = not self._phases or self._phases[-1][0] != phase
        if entered:
            self._phases.append((phase, event.at_ns))
        self._state.update(
            phase=phase,
            fraction=event.data["fraction"],
            message=event.data["message"],
            phase_times=list(self._phase_times(event.at_ns)),
        )
        return entered

    def _phase_times(self, now_ns: int) -> Iterator[dict]:
        ends = [*(start for _, start in self._phases[1:]), now_ns]
        for (phase, start), end in zip(self._phases, ends, strict=True):
            yield {"phase": phase, "seconds": round((end - start) / NS, 3)}

    def _write(self) -> None:
        chunks = [
            chunk for key, parts in self._samples.items() for chunk in self._chunk(key, parts)
        ]
        with self._run.held(self._token, **self._state):
            if self._log:
                LogChunk.objects.create(
                    run=self._run, index=self._next_index["log"], text="".join(self._log)
                )
            SampleChunk.objects.bulk_create(chunks)
            for ordinal, data in self._measurements.items():
                Measurement.objects.create(**measurement_fields(self._run, ordinal, data))

    def _chunk(self, key: tuple[int, str], parts: list[Columns]) -> Iterator[SampleChunk]:
        from profiler.measuring import codec

        (ordinal, series), columns = key, concatenate(parts)
        clock = columns[clock_of(series)]
        if len(clock):
            yield SampleChunk(
                run=self._run,
                measurement=ordinal,
                series=series,
                index=self._next_index[key],
                start_ns=int(clock.min()),
                end_ns=int(clock.max()),
                count=len(clock),
                blob=codec.encode(columns),
            )

    def _forget(self) -> None:
        if self._log:
            self._next_index["log"] += 1
        for key in self._samples:
            self._next_index[key] += 1
        self._state, self._log = {}, []
        self._samples.clear()
        self._measurements = {}


def measurement_fields(run: ProfileRun, ordinal: int, data: dict) -> dict:
    """The row of an engine's Measurement.to_json(): what is searched for as columns, and all."""
    return {
        "run": run,
        "ordinal": ordinal,
        "phase": data["phase"],
        "cpu_millicores": data["cpu_millicores"],
        "memory_bytes": data["memory_bytes"],
        "outcome": data["outcome"],
        "valid": data["validity"]["valid"],
        "requests": data["requests"],
        "data": data,
    }
