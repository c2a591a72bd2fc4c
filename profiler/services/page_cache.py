"""The files of an image out of the page cache, so that a fresh service is charged what it reads.

The kernel charges a page of a file to the cgroup that read it first, as long as it is cached
(Linux: Documentation/admin-guide/cgroup-v1/memory.rst, section 2.3; cgroup-v2.rst, "Memory
Ownership"). A service whose libraries another container has read gets them for nothing, and may
live within a limit at which it stands still on a machine that has not read them.
"""

from __future__ import annotations

from pathlib import Path

import docker
import requests
from docker.errors import APIError
from docker.types import LogConfig

from profiler.services.docker_engine import remove
from profiler.units import MIB

HERE = Path(__file__).parent
SCRIPT, SHELL_SCRIPT = ((HERE / f"drop_files.{kind}").read_text() for kind in ("py", "sh"))
#: Longer than any image takes; a disk that is slow to write what is new delays it.
TIMEOUT_S = 45.0


def drop_files(
    client: docker.DockerClient, image: str, python: str, labels: dict[str, str], **options: object
) -> bool:
    """Whether all files of the image that nobody has mapped were dropped.

    False where the image has neither such a `python` nor a shell with GNU coreutils, or it took too
    long. `options` are those of the containers that do it. Errors of the engine's are raised as
    they come (ImageNotFound).
    """
    programs = ([python, "-c", SCRIPT], ["sh", "-c", SHELL_SCRIPT])
    return any(_succeeds(client, image, program, labels, options) for program in programs)


def _succeeds(
    client: docker.DockerClient,
    image: str,
    program: list[str],
    labels: dict[str, str],
    options: dict,
) -> bool:
    container = client.containers.create(
        image,
        entrypoint=program,
        command=[],
        labels=labels,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        read_only=True,
        network_mode="none",
        mem_limit=256 * MIB,
        log_config=LogConfig(type=LogConfig.types.NONE),
        **options,
    )
    try:
        container.start()
        return container.wait(timeout=TIMEOUT_S)["StatusCode"] == 0
    except (APIError, requests.ReadTimeout):
        return False  # there is no such program, or the disk is too slow
    finally:
        remove(container)
