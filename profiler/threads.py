"""The environment variables by which libraries are told how many threads to compute with."""

from __future__ import annotations

#: Read by a library when it is loaded; docs/diagnosis.md names the source of each.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",  # OpenMP: scikit-learn, PyTorch, XGBoost, LightGBM, MKL
    "OPENBLAS_NUM_THREADS",  # numpy and scipy as they come from PyPI
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",  # tokenizers
    "POLARS_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)

#: By this gunicorn and uvicorn are told how many workers to run, in an image that runs them.
WORKERS_VARIABLE = "WEB_CONCURRENCY"


def thread_env(threads: int) -> dict[str, str]:
    """What makes every such library compute with so many threads in each worker."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def asked_for(env: dict[str, str]) -> dict[str, int]:
    """Those of the variables that are set to a number, and the number."""
    set_ = {name: env[name].strip() for name in THREAD_VARIABLES if name in env}
    return {name: int(value) for name, value in set_.items() if value.isdecimal()}


def threads_of(env: dict[str, str]) -> int | None:
    """The most that any of them asks for; None where none is set to a number."""
    return max(asked_for(env).values(), default=None)
