"""Small services for tests of what runs them: a score.py, its spec, a call."""

from __future__ import annotations

import json
import os
import textwrap
import time
import urllib.request
from pathlib import Path

from profiler.service import Service
from profiler.services.image import Images
from profiler.spec import (
    Budget,
    Config,
    DatasetFiles,
    Environment,
    Limits,
    Load,
    ModelFiles,
    Objective,
    ScoredConfig,
    Spec,
    Stage,
    Target,
)
from profiler.units import GIB, MIB

ECHO = """
def init():
    pass

def run(raw_data):
    return raw_data
"""


def service_cores() -> tuple[int, ...]:
    cores = sorted(os.sched_getaffinity(0))
    return tuple(cores[:-1] or cores)


def spec_of(config: Config, models: tuple[ModelFiles, ...] = (), *, memory_mib: int = 512) -> Spec:
    cores = service_cores()
    return Spec(
        models=models,
        config=config,
        dataset=DatasetFiles(Path("unused")),
        target=Target("docker", cores, cores, 1000 * len(cores), 4 * GIB),
        limits=Limits(1000, memory_mib * MIB),
        load=Load((Stage("closed", concurrency=1),)),
        objective=Objective(),
        budget=Budget(),
    )


def scored(folder: Path, source: str = ECHO, **options) -> ScoredConfig:
    """A config for a score.py of this source, written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "score.py").write_text(textwrap.dedent(source))
    environment = options.pop("environment", Environment())
    return ScoredConfig("score.py", folder, environment, **options)


def images(client, log: list[str] | None = None, check=lambda: None) -> Images:
    lines = [] if log is None else log
    return Images(client, log=lines.append, check=check, deadline=time.monotonic() + 300)


def ask(service: Service, body: object = "", path: str = "/score") -> object:
    """What the service answers to a JSON body."""
    url = f"http://{service.address.host}:{service.address.port}{path}"
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def nothing() -> None:
    """A check that never ends anything."""
