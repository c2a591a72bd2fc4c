"""GPU samples with chosen numbers, and finished runs that have them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np

from profiler.measuring.gpu import GpuRecord, gpu_use
from profiler.samples import GPU_COLUMNS, Columns
from profiler.sizing import advice, search
from profiler.spec import Gpu, Limits, Objective, Policy
from profiler.units import GIB, MIB
from runs.models import Measurement, ProfileRun
from runs.recording import measurement_fields
from tests.measured_runs import PROBES, SECONDS, STARTUP_S, VERIFIED, closed, measured
from tests.measured_runs import record_samples as record
from tests.raw_samples import NS, OPEN, START

GPUS = tuple(Gpu(index, f"GPU-{index}f3a52c1-0000", "NVIDIA L4", 24 * GIB) for index in range(2))


def gpu_columns(at_s: np.ndarray, gpus: int = 1, **columns: object) -> Columns:
    """Samples of each GPU at these seconds after START; one number holds for all of them."""
    at_ns = START + np.round(np.repeat(at_s, gpus) * NS).astype("i8")
    values = {"gpu": np.tile(np.arange(gpus), len(at_s)), "read_ns": 400_000, **columns}
    return {"at_ns": at_ns} | {
        name: np.array(np.broadcast_to(value, len(at_ns)), dtype=GPU_COLUMNS[name])
        for name, value in values.items()
    }


def at_work(gpus: int = 1) -> Columns:
    """A GPU that loads its model while starting and then works, hot from the fourth second on."""
    at_s = np.round(np.arange(-STARTUP_S, SECONDS + 0.05, 0.1), 3)
    each = np.repeat(at_s, gpus)
    busy = np.where(each < 0, 8, 62 + 14 * np.sin(each * 3))
    own = np.where(each < 0, np.clip((each + STARTUP_S) * 2.4, 0, 3.1), 2.6) * GIB
    return gpu_columns(
        at_s,
        gpus,
        utilisation_percent=busy,
        memory_utilisation_percent=busy * 0.4,
        memory_used_bytes=own + 420 * MIB,
        memory_own_bytes=own,
        other_processes=0,
        power_mw=np.where(each < 0, 17_000, 52_000 + 6000 * np.sin(each * 3)),
        temperature_c=48 + np.maximum(each, 0) * 2,
        sm_clock_mhz=np.where(each > 4, 1500, 2040),
        memory_clock_mhz=6251,
        throttle_reasons=np.where(each > 4, 0x20, 0),
    )


def gpu_run(make, gpus: int = 1, **fields: object) -> ProfileRun:
    """A finished run of a service with GPUs: measured, sized and verified at 400m."""
    config = make.config()
    config.definition["gpu"] = gpus
    config.save(update_fields=["definition"])
    target = make.target(gpus=[asdict(gpu) for gpu in GPUS], kind="docker")
    objective = {"percentile": 95, "latency_ms": 50}
    run = make.run(objective=objective, config=config, target=target, **fields)
    token = run.begin(run.attempt)
    found = []
    for ordinal, how in enumerate((*PROBES, VERIFIED), start=1):
        measurement, requests, usage = measured(ordinal=ordinal, **how)
        columns = at_work(gpus)
        seen = GpuRecord(GPUS[:gpus], columns, START)
        use = gpu_use(seen, measurement.started_ns, measurement.ended_ns, measurement.requests)
        found.append(replace(measurement, gpu=use))
        data = json.loads(json.dumps(found[-1].to_json()))
        Measurement.objects.create(**measurement_fields(run, ordinal, data))
        record(run, ordinal, "requests", "scheduled_ns", requests)
        record(run, ordinal, "usage", "at_ns", usage)
        record(run, ordinal, "gpu", "at_ns", columns)
    advised = advice.advise(
        found, points=search.grid(1000), limits=Limits(1000, GIB), load=OPEN,
        objective=Objective(**objective), limits_enforced=True,
        policy=Policy(),
    )  # fmt: skip
    circumstances = {
        "host": "lab",
        "gpus": [asdict(gpu) for gpu in GPUS[:gpus]],
        "nvidia_driver": "570.86.15",
    }
    result = closed("succeeded", advice=advised.to_json(), circumstances=circumstances)
    run.complete(token, result)
    run.refresh_from_db()
    return run
