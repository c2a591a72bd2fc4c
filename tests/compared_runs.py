"""Measurements as a run would store them, from made-up latencies whose windows hang together."""

from __future__ import annotations

import numpy as np

from profiler.measuring.statistics import nearest_rank
from profiler.measuring.unlike import Measured

CIRCUMSTANCES = {
    "host": "a",
    "cpu_model": "Xeon",
    "kernel": "6.1",
    "kind": "docker",
    "service_cores": [0],
    "image_id": "sha256:" + "1" * 64,
    "dataset": {"sha256": "2" * 64},
}


def drift(rng: np.random.Generator, count: int, rho: float, spread: float) -> np.ndarray:
    """A first-order autoregressive series: each window's common factor, as a logarithm."""
    steps = rng.normal(size=count + 20) * spread
    series = np.zeros(count + 20)
    for index in range(1, len(series)):
        series[index] = rho * series[index - 1] + steps[index] * np.sqrt(1 - rho**2)
    return series[20:]


def run_of(
    rng: np.random.Generator,
    name: str = "run",
    *,
    windows: int = 20,
    requests: int = 50,
    rho: float = 0.0,
    spread: float = 0.05,
    slower: float = 1.0,
    shift: float = 0.0,
    error_share: float = 0.0,
    **circumstances: object,
) -> Measured:
    """A run whose windows share a drift; `shift` is the run's own luck, `slower` the truth."""
    factors = np.exp(drift(rng, windows, rho, spread)) * slower * np.exp(shift)
    latencies = rng.lognormal(1.0, 0.4, size=(windows, requests)) * factors[:, None]
    counts = rng.poisson(requests, size=windows)
    errors = rng.binomial(counts, error_share)
    cpu_s = 0.001 * factors * np.exp(rng.normal(size=windows) * 0.01)
    rows = [
        {
            "start_s": float(index),
            "end_s": index + 1.0,
            "valid": True,
            "requests": int(counts[index]),
            "errors": int(errors[index]),
            "achieved_rps": float(counts[index]),
            "mean_ms": float(latencies[index].mean()),
            **{f"p{p}_ms": nearest_rank(latencies[index], p) for p in (50, 95, 99)},
            "cpu_millicores_used": float(cpu_s[index] * counts[index] * 1000),
        }
        for index in range(windows)
    ]
    return Measured(
        name, _measurement(rows, latencies.ravel(), rng, shift), CIRCUMSTANCES | circumstances
    )


def _measurement(
    rows: list[dict], latencies: np.ndarray, rng: np.random.Generator, shift: float
) -> dict:
    requests = sum(row["requests"] for row in rows)
    cpu_s = sum(row["cpu_millicores_used"] for row in rows) / 1000
    return {
        "cpu_millicores": 1000,
        "memory_bytes": 1 << 30,
        "phase": "measuring",
        "validity": {"valid": True, "reasons": []},
        "bound": {"percentile": 95},
        "nominal_rps": 50.0,
        "requests": requests,
        "errors": sum(row["errors"] for row in rows),
        "achieved_rps": requests / len(rows),
        "cpu_seconds_per_request": cpu_s / requests,
        "memory_working_set_peak_bytes": int(1e8 * np.exp(rng.normal() * 0.01 + shift)),
        "latency_ms": {
            "mean": float(latencies.mean()),
            **{f"p{p}": nearest_rank(latencies, p) for p in (50, 95, 99)},
        },
        "windows": rows,
    }


def record_result(make, seed: int, models: list | None = None, **options: object):
    """A stored run that succeeded with a measurement at the largest size."""
    from runs.models import Measurement
    from tests.measured_runs import closed

    taken = run_of(np.random.default_rng(seed), requests=200, **options)
    run = make.run(models=models)
    token = run.begin(run.attempt)
    data = {**taken.measurement, "ordinal": 0, "outcome": "passed", "warnings": []}
    Measurement.objects.create(
        run=run,
        ordinal=0,
        phase="measuring",
        cpu_millicores=data["cpu_millicores"],
        memory_bytes=data["memory_bytes"],
        outcome="passed",
        valid=data["validity"]["valid"],
        requests=data["requests"],
        data=data,
    )
    run.complete(token, closed("succeeded", circumstances=taken.circumstances))
    run.refresh_from_db()
    return run
