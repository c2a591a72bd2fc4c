"""Runs with measurements that the engine worked out from raw samples, as a worker leaves them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from profiler.azureml import azureml_details
from profiler.measuring import codec
from profiler.measuring.measurement import Measurement as EngineMeasurement
from profiler.measuring.memory_survey import Survey
from profiler.measuring.summary import summarise
from profiler.samples import OK, Columns
from profiler.sizing import advice, search
from profiler.sizing.memory_facts import memory_facts
from profiler.sizing.startup import startup_facts
from profiler.spec import Limits, Load, Objective, Policy
from profiler.threads import thread_env
from runs.models import LogChunk, Measurement, ProfileRun, SampleChunk
from runs.recording import measurement_fields
from tests.raw_samples import (
    MIB,
    NS,
    OPEN,
    START,
    bound,
    context,
    evenly,
    request_columns,
    rule_for,
    usage_columns,
)

GIB = 1 << 30
#: Long enough that p95 at most 50 ms is decided at 100 requests a second.
SECONDS = 6
STARTUP_S = 2.0


def usage(peak_mib: int = 100, seconds: int = SECONDS) -> Columns:
    """Half a core, every fifth CFS period throttled, memory at its peak while starting."""
    at_s = np.arange(-STARTUP_S, seconds + 0.02, 0.02)
    since_start = at_s + STARTUP_S
    working_set = np.where(at_s < 0, peak_mib, 0.8 * peak_mib) * MIB
    return usage_columns(
        at_s,
        cpu_ns=(since_start * NS / 2).astype("i8"),
        memory_current_bytes=working_set.astype("i8"),
        memory_working_set_bytes=working_set.astype("i8"),
        memory_anon_bytes=(0.7 * working_set).astype("i8"),
        memory_file_bytes=(0.2 * working_set).astype("i8"),
        memory_shmem_bytes=MIB,
        memory_kernel_peak_bytes=peak_mib * MIB,
        periods=(since_start * 10).astype("i8"),
        throttled_periods=(since_start * 2).astype("i8"),
        throttled_ns=0,
        memory_peak_resets=(at_s > 0).astype("i8"),
        cpu_user_ns=(since_start * NS * 0.4).astype("i8"),
        cpu_system_ns=(since_start * NS * 0.1).astype("i8"),
        cpu_pressure_some_ns=(since_start * NS * 0.12).astype("i8"),
        cpu_pressure_full_ns=(since_start * NS * 0.03).astype("i8"),
        memory_pressure_some_ns=0,
        memory_pressure_full_ns=0,
        page_faults_minor=(since_start * 50).astype("i8"),
        page_faults_major=3,
        block_read_bytes=4096,
        block_written_bytes=0,
        network_received_bytes=(since_start * 40_000).astype("i8"),
        network_sent_bytes=(since_start * 9_000).astype("i8"),
        sampler_cpu_ns=(since_start * NS * 0.005).astype("i8"),
        oom_kills=0,
        processes=2,
        threads=4,
    )


def measured(
    ordinal: int = 1,
    phase: str = "measuring",
    cpu_millicores: int = 1000,
    memory_bytes: int = GIB,
    latency_ms: float | Sequence[float] = 5.0,
    outcome: int | Sequence[int] = OK,
    row: np.ndarray | None = None,
    load: Load = OPEN,
    seconds: int = SECONDS,
    **others: object,
) -> tuple[EngineMeasurement, Columns, Columns]:
    """A measurement with the requests and usage samples behind it."""
    requests = request_columns(evenly(seconds * 100), latency_ms, outcome)
    if row is not None:
        requests["row"] = row
    used = usage(seconds=seconds)
    measurement = summarise(
        requests,
        {name: values[used["at_ns"] >= START] for name, values in used.items()},
        {name: values[used["at_ns"] < START] for name, values in used.items()},
        context(
            seconds,
            ordinal=ordinal,
            phase=phase,
            cpu_millicores=cpu_millicores,
            memory_bytes=memory_bytes,
            load=load,
            startup_s=others.pop("startup_s", STARTUP_S),
            sample_interval_s=0.02,
            driver={"late_p99_ms": 0.1, "busy_fraction": 0.2},
            noise={"steal_fraction": 0.0, "outside_busy_fraction": 0.01},
            **others,
        ),
        rule=rule_for(bound()),
    )
    return measurement, requests, used


def record(run: ProfileRun, **how: object) -> EngineMeasurement:
    """Write a measurement and its samples, in chunks of about a second."""
    measurement, requests, used = measured(**how)
    data = json.loads(json.dumps(measurement.to_json()))
    Measurement.objects.create(**measurement_fields(run, measurement.ordinal, data))
    seconds = how.get("seconds", SECONDS)
    record_samples(run, measurement.ordinal, "requests", "scheduled_ns", requests, seconds)
    record_samples(run, measurement.ordinal, "usage", "at_ns", used, seconds)
    if "rows" in how:
        record_samples(run, 0, "rows", "row", how["rows"].columns())
    return measurement


def record_samples(
    run: ProfileRun,
    ordinal: int,
    series: str,
    clock: str,
    columns: Columns,
    chunks: int = SECONDS,
) -> None:
    for index, part in enumerate(np.array_split(np.arange(len(columns[clock])), chunks)):
        SampleChunk.objects.create(
            run=run,
            measurement=ordinal,
            series=series,
            index=index,
            start_ns=int(columns[clock][part[0]]),
            end_ns=int(columns[clock][part[-1]]),
            count=len(part),
            blob=codec.encode({name: values[part] for name, values in columns.items()}),
        )


#: Half the requests take too long at 200m and 300m; larger sizes keep p95 at most 50 ms.
SLOW = [5.0, 90.0] * (SECONDS * 50)
PROBES = (
    {"phase": "measuring", "cpu_millicores": 1000},
    {"phase": "sizing", "cpu_millicores": 500},
    {"phase": "sizing", "cpu_millicores": 200, "latency_ms": SLOW},
    {"phase": "sizing", "cpu_millicores": 300, "latency_ms": SLOW},
    {"phase": "sizing", "cpu_millicores": 400},
)
OBJECTIVE = {"percentile": 95, "latency_ms": 50}
VERIFIED = {"phase": "verifying", "cpu_millicores": 400, "memory_bytes": 128 * MIB}


def sized_run(
    make,
    probes: Sequence[dict] = (*PROBES, VERIFIED),
    survey: Survey | None = None,
    **fields: object,
) -> ProfileRun:
    """A finished run: measured, sized and verified at 400m, with the engine's own advice."""
    return sized(make.run(**{"objective": OBJECTIVE, **fields}), probes, survey)


def sized(
    run: ProfileRun,
    probes: Sequence[dict] = (*PROBES, VERIFIED),
    survey: Survey | None = None,
) -> ProfileRun:
    """The same of a run that waits."""
    token = run.begin(run.attempt)
    found = [record(run, ordinal=number, **how) for number, how in enumerate(probes, start=1)]
    LogChunk.objects.create(run=run, index=0, text="[building] Using the image\n")
    LogChunk.objects.create(run=run, index=1, text="[starting] Starting the service\n")
    advised = advice.advise(
        found,
        points=search.grid(1000),
        limits=Limits(1000, GIB),
        objective=Objective(**OBJECTIVE),
        load=OPEN,
        limits_enforced=found[-1].limits_enforced,
        policy=Policy(),
        survey=survey,
    )
    memory = memory_facts(found, survey, Policy())
    startup = startup_facts(found, (), search.grid(1000), advised.cpu_millicores)
    details = azureml_details(
        name=run.name, state="succeeded", limits=Limits(1000, GIB), reference=found[0],
        advice=advised,
    )  # fmt: skip
    parts = {"memory": memory, "startup": startup, "azureml": details}
    parts = json.loads(json.dumps(parts))
    run.complete(token, closed("succeeded", advice=advised.to_json(), **parts))
    run.refresh_from_db()
    return run


def provisional_run(make, **fields: object) -> ProfileRun:
    """Its size was not verified, so using it needs a confirmation."""
    run = sized_run(make, **fields)
    run.advice = {**run.advice, "standing": "provisional", "reasons": ["The time ran out."]}
    run.save(update_fields=["advice"])
    return run


THREADS = {
    "code": "threads-over-quota",
    "text": "The service had up to 9 threads, where 400m cpu is the time of one core.",
    "numbers": {},
    "advice": "Give libraries as many threads as the size has cores.",
    "docs": "docs/diagnosis.md#threads-over-quota",
    "fix": {"env": thread_env(1)},
    "remeasured": {"cpu_millicores": 200},
    "saving": {"cpu_millicores": 200},
    "gain": "Measured again with 1 thread: 200m cpu and 80 MiB keeps the objective.",
}
NEIGHBOUR = THREADS | {
    "code": "noisy-neighbour",
    "text": "2 of 5 measurements were disturbed.",
    "docs": "docs/diagnosis.md#noisy-neighbour",
    "fix": None,
    "remeasured": None,
    "gain": "",
}


def mendable_run(make) -> ProfileRun:
    """It had threads over its quota, with a fix that was measured, and a neighbour, with none."""
    run = sized_run(make)
    ProfileRun.objects.filter(pk=run.pk).update(result={"diagnoses": [THREADS, NEIGHBOUR]})
    run.refresh_from_db()
    return run


def closed(state: str, **parts: object) -> dict:
    """A RESULT as the engine writes it."""
    return {
        "schema_version": 1,
        "state": state,
        "error": None,
        "advice": None,
        "measurements": [],
        "azureml": {},
        "circumstances": {"host": "lab", "cpu_model": "Xeon", "memory_bytes": 8 * GIB},
        "phases": [],
        **parts,
    }


def failed_run(make, code: str, message: str, log_tail: str = "", **fields: object) -> ProfileRun:
    run = make.run(**fields)
    token = run.begin(run.attempt)
    run.fail(token, code, message, log_tail)
    run.refresh_from_db()
    return run
