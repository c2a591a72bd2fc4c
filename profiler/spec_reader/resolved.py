"""A resolved spec as the JSON it could have been written as; reading it gives the same spec."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from profiler.spec import AnswerCheck, Config, Environment, ScoredConfig, Spec, Stage, Target
from profiler.spec_reader.policy import policy_to_json


def spec_to_json(spec: Spec, base: Path) -> dict:
    """Everything said, defaults too; paths inside `base` are relative to it."""
    return {
        "models": [{**asdict(model), "path": _relative(model.path, base)} for model in spec.models],
        "config": _config(spec.config, base),
        "dataset": {**asdict(spec.dataset), "path": _relative(spec.dataset.path, base)},
        "target": _target(spec.target),
        "limits": asdict(spec.limits),
        "load": {
            "stages": [_stage(stage) for stage in spec.load.stages],
            "order": spec.load.order,
            "seed": spec.load.seed,
            "timeout_s": spec.load.timeout_s,
        },
        "objective": _objective(spec),
        "budget": asdict(spec.budget),
        "answers": _answers(spec.answers),
        "policy": policy_to_json(spec.policy),
        "question": spec.question,
        "peak_rps": spec.peak_rps,
        "memory_probe": spec.memory_probe,
    }


def _relative(path: Path, base: Path) -> str:
    base = base.absolute()
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _config(config: Config, base: Path) -> dict:
    data = {**asdict(config), "gpu": config.gpu or False}
    several = data.pop("concurrency")
    data |= {key: list(counts) for key, counts in several.items() if counts}
    if isinstance(config, ScoredConfig):
        data["source_directory"] = _relative(config.source_directory, base)
        data["environment"] = _environment(config.environment, base)
    return data


def _environment(environment: Environment, base: Path) -> dict:
    data = {
        "pip": list(environment.pip),
        "python": environment.python,
        "base_image": environment.base_image,
        "dockerfile": environment.dockerfile and _relative(environment.dockerfile, base),
    }
    return {key: value for key, value in data.items() if value}


def _target(target: Target) -> dict:
    data = asdict(target)
    for key in ("service_cores", "driver_cores", "gpus"):
        data[key] = list(data[key])
    return data if target.name else {key: data[key] for key in data if key != "name"}


def _stage(stage: Stage) -> dict:
    unused = {"arrivals"} if stage.mode == "closed" else set()
    if stage.arrivals == "recorded":
        unused = {"rate_rps", "duration_s"}  # settled by the times
    return {
        key: list(value) if key == "times_s" else value
        for key, value in vars(stage).items()
        if value is not None and key not in unused
    }


def _objective(spec: Spec) -> dict:
    data = asdict(spec.objective)
    # The relative bound means nothing beside an absolute one.
    unused = "latency_ms" if spec.objective.latency_ms is None else "latency_ratio"
    del data[unused]
    return data


def _answers(check: AnswerCheck | None) -> dict | None:
    if check is None:
        return None
    data = {key: value for key, value in vars(check).items() if value is not None}
    if check.equals is None and not check.same_as_largest:
        del data["tolerance"]  # nothing to tolerate
    return data
