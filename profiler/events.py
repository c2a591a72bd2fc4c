"""Progress as it leaves the engine: versioned events on the run's one monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

EVENTS_VERSION = 1

PHASES = (
    "building", "starting", "checking", "warming", "measuring", "sizing", "verifying", "diagnosing",
)  # fmt: skip

# Kinds of event and what their `data` holds:
#   phase        {phase, fraction (0..1 of the whole run), message}; also sent within a phase
#   log          {text}: lines for the run's log (build output, service log)
#   circumstances {...}: facts about host, image and inputs, once known
#   started      {ordinal, phase, cpu_millicores, memory_bytes}: a measurement begins
#   samples      {ordinal, series, columns: {name: numpy array}}: raw data of the series
#                "requests", "usage", "gpu" and, once a run with ordinal 0, "rows"
#   estimate     what a replay of the requests so far says, until the answer is measured: {phase,
#                seconds, requests} it was made of, and of a size {cpu_millicores, latency_ms, rps},
#                of a rate {rate_rps, latency_ms} (only the first of these, and null, where a
#                replay keeps the objective at none); sent while the service warms up, and once more
#                after the first measurement
#   measurement  {ordinal, measurement: dict}: a measurement is complete (Measurement.to_json())
PHASE, LOG, CIRCUMSTANCES = "phase", "log", "circumstances"
STARTED, SAMPLES, MEASUREMENT = "started", "samples", "measurement"
ESTIMATE = "estimate"


@dataclass(frozen=True)
class Event:
    """One step of progress. `at_ns` is CLOCK_MONOTONIC, the clock of all samples."""

    kind: str
    data: dict
    at_ns: int = field(default_factory=time.monotonic_ns)
    version: int = EVENTS_VERSION


Listener = Callable[[Event], None]
