"""Removing services that no live run owns: what a killed worker could not clean up itself.

From its start every container carries the labels below, every process the two variables.
"""

from __future__ import annotations

import psutil

INSTALLATION_LABEL = "model-profiler.installation"
RUN_LABEL = "model-profiler.run"
ATTEMPT_LABEL = "model-profiler.attempt"

#: Of a process: `<run>.<attempt>`, and the installation it belongs to.
RUN_VARIABLE = "MODEL_PROFILER_RUN"
INSTALLATION_VARIABLE = "MODEL_PROFILER_INSTALLATION"

KILL_S = 3.0


def attempt_of(labels: dict[str, str]) -> str:
    """`<run>.<attempt>`, by which runs are told apart; empty without the labels."""
    run, attempt = labels.get(RUN_LABEL, ""), labels.get(ATTEMPT_LABEL, "")
    return f"{run}.{attempt}" if attempt else run


def sweep_containers(installation: str, keep: set[str]) -> list[str]:
    """Remove this installation's containers whose attempt is not in `keep`; what was removed.

    Does nothing, quietly, where no engine answers: then there is nothing to remove.
    """
    from profiler.services import docker_engine

    if docker_engine.check_docker() is not None:
        return []
    client = docker_engine.connect()
    try:
        label = f"{INSTALLATION_LABEL}={installation}"
        listed = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        dead = [container for container in listed if attempt_of(container.labels) not in keep]
        for container in dead:
            docker_engine.remove(container)
        return [f"container {each.name} ({attempt_of(each.labels)})" for each in dead]
    finally:
        client.close()


def sweep_processes(installation: str, keep: set[str]) -> list[str]:
    """Kill this installation's processes whose attempt is not in `keep`; what was killed."""
    dead = {}
    for process in psutil.process_iter():
        attempt = _attempt_of_process(process, installation)
        if attempt is not None and attempt not in keep:
            dead[process] = attempt
    for process in dead:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(list(dead), timeout=KILL_S)
    return [f"process {process.pid} ({attempt})" for process, attempt in dead.items()]


def _attempt_of_process(process: psutil.Process, installation: str) -> str | None:
    """None for processes that are no service of this installation, or not ours to look at."""
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return None
    if environment.get(INSTALLATION_VARIABLE) != installation:
        return None
    return environment.get(RUN_VARIABLE)
