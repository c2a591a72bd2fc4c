"""Threads and workers that do not go with the cores of a size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil, floor

from profiler.measuring.validity import SPARE_THREADS, THROTTLED_SHARE
from profiler.sizing.diagnosing.case import Case
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.explanation import cpu_text
from profiler.sizing.spinning import spinning_millicores
from profiler.spec import ContainerConfig, Spec
from profiler.threads import WORKERS_VARIABLE, asked_for, thread_env

ONNXRUNTIME_ADVICE = (
    "onnxruntime reads no variable: set SessionOptions.intra_op_num_threads in the script to the "
    "cores of the size (1: none of its threads spins)."
)
#: Packages that compute on threads of their own.
THREADED = frozenset(
    (
        "catboost", "faiss-cpu", "jax", "keras", "lightgbm", "mkl", "numba", "numexpr", "numpy",
        "onnxruntime", "opencv-python", "opencv-python-headless", "openvino", "polars", "scipy",
        "scikit-learn", "sentence-transformers", "tensorflow", "tensorflow-cpu", "tokenizers",
        "torch", "transformers", "xgboost",
    )
)  # fmt: skip
#: A worker that uses this share of a core has no more to give; one that uses over the most
#: computes on threads.
SATURATED, ONE_CORE_MOST = 0.9, 1.1


def causes(case: Case) -> Iterator[Diagnosis]:
    found = (_threads(case), _workers(case), _one_worker(case))
    return (diagnosis for diagnosis in found if diagnosis)


def _threads(case: Case) -> Diagnosis | None:
    """More threads than cores: asked for and there, there and throttled, or found to spin."""
    seen, asked = case.most("threads_max"), asked_for(case.spec.config.env)
    if seen is None:
        return None
    most = max(asked.values(), default=0)
    # A scored service has a master process beside its workers.
    is_asked = case.workers * most > case.cores and seen >= case.workers * most + case.is_scored
    usual = case.workers * case.cores + SPARE_THREADS
    is_seen = case.throttled >= THROTTLED_SHARE and seen > usual and _computes_on_threads(case.spec)
    spinning = _spinning(case)
    if not (is_asked or is_seen or spinning):
        return None
    in_workers = "its one worker" if case.workers == 1 else f"each of {case.workers} workers"
    names = [name for name, number in asked.items() if number == most] if is_asked else []
    why = f" ({', '.join(names)} = {most} in {in_workers})" if names else ""
    throttled = (
        f", and up to {case.throttled:.0%} of its periods were throttled" if case.throttled else ""
    )
    return Diagnosis(
        "threads-over-quota",
        f"The service had up to {seen} threads{why}, where {cpu_text(case.cpu_millicores)} cpu is "
        f"the time of {_cores_text(case.cores)}{throttled}: threads that share a core wait for "
        f"each other, and use up a quota together.{spinning}",
        {
            "threads": seen,
            "asked_for": asked,
            "workers": case.workers,
            "cores": case.cores,
            "throttled_fraction": case.throttled,
        },
        case.changed(env=thread_env(max(case.cpu_millicores // 1000 // case.workers, 1))),
        advice=ONNXRUNTIME_ADVICE if "onnxruntime" in packages(case.spec) and not asked else "",
    )


def _spinning(case: Case) -> str:
    """In a sentence, that threads use cpu while no request is at work; "" where they do not."""
    measured = case.reference
    millicores = spinning_millicores(measured)
    if millicores is None or not _computes_on_threads(case.spec):
        return ""
    return (
        f" A request cost {measured.cpu_seconds_per_request * 1000:.3g} ms of cpu, and was "
        f"answered in {measured.latency.p50:.3g} ms (median) on "
        f"{_cores_text(ceil(measured.cpu_millicores / 1000))}: threads spin while no request is at "
        f"work, about {millicores:.0f}m of cpu."
    )


def _workers(case: Case) -> Diagnosis | None:
    """More workers than cores, of requests that compute: they only wait for each other."""
    cores, workers = case.cores, case.workers if case.is_scored else _asked_of_image(case)
    if workers <= cores or not case.computes:
        return None
    env = {WORKERS_VARIABLE: str(cores)}
    return Diagnosis(
        "workers-over-quota",
        f"{workers} workers share {cpu_text(case.cpu_millicores)} cpu, the time of "
        f"{_cores_text(cores)}, with requests that compute rather than wait: more than "
        f"{_workers_text(cores)} cannot answer faster, and each holds the model in memory.",
        {"workers": workers, "cores": cores, "throttled_fraction": case.throttled},
        case.changed(workers=cores) if case.is_scored else case.changed(env=env),
    )


def _asked_of_image(case: Case) -> int:
    """Workers that a variable asks for, where there are as many processes; else 0."""
    asked = case.spec.config.env.get(WORKERS_VARIABLE, "").strip()
    count = int(asked) if asked.isdecimal() else 0
    return count if (case.most("processes_max") or 0) >= count else 0


def _one_worker(case: Case) -> Diagnosis | None:
    """One worker at the end of its one core, where the largest size has more."""
    largest = case.reference.cpu_millicores
    used, cores = case.most_used_at_largest, floor(largest / 1000)
    if not case.is_scored or case.workers > 1 or cores < 2 or used is None:
        return None
    if not SATURATED <= used / 1000 <= ONE_CORE_MOST:
        return None
    return Diagnosis(
        "one-worker-saturated",
        f"At {cpu_text(largest)} cpu the only worker used {used:.0f}m: it is at "
        f"the end of one core, and {cores - 1} of {cores} stand idle.",
        {"workers": 1, "cores": cores, "cpu_millicores_used": used},
        case.changed(workers=cores),
    )


def _computes_on_threads(spec: Spec) -> bool:
    """Whether its packages may; an image of its own may hold anything."""
    config = spec.config
    if isinstance(config, ContainerConfig):
        return True
    own = config.environment.base_image or config.environment.dockerfile
    return bool(own) or not packages(spec).isdisjoint(THREADED)


def packages(spec: Spec) -> frozenset[str]:
    """Names of the packages that a scored environment asks for."""
    if isinstance(spec.config, ContainerConfig):
        return frozenset()
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in spec.config.environment.pip)
    return frozenset(re.sub(r"[._-]+", "-", name[0]).lower() for name in names if name)


def _cores_text(cores: int) -> str:
    return "one core" if cores == 1 else f"{cores} cores"


def _workers_text(count: int) -> str:
    return "one worker" if count == 1 else f"{count} workers"
