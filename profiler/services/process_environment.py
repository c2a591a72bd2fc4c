"""Python environments for services that run as processes: one folder per content hash, kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from profiler.errors import ENVIRONMENT_FAILED, RunFailed
from profiler.services import disk
from profiler.services.scoring import layout, requirements
from profiler.spec import Environment
from profiler.texts import readable

LOG_TAIL_BYTES = 16_384
LOOK_S = 0.1
#: Written last: a folder without it was left half-made.
COMPLETE = ".complete"
FREE = "Free space: any environment in it can be deleted, and is made again when needed."

Check = Callable[[], None]


def default_folder() -> Path:
    """Where environments are kept: the installation's data folder, or the user's cache."""
    data = os.environ.get("PROFILER_DATA_DIR")
    if data:
        return Path(data, "environments").resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "model-profiler", "environments")


def ensure(
    environment: Environment,
    folder: Path,
    *,
    log: Callable[[str], None],
    check: Check,
    deadline: float,
) -> Path:
    """The Python of an environment that has the server and these packages, made if need be.

    `check` is called ten times a second and ends the work by raising; all must be done by
    `deadline` (time.monotonic). Two workers wanting the same environment wait for each other.
    Raises RunFailed: EnvironmentFailed (the requirement at fault named) or DiskFull.
    """
    if environment.base_image or environment.dockerfile:
        raise RunFailed(
            ENVIRONMENT_FAILED,
            "A process cannot run in an image. Give pip requirements, or use a docker target.",
        )
    made = folder / content_hash(environment)
    python = made / "bin" / "python"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(made.with_suffix(".lock"), check, deadline):
            if not (made / COMPLETE).exists():
                shutil.rmtree(made, ignore_errors=True)
                _make(made, environment, log, check, deadline)
                (made / COMPLETE).touch()
    except OSError as error:
        if disk.is_full(error):
            raise disk.full_at(folder, FREE) from error
        raise
    return python


def content_hash(environment: Environment) -> str:
    """16 hex digits of a SHA-256 over all that decides what is installed."""
    wanted = (layout.SERVER_REQUIREMENT, _python_version(environment), *environment.pip)
    return hashlib.sha256("\0".join(wanted).encode()).hexdigest()[:16]


def _python_version(environment: Environment) -> str:
    return environment.python or f"{sys.version_info.major}.{sys.version_info.minor}"


@contextmanager
def _locked(path: Path, check: Check, deadline: float) -> Iterator[None]:
    """Hold the lock file; it is freed even when its holder dies."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check()
                _refuse_late(deadline, "")
                time.sleep(LOOK_S)
        yield


def _make(
    made: Path, environment: Environment, log: Callable[[str], None], check: Check, deadline: float
) -> None:
    version = _python_version(environment)
    status, output = _uv(["venv", "--python", version, str(made)], log, check, deadline)
    if status:
        raise _failed(
            f"Python {version} was asked for; it is not on this machine and could not be "
            f"downloaded: {requirements.reason_of(output)} Install it, or ask for "
            f"{sys.version_info.major}.{sys.version_info.minor}.",
            output,
            made,
        )
    wanted = made / "requirements.txt"
    wanted.write_text("".join(f"{line}\n" for line in environment.pip))
    python = str(made / "bin" / "python")
    arguments = ["pip", "install", "--python", python, "--compile-bytecode"]
    arguments += [layout.SERVER_REQUIREMENT, "-r", str(wanted)]
    status, output = _uv(arguments, log, check, deadline)
    if status:
        raise _failed(requirements.explain(output, environment.pip), output, made)
    _add_shim(made)


def _add_shim(made: Path) -> None:
    """Our azureml module, after site-packages on the path: an installed azureml-core wins."""
    packages = next(made.glob("lib/python*/site-packages"))
    (packages / "model_profiler_shim.pth").write_text(f"{layout.SHIM}\n")


def _failed(message: str, output: str, made: Path) -> RunFailed:
    if disk.says_full(output):
        return disk.full_at(made.parent, FREE)
    return RunFailed(ENVIRONMENT_FAILED, message, output[-LOG_TAIL_BYTES:])


def _uv(
    arguments: list[str], log: Callable[[str], None], check: Check, deadline: float
) -> tuple[int, str]:
    """Run uv in a group of its own; its exit status and output. Killed when `check` raises."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [_uv_binary(), "--color", "never", "--no-progress", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_uv_environment(),
        )
        try:
            while process.poll() is None:
                check()
                _refuse_late(deadline, _text(output))
                time.sleep(LOOK_S)
        finally:
            process.kill()
            process.wait()
        text = _text(output)
    log(text)
    return process.returncode, text


def _text(output) -> str:
    output.seek(0)
    return readable(output.read())


def _refuse_late(deadline: float, output: str) -> None:
    if time.monotonic() > deadline:
        raise RunFailed(
            ENVIRONMENT_FAILED,
            "The environment was not ready in the time given (budget.build_s). Give more, or "
            "fewer packages.",
            output[-LOG_TAIL_BYTES:],
        )


def _uv_binary() -> str:
    """The uv that is installed with us; else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else "uv"


def _uv_environment() -> dict[str, str]:
    """Ours, less what would point uv at our own environment; certificates as for images."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    bundle = os.environ.get("PROFILER_CA_BUNDLE")
    if bundle:
        environment["SSL_CERT_FILE"] = bundle
    return environment
