"""One installation per data directory, one server per port: said clearly when there are two."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotServe(Exception):
    """Why this installation cannot be started, in words for whoever typed the command."""


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; the kernel lets go of it however this process ends.

    Raises CannotServe when another process holds it.
    """
    path = data_dir / "serve.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise CannotServe(
                f"Model Profiler already runs on {data_dir} (process {owner}). Stop that one "
                "first, or give this one its own directory with PROFILER_DATA_DIR."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_port(address: str, port: int) -> None:
    """Raise CannotServe when nothing could listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise CannotServe(
                f"Port {port} on {address} cannot be used ({error.strerror}). Stop what listens "
                f"there, or choose another: PORT={port + 1} make run"
            ) from None
