"""The services of the sizing benchmarks: a folder each, with spec, rows and code."""

from __future__ import annotations

from pathlib import Path

from bench.kit.cores import CAPACITY
from profiler.circumstances import content_hash
from profiler.spec import Spec
from profiler.spec_reader import read_spec

SERVICES = Path(__file__).with_name("services")
#: In order of how much they tell; what is short of time does the first ones.
NAMES = (
    "fixed",
    "scikit_learn",
    "lognormal",
    "two_classes",
    "sleeping",
    "threads",
    "cache_files",
    "onnx",
    "slow_start",
)


def spec_path(name: str) -> Path:
    return SERVICES / name / "spec.json"


def spec_of(name: str) -> Spec:
    """The spec, checked, for this host."""
    return read_spec(spec_path(name), capacity=CAPACITY)


def inputs_of(name: str) -> dict[str, str]:
    """Hashes of all that the service and its load are made of: what a truth holds for."""
    spec = spec_of(name)
    parts = {
        "spec": spec_path(name),
        "rows": spec.dataset.path,
        "code": spec.config.source_directory / spec.config.entry_script,
        **{f"model {model.name}": model.path for model in spec.models},
    }
    return {part: content_hash(path)[:16] for part, path in parts.items()}
