"""Sends the largest rows, alone and several at a time, and looks at the memory that this takes."""

from __future__ import annotations

import time

import numpy as np

from profiler.errors import RunFailed
from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Peaks, Sent, Survey, concurrencies, largest_rows
from profiler.rig import DRAIN_S, LOOK_S, Rig
from profiler.running.measurer import Measurer
from profiler.samples import ABORTED, OK
from profiler.spec import Load, ScoredConfig, Spec, Stage

#: Each is sent for this long, four samples at least, and until each client was answered twice; but
#: not much longer.
SEND_S, LEAST_SAMPLES, ANSWERS_EACH, LONGEST_S = 0.25, 4, 2, 2.0
#: Nothing more is begun after this.
SURVEY_S = 6.0


def survey_memory(measurer: Measurer, rig: Rig, reference: Measurement) -> Survey:
    """Find out at the largest size; the last thing that is done to a service, which may die of it.

    What goes wrong is told in the survey: the run does not depend on it.
    """
    rig.resize(rig.spec.limits.cpu_millicores)
    measurer.control.log("[memory] sending the largest rows alone and several at a time")
    return _Surveyor(measurer, rig, reached_by(rig.spec, reference)).survey()


def reached_by(spec: Spec, reference: Measurement) -> int:
    """How many requests at a time the load has in service: those in flight, or what clients allow.

    In open loop those in flight may only wait; more than the workers take is no need of theirs.
    """
    in_flight = reference.driver.get("in_flight_max") or 1
    workers = _workers(spec)
    return in_flight if workers is None else max(1, min(in_flight, 2 * workers))


def _workers(spec: Spec) -> int | None:
    """How many requests are in work at a time; None for a container, whose server is not known."""
    return spec.config.workers if isinstance(spec.config, ScoredConfig) else None


class _Surveyor:
    def __init__(self, measurer: Measurer, rig: Rig, reached: int) -> None:
        self._spec = rig.spec
        self._control = measurer.control
        self._rig = rig
        self._reached = reached
        self._body_bytes = measurer.rows.body_bytes
        self._rows = largest_rows(self._body_bytes)
        self._end_s = time.monotonic() + SURVEY_S
        self._missing: list[str] = []

    def survey(self) -> Survey:
        alone = [((row,), 1, f"row {row} alone") for row in self._rows]
        together = [
            (tuple(self._rows), level, f"the largest rows, {level} at a time")
            for level in concurrencies(self._reached, _workers(self._spec))
        ]
        by_row = [sent for each in alone if (sent := self._try(*each))]
        by_concurrency = [sent for each in together if (sent := self._try(*each))]
        return Survey(self._reached, tuple(by_row), tuple(by_concurrency), tuple(self._missing))

    def _try(self, rows: tuple[int, ...], concurrency: int, called: str) -> Sent | None:
        """None, with the reason noted, where it could not be measured."""
        if self._missing and time.monotonic() > self._end_s:
            return None
        if time.monotonic() > self._end_s:
            self._missing.append(f"The time for this, {SURVEY_S:g} s, ended before {called}.")
            return None
        try:
            return self._send(rows, concurrency)
        except RunFailed as failure:
            self._end_s = 0.0
            self._missing.append(f"The service ended under {called}: {failure.message}")
            return None

    def _send(self, rows: tuple[int, ...], concurrency: int) -> Sent:
        """A closed loop of these rows: a memory period of its own. RunFailed when it dies of it."""
        rig = self._rig
        rig.refuse_gone()
        start_ns = rig.end_period()
        rig.driver.start(self._load(concurrency), rows)
        try:
            self._wait(ANSWERS_EACH * concurrency)
        finally:
            rig.driver.stop(DRAIN_S)
        end_ns = rig.end_period()
        rig.refuse_gone()
        outcomes = rig.driver.results()["outcome"]
        answered = outcomes[outcomes != ABORTED]
        return Sent(
            rows,
            int(self._body_bytes[rows[0] - 1]),
            concurrency,
            concurrency <= self._reached,
            len(answered),
            int(np.count_nonzero(answered != OK)),
            Peaks.of(rig.usage_between(start_ns, end_ns)),
        )

    def _load(self, concurrency: int) -> Load:
        return Load(
            (Stage("closed", concurrency=concurrency),), timeout_s=self._spec.load.timeout_s
        )

    def _wait(self, answers: int) -> None:
        began = time.monotonic()
        shortest_s = max(SEND_S, LEAST_SAMPLES * self._rig.service.sample_interval_s)
        while (seconds := time.monotonic() - began) < LONGEST_S:
            if seconds >= shortest_s and len(self._rig.driver.results()["outcome"]) >= answers:
                return
            self._control.sleep(LOOK_S)
            self._rig.refuse_gone()
