"""A run's rows as the engine's SPEC: paths relative to the folder its inputs are written to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runs.models import ProfileRun, RegisteredModel, Target

SOURCE = "source"


def build(run: ProfileRun, models: list[RegisteredModel]) -> dict:
    """The spec of DESIGN section 5; what the run leaves open is left to the engine's defaults."""
    spec = {
        "models": [
            {"name": model.name, "version": model.version, "path": f"{_folder(model)}/{name}"}
            for model in models
            for name in [model.files.name]
        ],
        "config": _config(run),
        "dataset": {
            "path": f"dataset/{run.dataset.files.name}",
            "content_type": run.dataset.content_type or None,
        },
        "target": target_facts(run.target),
    }
    for part in ("limits", "load", "objective", "budget", "answers", "policy"):
        if getattr(run, part):
            spec[part] = getattr(run, part)
    if run.memory_probe:
        spec["memory_probe"] = True
    if run.question != run.Question.SIZE:
        spec["question"] = run.question
    if run.peak_rps is not None:
        spec["peak_rps"] = run.peak_rps
    return spec


def _folder(model: RegisteredModel) -> str:
    return f"models/{model.name}/{model.version}"


def _config(run: ProfileRun) -> dict:
    """The config with its paths below `source`: in the definition they are within its files."""
    files = run.config.files
    definition = {**run.config.definition, **run.concurrency}
    if files is None:
        return definition
    source = f"{SOURCE}/{files.name}" if files.is_folder else SOURCE
    config = {**definition, "source_directory": source}
    environment = config.get("environment", {})
    paths = {
        key: f"{source}/{environment[key]}"
        for key in ("pip", "conda", "dockerfile")
        if isinstance(environment.get(key), str)
    }
    if paths:
        config["environment"] = {**environment, **paths}
    return config


def target_facts(target: Target) -> dict:
    """The spec's `target` object."""
    return {
        "kind": target.kind,
        "name": target.name,
        "service_cores": target.service_cores,
        "driver_cores": target.driver_cores,
        "max_cpu_millicores": target.max_cpu_millicores,
        "max_memory_bytes": target.max_memory_bytes,
        "gpus": target.gpu_indices,
    }


def input_hashes(run: ProfileRun, models: list[RegisteredModel]) -> dict:
    """The content hash of each input, so that a run can be repeated and compared."""
    config_files = run.config.files.sha256 if run.config.files else None
    return {
        "models": {model.ref: model.files.sha256 for model in models},
        "config": {run.config.ref: config_files},
        "dataset": {run.dataset.ref: run.dataset.files.sha256},
    }


def link_inputs(run: ProfileRun, models: list[RegisteredModel], folder: Path) -> None:
    """The run's inputs below `folder` where its spec says they are, to be read only."""
    for model in models:
        model.files.link(folder / _folder(model))
    if run.config.files is not None:
        run.config.files.link(folder / SOURCE)
    run.dataset.files.link(folder / "dataset")


def materialise(run: ProfileRun, folder: Path) -> None:
    """Write the run's inputs below `folder`, where its spec says they are."""
    for model in run.models.select_related("files"):
        model.files.materialise(folder / _folder(model))
    if run.config.files is not None:
        run.config.files.materialise(folder / SOURCE)
    run.dataset.files.materialise(folder / "dataset")
