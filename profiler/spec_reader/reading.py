"""SPEC.json, read and checked as a whole: every problem at once, each with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

from profiler import request_fields
from profiler.dataset import read_dataset
from profiler.errors import NO_GPU, InvalidSpec, Problem, RunFailed
from profiler.request_fields import merged_headers
from profiler.spec import (
    Budget,
    Config,
    ContainerConfig,
    DatasetFiles,
    Limits,
    ModelFiles,
    Spec,
    Target,
)
from profiler.spec_fields import Folder, Problems, Table, shown
from profiler.spec_reader.answers import read_answers
from profiler.spec_reader.config import read_config, read_headers
from profiler.spec_reader.load import check_rounds, read_load
from profiler.spec_reader.objective import read_objective
from profiler.spec_reader.policy import check_floors, read_policy
from profiler.spec_reader.question import check_question, read_question
from profiler.spec_reader.target import CPU_MILLICORES_MIN, MEMORY_BYTES_MIN, Capacity, read_target
from profiler.units import MIB

KEYS = (
    "models",
    "config",
    "dataset",
    "target",
    "limits",
    "load",
    "objective",
    "budget",
    "answers",
    "policy",
    "question",
    "peak_rps",
    "memory_probe",
)
DATASET_KEYS = ("path", "content_type", "method", "request_path", "headers")

MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
MODEL_NAME_ADVICE = (
    "begin with a letter or digit and use only letters, digits, hyphens, dots and underscores,"
    " 255 at most"
)

SPEC_BYTES_MAX = 16 * MIB
DAY_S = 86_400


def read_spec(path: Path, *, capacity: Capacity, confined: bool = False) -> Spec:
    """The checked spec of a file; its paths are relative to the file.

    Raises InvalidSpec with every problem, or RunFailed (NoGpu) when that is all there is.
    `confined` is explained at `read_spec_data`.
    """
    base = path.absolute().parent
    return read_spec_data(_parsed(path), base, capacity=capacity, confined=confined)


def read_spec_data(data: object, base: Path, *, capacity: Capacity, confined: bool = False) -> Spec:
    """The checked spec of a parsed SPEC; its paths are relative to `base`.

    `confined` refuses paths that leave `base`: for specs of people who do not own this machine.
    """
    problems = Problems()
    root = Table.of(data, "", problems, KEYS)
    if root is None:
        problems.raise_if_any()
    folder = Folder(base.absolute(), confined)
    target = read_target(root, capacity)
    config = read_config(root, folder, target)
    policy = read_policy(root)
    spec = Spec(
        models=_read_models(root, folder),
        config=config,
        dataset=_read_dataset_files(root, folder, config),
        target=target,
        limits=_read_limits(root, target),
        load=read_load(root, folder),
        objective=read_objective(root, policy.objective),
        budget=_read_budget(root),
        answers=read_answers(root),
        policy=policy,
        **read_question(root),
        memory_probe=_read_memory_probe(root, target),
    )
    check_floors(root, policy, spec.limits)
    check_question(root, spec)
    check_rounds(root, spec.load, spec.budget)
    _check_rows(spec, problems)
    problems.raise_if_any()
    _refuse_gpu(spec)
    return spec


def _parsed(path: Path) -> object:
    """The JSON of a file; raises InvalidSpec with line and column of what is wrong."""
    try:
        if path.stat().st_size > SPEC_BYTES_MAX:
            raise _no_spec(f"{path} is over {SPEC_BYTES_MAX} bytes; is it the right file?")
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _no_spec(f"{where}: is not JSON ({error.msg}); correct it") from error
    except UnicodeDecodeError as error:
        raise _no_spec(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise _no_spec(f"{path} cannot be read: {error.strerror}; name the spec's file") from error
    except (ValueError, RecursionError) as error:
        raise _no_spec(f"is not a spec: {error}; correct it") from error


def _no_spec(message: str) -> InvalidSpec:
    return InvalidSpec([Problem("", message)])


def _without_repeats(pairs: list[tuple[str, object]]) -> dict:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the key "{twice}" is given twice in one object')
    return data


def _read_models(root: Table, folder: Folder) -> tuple[ModelFiles, ...]:
    models = []
    items = root.rows("models", missing="list the models, or [] for none")
    for index, item in enumerate(items):
        place = f"models[{index}]"
        table = Table.of(item, place, root.problems, ("name", "version", "path"))
        if table is None:
            continue
        name = table.text(
            "name", missing="give the model's name", pattern=MODEL_NAME, advice=MODEL_NAME_ADVICE
        )
        version = table.integer("version", 1, 2**31 - 1, 1)
        path = table.path("path", folder, "file or folder", missing="give its file or folder")
        if any((model.name, model.version) == (name, version) for model in models if name):
            table.add("name", f"{name}:{version} is listed twice; remove one or change its version")
        models.append(ModelFiles(name, version, path))
    return tuple(models)


def _read_dataset_files(root: Table, folder: Folder, config: Config | None) -> DatasetFiles | None:
    table = root.table("dataset", DATASET_KEYS, missing="say where the sample requests are")
    if table is None:
        return None
    path = table.path("path", folder, "file or folder", missing="give its file or folder")
    container = config if isinstance(config, ContainerConfig) else None
    method, request_path, headers = (
        (container.method, container.score_path, container.headers)
        if container
        else ("POST", "/score", {})
    )
    own = read_headers(table)
    files = DatasetFiles(
        path=path,
        content_type=table.checked("content_type", request_fields.wrong_content_type),
        method=table.checked("method", request_fields.wrong_method, method),
        request_path=table.checked("request_path", request_fields.wrong_path, request_path),
        headers=dict(merged_headers(headers.items(), own.items())),
    )
    return files if path is not None else None


def _read_limits(root: Table, target: Target | None) -> Limits | None:
    table = root.table("limits", ("cpu_millicores", "memory_bytes"))
    if target is None:
        return None
    if table is None:
        return Limits(target.max_cpu_millicores, target.max_memory_bytes)
    largest = "the largest size of this target"
    cpu = table.integer(
        "cpu_millicores",
        CPU_MILLICORES_MIN,
        target.max_cpu_millicores,
        target.max_cpu_millicores,
        high_is=largest,
    )
    memory = table.integer(
        "memory_bytes",
        MEMORY_BYTES_MIN,
        target.max_memory_bytes,
        target.max_memory_bytes,
        high_is=largest,
    )
    return Limits(cpu, memory)


def _read_budget(root: Table) -> Budget:
    default = Budget()
    table = root.table("budget", tuple(Budget.__dataclass_fields__))
    if table is None:
        return default
    return Budget(
        duration_s=table.number("duration_s", 1, DAY_S, default.duration_s),
        build_s=table.number("build_s", 1, DAY_S, default.build_s),
        ready_s=table.number("ready_s", 1, DAY_S, default.ready_s),
    )


def _read_memory_probe(root: Table, target: Target | None) -> bool:
    wanted = root.flag("memory_probe", False)
    if wanted and target is not None and target.kind == "process":
        root.add(
            "memory_probe",
            "lowers a memory limit, and a process has none; remove it or use a docker target",
        )
    if wanted and root.raw("question") == "rate":
        root.add("memory_probe", 'comes after the search of a size, and "rate" gives it; remove it')
    return wanted


def _check_rows(spec: Spec, problems: Problems) -> None:
    """Read the dataset once to know that it can be; the run reads it again."""
    if spec.dataset is None:
        return
    try:
        read_dataset(spec.dataset)
    except InvalidSpec as refusal:
        problems.extend(refusal.problems)


def _refuse_gpu(spec: Spec) -> None:
    wanted, has = spec.config.gpu, len(spec.target.gpus)
    if wanted <= has:
        return
    name = shown(spec.target.name) if spec.target.name else f"this {spec.target.kind} target"
    wants = "a GPU" if wanted == 1 else f"{wanted} GPUs"
    raise RunFailed(
        NO_GPU,
        f"the config wants {wants} and {name} has {has or 'none'}; choose a target with"
        f' {"one" if wanted == 1 else "as many"}, or set "gpu" to'
        f" {f'at most {has}, or to ' if has else ''}false in the config",
    )
