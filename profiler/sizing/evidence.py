"""What a run's measurements say to the search: outcomes by size, and leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from profiler.measuring.measurement import Measurement
from profiler.measuring.statistics import Outcome
from profiler.spec import Variant

REFERENCE, SIZING, VERIFYING = "measuring", "sizing", "verifying"


def of_variant(measurements: Sequence[Measurement], variant: Variant) -> list[Measurement]:
    """Those of one variant of the config: what another one needs says nothing of it."""
    return [m for m in measurements if m.variant == variant]


def advised_variant(advice: Mapping | None, measurements: Sequence[Mapping]) -> dict:
    """Which variant a RESULT is about, as it stands there: the advised one, or else the first."""
    first = measurements[0] if measurements else {}
    return (advice or first).get("variant") or {}


def outcomes(measurements: Sequence[Measurement]) -> dict[int, Outcome]:
    """Outcome by cpu size of the reference and the probes; the latest believed one counts."""
    found: dict[int, Outcome] = {}
    for measurement in measurements:
        if measurement.phase in (REFERENCE, SIZING) and measurement.validity.valid:
            found[measurement.cpu_millicores] = measurement.outcome
    return found


def leaks(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The believed measurements whose memory leaks; a backlog of an overload is no leak."""
    return [
        m for m in measurements if m.memory_leaks and m.validity.valid and m.outcome != "failed"
    ]


def proof(measurements: Sequence[Measurement]) -> Measurement | None:
    """The last verifying measurement, where it proves something: believed and passed, of a fresh
    service, its start included, under enforced limits. At which size is for the caller to check.
    """
    last = next((m for m in reversed(measurements) if m.phase == VERIFYING), None)
    if last is None or not last.is_believed_pass or not last.limits_enforced:
        return None
    return None if last.startup_s is None or last.oom_kills else last


def is_undecided(measurement: Measurement) -> bool:
    """Whether it decided nothing, believed or not."""
    return measurement.outcome == "undecided"


def is_unsteady(measurement: Measurement) -> bool:
    """Whether it decided nothing and is not believed only because its latency rose and fell: near
    the edge queues do so by themselves, and the next measurement is likely to show the same.
    """
    codes = {finding.code for finding in measurement.validity.findings}
    return is_undecided(measurement) and codes == {"windows-not-steady"}


def is_telling(measurement: Measurement) -> bool:
    """Whether what a proof came to calls for another size: it is believed, or not steady alone."""
    return measurement.validity.valid or is_unsteady(measurement)


def latest_at(
    measurements: Sequence[Measurement], cpu_millicores: int, *, believed: bool = True
) -> Measurement | None:
    """The latest measurement at a cpu size: a believed one, or else, where allowed, any."""
    found = [m for m in measurements if m.cpu_millicores == cpu_millicores]
    valid = [m for m in found if m.validity.valid]
    return next(reversed(valid if believed else valid or found), None)
