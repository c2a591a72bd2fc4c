"""Objectives and sizes in words, as tags, and with the ancestor's names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from profiler.azureml import azureml_details
from profiler.measuring.latency import LatencySummary
from profiler.measuring.objective import describe, resolve_bound
from profiler.sizing.tags import requested_cpu, requested_memory_in_gb, rounded_sizes, tags
from profiler.spec import (
    Load,
    Objective,
    Stage,
)
from tests.measurements import (
    ADVISED_MEMORY,
    GIB,
    LIMITS,
    OBJECTIVE,
    REFERENCE,
    SEARCH,
    advised,
    measured,
)
from tests.raw_samples import CLOSED, MIB, OPEN

# ---- objectives ----


def test_an_absolute_objective_is_its_own_bound() -> None:
    found = resolve_bound(OBJECTIVE, REFERENCE)
    assert (found.percentile, found.latency_ms, found.min_throughput_rps) == (99, 50, None)


def test_a_relative_objective_is_resolved_by_the_reference() -> None:
    objective = Objective()
    assert resolve_bound(objective, None).latency_ms is None
    closed = replace(REFERENCE, offered_rps=None, achieved_rps=40.0, latency_at_percentile_ms=20.0)
    found = resolve_bound(objective, closed)
    assert (found.latency_ms, found.min_throughput_rps) == (25.0, 38.0)
    assert resolve_bound(objective, REFERENCE).min_throughput_rps is None


def test_objectives_in_words() -> None:
    assert describe(OBJECTIVE) == "p99 at most 50 ms, errors at most 0 %, 95 % confidence"
    assert describe(Objective(max_error_rate=0.001)) == (
        "p95 at most 1.25 times, and throughput at least 95 % of, what the largest size gives, "
        "errors at most 0.1 %, 95 % confidence"
    )


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (CLOSED, "under 1 client in closed loop"),
        (Load((Stage("closed", concurrency=8),)), "under 8 clients in closed loop"),
        (Load((*CLOSED.stages, *OPEN.stages)), "under a load of 2 stages"),
    ],
)
def test_loads_in_words(load, words) -> None:
    assert words in advised(SEARCH, budget_ended=True, load=load).explanation


# ---- tags ----


@pytest.mark.parametrize(
    ("millicores", "text"), [(100, "0.1"), (300, "0.3"), (1000, "1"), (1250, "1.25"), (3500, "3.5")]
)
def test_cpu_as_a_tag(millicores, text) -> None:
    assert requested_cpu(millicores) == text


@pytest.mark.parametrize(
    ("memory_bytes", "text"),
    [
        (160 * MIB, "0.15625"),
        (176 * MIB, "0.17188"),  # 0.171875, rounded up
        (192 * MIB, "0.1875"),
        (GIB, "1"),
        (10 * GIB, "10"),
        (GIB + 1, "1.00001"),
        (1, "0.00001"),
    ],
)
def test_memory_as_a_tag_is_never_less(memory_bytes, text) -> None:
    assert requested_memory_in_gb(memory_bytes) == text


def test_the_tags_of_an_applied_size() -> None:
    found = tags(
        cpu_millicores=300, memory_bytes=ADVISED_MEMORY, run="ridge-3", standing="verified",
        objective=describe(OBJECTIVE), image="sha256:1f", dataset="diabetes:2",
        date="2026-11-21T07:00:00Z", by="alice",
    )  # fmt: skip
    assert found.items() >= rounded_sizes(300, ADVISED_MEMORY).items()
    assert found == {
        "requestedCpu": "0.3",
        "requestedMemoryInGb": "0.1875",
        "profile.run": "ridge-3",
        "profile.standing": "verified",
        "profile.objective": "p99 at most 50 ms, errors at most 0 %, 95 % confidence",
        "profile.image": "sha256:1f",
        "profile.dataset": "diabetes:2",
        "profile.date": "2026-11-21T07:00:00Z",
        "profile.by": "alice",
    }


# ---- the ancestor's details ----

ALWAYS = {"name", "description", "state", "createdTime", "requestedCpu", "requestedMemoryInGB",
          "requestedMemoryInGb", "requestedQueriesPerSecond"}  # fmt: skip
SUCCEEDED = {
    "maxUtilizedCpu", "maxUtilizedMemoryInGB", "maxUtilizedMemoryInGb", "totalQueries",
    "successQueries", "successRate", "averageLatencyInMs", "latencyPercentile50InMs",
    "latencyPercentile90InMs", "latencyPercentile95InMs", "latencyPercentile99InMs",
    "latencyPercentile999InMs", "measuredQueriesPerSecond", "recommendedCpu",
    "recommendedMemoryInGB", "recommendedMemoryInGb",
}  # fmt: skip


def details(**others: object) -> dict:
    values = {"name": "ridge-3", "state": "succeeded", "limits": LIMITS, "requested_rps": 50.0,
              "description": "nightly", "created_time": "2026-11-21T07:00:00Z"}  # fmt: skip
    return azureml_details(**values | others)


def test_the_details_have_the_ancestor_s_keys() -> None:
    reference = replace(
        REFERENCE, errors=10, cpu_millicores_used_max=240.0,
        memory_working_set_peak_bytes=GIB // 4, latency=LatencySummary(3, 2, 4, 5, 8, 9, 9),
    )  # fmt: skip
    advice = advised([*SEARCH, measured("verifying", 300)])
    found = details(reference=reference, advice=advice)
    assert found.keys() == ALWAYS | SUCCEEDED
    assert found["requestedCpu"] == 1.0 and found["recommendedCpu"] == 0.3
    assert found["requestedMemoryInGB"] == found["requestedMemoryInGb"] == 2.0
    assert found["recommendedMemoryInGB"] == 0.1875
    assert found["maxUtilizedCpu"] == 0.24 and found["maxUtilizedMemoryInGB"] == 0.25
    assert (found["totalQueries"], found["successQueries"]) == (1000, 990)
    assert found["successRate"] == 99.0
    assert found["latencyPercentile999InMs"] == 9


def test_a_declined_advice_recommends_nothing() -> None:
    found = details(reference=REFERENCE, advice=advised([measured("measuring", 1000, "failed")]))
    assert not any(key.startswith("recommended") for key in found)


def test_the_details_of_a_failure() -> None:
    error = {"code": "OutOfMemory", "message": "peak 256 MiB", "log_tail": "..."}
    found = details(state="failed", reference=REFERENCE, error=error, description=None)
    assert found.keys() == ALWAYS - {"description"} | {"error"}
    assert found["state"] == "Failed"
    assert found["error"] == {"code": "OutOfMemory", "message": "peak 256 MiB"}


@pytest.mark.parametrize(
    ("state", "theirs"),
    [("queued", "NotStarted"), ("running", "Running"), ("succeeded", "Succeeded"),
     ("failed", "Failed"), ("cancelled", "Cancelled"), ("timed_out", "TimedOut")],
)  # fmt: skip
def test_states_have_the_ancestor_s_names(state, theirs) -> None:
    assert details(state=state)["state"] == theirs
