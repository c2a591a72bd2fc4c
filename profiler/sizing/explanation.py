"""An advice in words: one paragraph with the formula's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.measuring.gpu import GpuUse
from profiler.measuring.growth import per_hour_text, seconds_until, time_text
from profiler.measuring.measurement import Measurement
from profiler.measuring.objective import describe
from profiler.measuring.statistics import Estimate
from profiler.spec import Limits, Load, Objective, Policy
from profiler.units import GIB, MIB


def reference_sentence(reference: Measurement) -> str:
    """What the largest size gave, and what a request costs."""
    said = (
        f"At the largest size, {size_text(size_of(reference))}, {latency_text(reference)} over "
        f"{reference.requests} requests"
    )
    cost_s, rate = reference.cpu_seconds_per_request, reference.achieved_rps
    if cost_s and rate:
        said += (
            f"; a request cost {cost_s * 1000:.3g} ms of cpu, so {rate:.4g} requests/s need "
            f"{cost_s * rate * 1000:.0f}m on average"
        )
    return said + "."


def cpu_sentence(
    cpu_millicores: int,
    points: Sequence[int],
    at_size: Measurement | None,
    below: Measurement | None,
    policy: Policy,
) -> str:
    """Why this cpu and no less: its own probe, and the one at the size below, where taken."""
    cpu = cpu_text(cpu_millicores)
    if at_size is None or at_size.outcome != "passed":
        kept = ""
    else:
        kept = f"At {cpu} a probe kept the objective ({latency_text(at_size)})"
    if cpu_millicores == points[0]:
        at_floor = cpu_millicores == policy.floors.cpu_millicores
        why = f", the floor of policy {policy.name}" if at_floor else ""
        return f"{kept}; it is the smallest size that is tried{why}." if kept else ""
    if below is None or below.outcome == "passed":
        return f"{kept}." if kept else ""
    at, why = cpu_text(below.cpu_millicores), "; ".join(below.outcome_reasons)
    if not below.validity.valid:
        unknown = f"at {at}, the size below, no measurement could be believed, so it may do as well"
        return f"{kept}; {unknown}." if kept else f"{unknown[0].upper()}{unknown[1:]}."
    if below.outcome == "undecided":
        unknown = f"at {at}, the size below, it stayed undecided ({why}), so it may do as well"
        return f"{kept}; {unknown}." if kept else f"{unknown[0].upper()}{unknown[1:]}."
    if kept:
        return f"{kept}; at {at}, the size below, it did not ({why})."
    return f"At {at}, the size below {cpu}, the objective was not kept ({why})."


def larger_failures_sentence(cpu_millicores: int, failed: Sequence[int]) -> str:
    """Said where larger sizes failed than one that passed: noise, or a service that is odd."""
    if not failed:
        return ""
    at = ", ".join(cpu_text(size) for size in failed)
    return (
        f"Yet at {at}, which is more than {cpu_text(cpu_millicores)}, the objective was not kept: "
        "the service does not only depend on its cpu, or something disturbed it."
    )


def cpu_by_use_sentence(used_millicores: float | None, policy: Policy, advised: int) -> str:
    """Why this cpu where no quota could be tried."""
    if used_millicores is None:
        return ""
    return (
        f"CPU: the most used in any second, {used_millicores:.0f}m, plus {policy.cpu_margin:.0%} "
        f"(policy {policy.name}), rounded up to the next size that is tried, at most the largest, "
        f"is {cpu_text(advised)}."
    )


def memory_sentence(
    startup_peak_bytes: int | None,
    steady_peak_bytes: int | None,
    advised_bytes: int,
    policy: Policy,
    computed_bytes: int | None,
) -> str:
    """Memory by its formula, and where verification went from there."""
    said = (
        f"Memory: the larger of {memory_text(startup_peak_bytes)} at the peak of starting and "
        f"{memory_text(steady_peak_bytes)} under load, plus {policy.memory_margin:.0%}, rounded up "
        f"to {memory_text(policy.memory_step_bytes)} (policy {policy.name}{_floor_text(policy)}), "
        f"is {memory_text(computed_bytes)}"
    )
    if advised_bytes < (computed_bytes or 0):
        said += (
            "; less was found to be needed when the limit was lowered, and what was tried and is "
            f"advised is {memory_text(advised_bytes)}"
        )
    elif computed_bytes != advised_bytes:
        said += f"; what was tried and is advised is {memory_text(advised_bytes)}"
    return said + "."


def _floor_text(policy: Policy) -> str:
    """Said wherever there is a floor, since it bounds what comes out."""
    floor = policy.floors.memory_bytes
    return f", at least {memory_text(floor)}" if floor else ""


def gpu_memory_sentence(
    used: Sequence[GpuUse], margin: float, step_bytes: int, advised_bytes: int | None
) -> str:
    """GPU memory by its formula, and that nothing held the service to it."""
    if not used:
        return ""
    known = [gpu for gpu in used if gpu.memory_peak_bytes is not None]
    if not known:
        return "GPU memory could not be read."
    fullest = max(known, key=lambda gpu: gpu.memory_peak_bytes)
    gpus = f"the {fullest.name}" if fullest.count == 1 else f"each of {fullest.count} GPUs"
    whose = "" if fullest.memory_source == "processes" else " (all that was in use on it)"
    return (
        f"GPU memory: the peak of {memory_text(fullest.memory_peak_bytes)}{whose} on {gpus}, plus "
        f"{margin:.0%}, rounded up to {memory_text(step_bytes)}, at most its "
        f"{memory_text(fullest.memory_total_bytes)}, is {memory_text(advised_bytes)}; no limit "
        "held the service to it."
    )


def objective_sentence(objective: Objective, load: Load) -> str:
    return f"The objective under {load_text(load)}: {describe(objective)}."


def load_text(load: Load) -> str:
    """A load in a few words; of several stages only their number."""
    if len(load.stages) > 1:
        return f"a load of {len(load.stages)} stages"
    (stage,) = load.stages
    if stage.mode == "closed":
        return f"{stage.concurrency} client{'s' if stage.concurrency != 1 else ''} in closed loop"
    if stage.arrivals == "recorded":
        return (
            f"{len(stage.times_s)} recorded arrivals ({stage.rate_rps:.4g} requests/s on average)"
        )
    return f"{stage.rate_rps:g} requests/s ({stage.arrivals} arrivals)"


def verified_sentence(verified: Measurement) -> str:
    return (
        f"A fresh service at exactly {size_text(size_of(verified))} then kept the objective: "
        f"{latency_text(verified)} over {verified.requests} requests, with "
        f"{verified.errors or 'no'} errors."
    )


#: What any service reads now and then is less.
READS_BYTES_PER_S = MIB


def reads_sentence(verified: Measurement, in_memory_bytes: int | None) -> str:
    """That files are read again and again within a memory that has no room for them."""
    read, seconds = verified.block_read_bytes or 0, verified.duration_s
    if not in_memory_bytes or verified.memory_bytes >= in_memory_bytes:
        return ""
    if not seconds or read < READS_BYTES_PER_S * seconds:
        return ""
    return (
        f"Within {memory_text(verified.memory_bytes)} it read {read / seconds / MIB:.3g} MiB/s of "
        f"files from the disk again, and was quick enough with this disk; "
        f"{memory_text(in_memory_bytes)} keeps them in memory."
    )


def leak_sentence(measurement: Measurement) -> str:
    slope = measurement.memory_slope_bytes_per_s
    return (
        f"Memory leaks: it grew by {per_hour_text(slope)} at {size_text(size_of(measurement))}"
        f"{_reached_after(measurement, slope)}, so no size is enough for long."
    )


def _reached_after(measurement: Measurement, slope: Estimate) -> str:
    """When this goes on to the limit it ran under; empty where that is not known."""
    used = measurement.memory_steady_peak_bytes
    if used is None or not measurement.limits_enforced:
        return ""
    left = seconds_until(measurement.memory_bytes, used, slope)
    return f"; from {memory_text(used)} it meets that limit after {time_text(left)}" if left else ""


def size_of(measurement: Measurement) -> Limits:
    """The size a measurement was taken at."""
    return Limits(measurement.cpu_millicores, measurement.memory_bytes)


def latency_text(measurement: Measurement) -> str:
    value_ms = measurement.latency_at_percentile_ms
    if measurement.bound is None or value_ms is None:
        return "no request was answered"
    return f"p{measurement.bound.percentile:g} was {value_ms:.4g} ms"


def size_text(size: Limits) -> str:
    return f"{cpu_text(size.cpu_millicores)} cpu and {memory_text(size.memory_bytes)}"


def rate_text(rate_rps: float) -> str:
    return f"{rate_rps:g} requests/s"


def cpu_text(millicores: int) -> str:
    """500m below one core, 1.5 above."""
    return f"{millicores}m" if millicores < 1000 else f"{millicores / 1000:g}"


def memory_text(bytes_: int | None) -> str:
    if bytes_ is None:
        return "an unknown amount"
    return f"{bytes_ / MIB:.4g} MiB" if bytes_ < GIB else f"{bytes_ / GIB:.4g} GiB"
