"""The `config` of a spec: a scored service (score.py) or a ready container."""

from __future__ import annotations

import re
from pathlib import Path

from profiler import request_fields
from profiler.environment.reading import IMAGE, IMAGE_ADVICE, environment_of
from profiler.spec import Concurrency, Config, ContainerConfig, ScoredConfig, Target
from profiler.spec_fields import Folder, Table, shown
from profiler.spec_reader.entry_script import check_script, read_script
from profiler.threads import THREAD_VARIABLES, thread_env

SCORED_KEYS = ("entry_script", "source_directory", "environment", "workers")
CONTAINER_KEYS = ("image", "port", "health_path", "score_path", "method", "headers")
COMMON_KEYS = ("env", "threads", "gpu", "egress")
KEYS = (*SCORED_KEYS, *CONTAINER_KEYS, *COMMON_KEYS)

WORKERS_MAX = 64
THREADS_MAX = 256
#: Of workers and of threads each: every pair is a service of its own to start and measure.
COUNTS_MAX = 6
GPUS_MAX = 64
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Variables by which the service is told where its parts are -> how to set what they stand for.
OWN_VARIABLES = {
    "AML_APP_ROOT": "it is where the code is put; remove it",
    "AZUREML_ENTRY_SCRIPT": "give config.entry_script",
    "AZUREML_MODEL_DIR": "it is where the models are put; remove it",
    "AZUREML_SOURCE_DIRECTORY": "give config.source_directory",
    "WORKER_COUNT": "give config.workers",
    "MODEL_PROFILER_RUN": "it marks the run's processes; remove it",
}
#: By which a service of any kind is given its GPUs: another value would let it use another run's.
GPU_VARIABLES = dict.fromkeys(
    ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"), "give config.gpu"
)


def read_config(root: Table, folder: Folder, target: Target | None) -> Config | None:
    """The config as far as it can be read; None when even its kind is unknown."""
    table = root.table("config", KEYS, missing='give "entry_script", or "image" and "port"')
    if table is None:
        return None
    container, scored = table.given(*CONTAINER_KEYS), table.given(*SCORED_KEYS)
    if table.has("image"):
        _refuse_each(table, scored, 'belongs to a scored config; remove it, or "image"')
        return _read_container(table, target)
    if scored or not container:
        advice = 'belongs to a container config; remove it, or give "image" in place of the script'
        _refuse_each(table, container, advice)
        return _read_scored(table, folder, target)
    return _read_container(table, target)


def _refuse_each(table: Table, keys: list[str], message: str) -> None:
    for key in keys:
        table.add(key, message)


def _read_scored(table: Table, folder: Folder, target: Target | None) -> ScoredConfig:
    data = table.raw("environment")
    place = table.at("environment")
    environment = environment_of({} if data is None else data, folder, place, table.problems)
    if target and target.kind == "process":
        for key in ("base_image", "dockerfile"):
            if getattr(environment, key) is not None:
                table.add(f"environment.{key}", "needs a docker target; a process has no image")
    source = table.path("source_directory", folder, "folder", ".")
    workers, several_workers = _read_counts(table, target, "workers", WORKERS_MAX)
    env, several_threads = _read_threads(table, target, OWN_VARIABLES | GPU_VARIABLES)
    return ScoredConfig(
        entry_script=_read_entry_script(table, source, environment.python),
        source_directory=source,
        environment=environment,
        env=env,
        workers=workers or 1,
        gpu=_read_gpu(table),
        egress=table.flag("egress", False),
        concurrency=Concurrency(several_workers, several_threads),
    )


def _read_counts(
    table: Table, target: Target | None, key: str, high: int
) -> tuple[int | None, tuple[int, ...]]:
    """A number, or the first of several; and all of them where there are several to search."""
    counts = table.integers(key, 1, high, COUNTS_MAX)
    if len(counts) < 2:
        return next(iter(counts), None), ()
    if target and target.kind == "process":
        why = "no cpu is searched in a process"
        table.add(key, f"a list needs a docker target: {why}; give one number")
    return counts[0], counts


def _read_threads(
    table: Table, target: Target | None, own: dict[str, str]
) -> tuple[dict[str, str], tuple[int, ...]]:
    """The environment with what `threads` adds to it, or the several that are to be searched."""
    env = _read_env(table, own)
    one, several = _read_counts(table, target, "threads", THREADS_MAX)
    for name in [name for name in THREAD_VARIABLES if one and name in env]:
        table.add(f"env.{name}", f"is what {table.at('threads')} sets; remove one of them")
    return env | (thread_env(one) if one and not several else {}), several


def _read_entry_script(table: Table, source: Path | None, python: str | None) -> str | None:
    missing = "give the script with init() and run(), relative to source_directory"
    text = table.text("entry_script", missing=missing)
    if text is None:
        return None
    if wrong := _wrong_script_name(text):
        table.add("entry_script", f"{shown(text)} {wrong}")
        return None
    if source is None:
        return text
    found = Folder(source, confined=True, called="source_directory").find(text, "file")
    if isinstance(found, str):
        table.add("entry_script", found)
        return None
    for message in _script_problems(found, text, python):
        table.add("entry_script", f"{text} {message}")
    return text


def _wrong_script_name(text: str) -> str | None:
    path = Path(text)
    if path.suffix != ".py":
        return "must end in .py"
    if not path.stem.isidentifier():
        return "must be named like a Python variable: letters, digits and underscores"
    if path.is_absolute() or ".." in path.parts:
        return "must be inside source_directory; write its path from there"
    return None


def _script_problems(path: Path, name: str, python: str | None) -> list[str]:
    try:
        source = read_script(path)
    except (SyntaxError, OSError) as error:
        return [f"cannot be read: {error}"]
    return [problem.message for problem in check_script(source, name, python)]


def _read_container(table: Table, target: Target | None) -> ContainerConfig:
    if target and target.kind == "process":
        table.add("image", "needs a docker target; a process target runs only an entry_script")
    env, several_threads = _read_threads(table, target, GPU_VARIABLES)
    return ContainerConfig(
        image=table.text("image", missing="name the image", pattern=IMAGE, advice=IMAGE_ADVICE),
        port=table.integer("port", 1, 65_535, missing="give the port the service listens on"),
        health_path=table.checked("health_path", request_fields.wrong_path, "/"),
        score_path=table.checked("score_path", request_fields.wrong_path, "/score"),
        method=table.checked("method", request_fields.wrong_method, "POST"),
        headers=read_headers(table),
        env=env,
        gpu=_read_gpu(table),
        egress=table.flag("egress", False),
        concurrency=Concurrency(threads=several_threads),
    )


def _read_gpu(table: Table) -> int:
    """How many GPUs the service needs; true is one."""
    value = table.raw("gpu")
    if value is None or isinstance(value, bool):
        return int(value or False)
    if isinstance(value, int) and 1 <= value <= GPUS_MAX:
        return value
    asked = f"true or false, or how many GPUs it needs, from 1 to {GPUS_MAX}"
    table.add("gpu", f"must be {asked}, not {shown(value)}")
    return 0


def read_headers(table: Table) -> dict[str, str]:
    """The `headers` of a config or dataset: an object of strings."""
    headers = _read_object(table, "headers")
    for name, value in headers.items():
        if wrong := request_fields.wrong_header(name, value):
            table.add(f"headers.{name}", wrong)
    return headers


def _read_env(table: Table, own: dict[str, str]) -> dict[str, str]:
    env = _read_object(table, "env")
    for name, value in env.items():
        if not ENV_NAME.fullmatch(str(name)):
            advice = "use letters, digits and underscores, no digit first"
            table.add(f"env.{name}", f"is not the name of an environment variable; {advice}")
        elif name in own:
            table.add(f"env.{name}", f"is set by the profiler; {own[name]}")
        elif not isinstance(value, str):
            table.add(f"env.{name}", f"must be a string in quotes, not {shown(value)}")
        elif "\0" in value:
            table.add(f"env.{name}", "holds a NUL character; remove it")
    return env


def _read_object(table: Table, key: str) -> dict:
    value = table.raw(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        table.add(key, f"must be an object of strings, not {shown(value)}")
        return {}
    return dict(value)
