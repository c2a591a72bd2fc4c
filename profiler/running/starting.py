"""One more start, at the size that should halve the time to ready where the advised one is slow."""

from __future__ import annotations

from profiler.errors import RunFailed
from profiler.load.driver import Driver
from profiler.measuring.consumption import cpu_seconds_so_far
from profiler.rig import Rig
from profiler.running.measurer import Measurer
from profiler.running.size_search import SizeSearch
from profiler.services.prepared import Start
from profiler.sizing.evidence import VERIFYING
from profiler.sizing.explanation import size_text
from profiler.sizing.startup import StartPoint, start_advice, starts_of
from profiler.spec import Limits

#: A start is tried where it should take at most this share of the time that is left.
BUDGET_SHARE = 0.5


def try_faster_start(measurer: Measurer, search: SizeSearch, start: Start, driver: Driver) -> None:
    """Start afresh at the size that should halve it, once, where a proven size starts slowly."""
    known = search.measurements
    verified = next(reversed(known), None)
    if verified is None or verified.phase != VERIFYING or not verified.is_believed_pass:
        return
    advice = start_advice(known, search.points, verified.cpu_millicores)
    if advice is None or advice.halving_millicores is None:
        return
    if any(start.cpu_millicores == advice.halving_millicores for start in starts_of(known)):
        return
    control = measurer.control
    if advice.model.seconds(advice.halving_millicores) > BUDGET_SHARE * control.remaining_s():
        return
    size = Limits(advice.halving_millicores, verified.memory_bytes)
    control.log(f"[starting] at {size_text(size)}, which should halve the time to ready")
    try:
        service = start(size)
        with service, Rig(search.spec, size, service, driver, control) as rig:
            rig.become_ready()
            usage = rig.usage_between(0, rig.period_ends_ns[0])
            cpu_s = cpu_seconds_so_far(usage)
            search.starts.append(StartPoint(size.cpu_millicores, rig.startup_s, cpu_s))
    except RunFailed as failure:
        control.log(f"No start at {size_text(size)}: {failure.message}")
