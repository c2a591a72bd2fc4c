"""GPUs of this host, each given to one measuring run at a time.

A lock is a file named by the GPU's UUID, held with flock(2): the kernel gives it back when the
process ends, however it ends. All runs of the host respect it that see the same folder, be they
of workers, of other installations or of the command line, and whoever's they are.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from profiler.control import Control
from profiler.errors import NO_GPU, TARGET_UNAVAILABLE, RunFailed
from profiler.services.gpu import host_gpus
from profiler.spec import Gpu, Spec

#: How often a GPU that is taken is asked for again.
LOOK_S = 0.2


def lock_folder() -> Path:
    """The same for every user of the host: not their TMPDIR."""
    return Path(os.environ.get("PROFILER_GPU_LOCK_DIR") or "/tmp")


@contextmanager
def reserved(spec: Spec, control: Control, *, until: float) -> Iterator[tuple[Gpu, ...]]:
    """As many of the target's GPUs as the config needs, kept from other runs while entered.

    All of them at once or none, so that two runs never wait for each other. Waits for those that
    are taken, and says so, until `until` (time.monotonic). Raises RunFailed: NoGpu when the host
    has too few or none became free, TargetUnavailable when nothing can be locked.
    """
    wanted = spec.config.gpu
    if not wanted:
        yield ()
        return
    gpus = _of_target(spec)
    with _lock_or_wait(gpus, wanted, control, until) as locked:
        yield locked


def _of_target(spec: Spec) -> list[Gpu]:
    """The target's GPUs that are there now."""
    found = [gpu for gpu in host_gpus() if gpu.index in spec.target.gpus]
    if len(found) < spec.config.gpu:
        raise RunFailed(
            NO_GPU,
            f"The config wants {_count(spec.config.gpu)} and of the target's GPUs "
            f"({_listed(spec.target.gpus)}) {len(found) or 'none'} answered on this host. See what "
            "`nvidia-smi -L` says there; without an NVIDIA driver there is no GPU to give.",
        )
    return found


@contextmanager
def _lock_or_wait(
    gpus: Sequence[Gpu], wanted: int, control: Control, until: float
) -> Iterator[tuple[Gpu, ...]]:
    told = False
    while True:
        with ExitStack() as locks:
            locked = _lock_free(gpus, wanted, locks)
            if len(locked) == wanted:
                yield locked
                return
        among = f"{_count(wanted)} among {_listed(gpu.index for gpu in gpus)}"
        if time.monotonic() >= until:
            raise RunFailed(
                NO_GPU,
                f"No GPU became free: {among} was wanted, and other runs on this host held them "
                "until the time for building (budget.build_s) was over. Run again when they have "
                "ended, or give more time.",
            )
        if not told:
            control.log(f"Waiting for {among}: other runs on this host measure on them.")
            control.tell(f"waiting for {among}, which other runs use")
            told = True
        # Not in step with another run that wants several of the same.
        control.sleep(LOOK_S * random.uniform(0.5, 1.5))


def _lock_free(gpus: Sequence[Gpu], wanted: int, locks: ExitStack) -> tuple[Gpu, ...]:
    """The first `wanted` GPUs that are free, locked until `locks` closes; fewer where few are."""
    locked: list[Gpu] = []
    for gpu in gpus:
        if len(locked) < wanted and _lock(gpu, locks):
            locked.append(gpu)
    return tuple(locked)


def _lock(gpu: Gpu, locks: ExitStack) -> bool:
    """False when another run has it."""
    path = lock_folder() / f"model-profiler-gpu-{gpu.uuid}.lock"
    try:
        file = _opened(path)
    except OSError as error:
        raise RunFailed(
            TARGET_UNAVAILABLE,
            f"{path}, by which a GPU is kept from other runs, cannot be opened "
            f"({error.strerror}). Mend its permissions, or set PROFILER_GPU_LOCK_DIR to a folder "
            "that all who run on this host may write to.",
        ) from error
    locks.callback(os.close, file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # Given back by name: a forked child may still have the file open.
    locks.callback(fcntl.flock, file, fcntl.LOCK_UN)
    with suppress(PermissionError):
        os.utime(file)  # it is in use: no cleaner of old files has any business with it
    return _is_still(path, file)


def _opened(path: Path) -> int:
    """Not created where it is there: the kernel refuses to "create" others' files in /tmp."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT, 0o644)


def _is_still(path: Path, file: int) -> bool:
    """Whether the name still leads to the file that was locked: it may have been removed since."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _count(gpus: int) -> str:
    return "a GPU" if gpus == 1 else f"{gpus} GPUs"


def _listed(indices: Iterable[int]) -> str:
    return ", ".join(map(str, indices)) or "none"
