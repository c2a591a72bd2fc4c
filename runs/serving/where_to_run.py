"""What this machine can profile with: containers, or processes where it has no Docker."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from runs.serving.children import script

logger = logging.getLogger(__name__)

BASE_IMAGE_TIMEOUT_S = 600
#: How long to wait for an image registry's answer before taking it for unreachable.
REGISTRY_TIMEOUT_S = 5


@dataclass(frozen=True)
class Place:
    """The kind of target that works here, and what its user should know about it."""

    kind: str
    notice: str = ""


def known() -> Place | None:
    """Processes where Docker does not work, Docker where it has or can pull a base image; None
    where that has to be made first."""
    from profiler.services.docker_engine import check_docker

    trouble = check_docker()
    if trouble:
        return _processes(trouble)
    if settings.PROFILER_BASE_IMAGE or _has_base_image() or _registry_answers():
        return Place("docker")
    return None


def once_base_image_is_made(say: Callable[[str], None]) -> Place:
    """Docker with a base image made here, which takes a minute; processes where that fails."""
    say("No image registry can be reached: making a base image from Debian packages (a minute) ...")
    trouble = _make_base_image()
    return _processes(trouble) if trouble else Place("docker")


def _processes(trouble: str) -> Place:
    return Place(
        "process",
        f"Services will run as plain processes of this user: {trouble}\n"
        "Their limits are not enforced, so advice stays provisional; profile only code you trust.",
    )


def _has_base_image() -> bool:
    from docker.errors import ImageNotFound

    from profiler.services.docker_engine import connect
    from profiler.services.image import DEFAULT_PYTHON, LOCAL_BASE

    client = connect()
    try:
        for name in (LOCAL_BASE, f"python:{DEFAULT_PYTHON}-slim-bookworm"):
            try:
                client.images.get(name)
            except ImageNotFound:
                continue
            return True
        return False
    finally:
        client.close()


def _registry_answers() -> bool:
    """Whether the engine can look an image up; it is the engine that would pull it."""
    import docker
    import requests

    from profiler.services.image import DEFAULT_PYTHON

    client = docker.from_env(timeout=REGISTRY_TIMEOUT_S)
    try:
        client.images.get_registry_data(f"python:{DEFAULT_PYTHON}-slim-bookworm")
    except (docker.errors.DockerException, requests.RequestException) as error:
        logger.debug("no image registry: %s", error)
        return False
    finally:
        client.close()
    return True


def _make_base_image() -> str | None:
    """Run scripts/base_image.sh; why it failed, or None."""
    log = settings.PROFILER_DATA_DIR / "base-image.log"
    with log.open("wb") as file:
        try:
            done = subprocess.run(
                ["sh", script("scripts/base_image.sh")],
                env={**os.environ, "PYTHON": sys.executable},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=BASE_IMAGE_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"making a base image took longer than {BASE_IMAGE_TIMEOUT_S} s ({log})."
    if done.returncode == 0:
        return None
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    return f"a base image could not be made: {last[0]} (all of it in {log})."
