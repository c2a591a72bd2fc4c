"""A run's result in the ancestor's vocabulary: the keys of Azure ML v1's get_details()."""

from __future__ import annotations

from profiler.measuring.measurement import Measurement
from profiler.sizing.advice import Advice
from profiler.sizing.tags import requested_memory_in_gb
from profiler.spec import Limits

AZUREML_STATES = {
    "queued": "NotStarted",
    "running": "Running",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "timed_out": "TimedOut",
}


def azureml_details(
    *,
    name: str,
    state: str,
    limits: Limits,
    reference: Measurement | None = None,
    advice: Advice | None = None,
    requested_rps: float | None = None,
    description: str | None = None,
    created_time: str | None = None,
    error: dict | None = None,
) -> dict:
    """The keys of the ancestor's get_details(); those without a value are left out.

    `requestedCpu` and the memory are the limit tested, `recommended...` the advice. Memory comes
    under both spellings, since the ancestor's documentation and its SDK disagreed.
    """
    details = {
        "name": name,
        "description": description,
        "state": AZUREML_STATES[state],
        "createdTime": created_time,
        "requestedCpu": limits.cpu_millicores / 1000,
        **_in_gb("requestedMemoryIn", limits.memory_bytes),
        "requestedQueriesPerSecond": requested_rps,
    }
    if state == "succeeded" and reference is not None:
        details |= _azureml_figures(reference)
        if advice is not None and advice.cpu_millicores is not None:
            details["recommendedCpu"] = advice.cpu_millicores / 1000
            details |= _in_gb("recommendedMemoryIn", advice.memory_bytes)
    if error is not None:
        details["error"] = {"code": error["code"], "message": error["message"]}
    return {key: value for key, value in details.items() if value is not None}


def _azureml_figures(reference: Measurement) -> dict:
    latency = reference.latency
    succeeded = reference.requests - reference.errors
    figures = {
        "maxUtilizedCpu": _cores(reference.cpu_millicores_used_max),
        **_in_gb("maxUtilizedMemoryIn", reference.memory_working_set_peak_bytes),
        "totalQueries": reference.requests,
        "successQueries": succeeded,
        "successRate": 100 * succeeded / reference.requests if reference.requests else None,
        "measuredQueriesPerSecond": reference.achieved_rps,
    }
    if latency is not None:
        figures |= {
            "averageLatencyInMs": latency.mean,
            "latencyPercentile50InMs": latency.p50,
            "latencyPercentile90InMs": latency.p90,
            "latencyPercentile95InMs": latency.p95,
            "latencyPercentile99InMs": latency.p99,
            "latencyPercentile999InMs": latency.p999,
        }
    return figures


def _cores(millicores: float | None) -> float | None:
    return None if millicores is None else millicores / 1000


def _in_gb(prefix: str, memory_bytes: int | None) -> dict:
    value = None if memory_bytes is None else float(requested_memory_in_gb(memory_bytes))
    return {f"{prefix}GB": value, f"{prefix}Gb": value}
