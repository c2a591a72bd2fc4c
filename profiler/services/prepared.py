"""Makes what a spec's service runs from, once, and then the service at any size."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from profiler.control import Control
from profiler.errors import TARGET_UNAVAILABLE, RunFailed
from profiler.service import Service
from profiler.spec import AS_GIVEN, Gpu, Limits, Spec, Variant

#: The service at a size with its GPUs and the variant of its config that it runs, not yet entered.
Start = Callable[[Limits, tuple[Gpu, ...], Variant], Service]


def prepared(
    spec: Spec, control: Control, labels: dict[str, str], work_dir: Path
) -> AbstractContextManager[Start]:
    """Build or find image or environment; enters to what makes a service of it."""
    how = _in_containers if spec.target.kind == "docker" else _in_processes
    return how(spec, control, labels, work_dir)


@contextmanager
def _in_containers(
    spec: Spec, control: Control, labels: dict[str, str], _work_dir: Path
) -> Iterator[Start]:
    from profiler.services.docker_engine import connect
    from profiler.services.docker_service import DockerService
    from profiler.services.image import Images

    client = connect()
    try:
        deadline = time.monotonic() + spec.budget.build_s
        images = Images(client, log=control.log, check=control.check, deadline=deadline)
        image = images.prepare(spec)
        yield lambda size, gpus, variant=AS_GIVEN: DockerService(
            spec.changed_by(variant), size, image, labels, client, gpus
        )
    finally:
        client.close()


@contextmanager
def _in_processes(
    spec: Spec, control: Control, labels: dict[str, str], work_dir: Path
) -> Iterator[Start]:
    if os.environ.get("PROFILER_ALLOW_PROCESS_TARGET") != "1":
        raise RunFailed(
            TARGET_UNAVAILABLE,
            "The process target runs the service's code as this very user, so it is off. Set "
            "PROFILER_ALLOW_PROCESS_TARGET=1 to allow it, or use a docker target.",
        )
    from profiler.services.process_environment import default_folder, ensure
    from profiler.services.process_service import ProcessService

    deadline = time.monotonic() + spec.budget.build_s
    python = ensure(
        spec.config.environment, default_folder(),
        log=control.log, check=control.check, deadline=deadline,
    )  # fmt: skip
    yield lambda size, gpus, variant=AS_GIVEN: ProcessService(
        spec.changed_by(variant), size, python, work_dir, labels, gpus
    )
