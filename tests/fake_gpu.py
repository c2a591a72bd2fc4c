"""A host with GPUs as far as NVML goes: a small libnvidia-ml.so.1, compiled here, and its values.

The real binding (nvidia-ml-py) loads it. It stands in for the driver alone: processes, locks,
threads and services are real.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "fake_nvml" / "nvml.c"
GIB = 1 << 30


def compiled(folder: Path) -> Path:
    """The folder of the library, for LD_LIBRARY_PATH. Without a compiler the test is skipped."""
    if not shutil.which("gcc") and os.environ.get("REQUIRE_DOCKER") != "1":
        pytest.skip("no gcc: the library that stands in for NVML cannot be compiled")
    library = folder / "libnvidia-ml.so.1"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{library.name}"]
    subprocess.run(["gcc", *flags, "-o", library, SOURCE], check=True, timeout=60)
    return folder


def load(library: Path) -> None:
    """Into this process, for the rest of its life: by its soname the binding then finds it.

    Without FAKE_NVML in the environment it has no GPU.
    """
    ctypes.CDLL(str(library / "libnvidia-ml.so.1"), mode=ctypes.RTLD_GLOBAL)


class FakeGpus:
    """The values that the library answers; `say` changes them while others read them."""

    def __init__(self, library: Path, folder: Path, gpus: int = 1, memory_bytes: int = 8 * GIB):
        self.file = folder / "nvml.txt"
        self.uuids = [f"GPU-{uuid.uuid4()}" for _ in range(gpus)]
        self.head = "".join(
            f"gpu {index} {self.uuids[index]} Fake-GPU {memory_bytes}\n" for index in range(gpus)
        )
        locks = folder / "gpu-locks"
        locks.mkdir()
        self.env = {
            "LD_LIBRARY_PATH": str(library),
            "FAKE_NVML": str(self.file),
            "PROFILER_GPU_LOCK_DIR": str(locks),
        }
        self.say()

    def say(self, *lines: str) -> None:
        """These values from now on, such as "0 power 250000"; whole at once for a reader."""
        part = self.file.with_suffix(".part")
        part.write_text(self.head + "".join(f"{line}\n" for line in lines))
        os.replace(part, self.file)


@contextmanager
def taken(uuid_: str) -> Iterator[None]:
    """A GPU held as another run holds it."""
    path = Path(os.environ["PROFILER_GPU_LOCK_DIR"]) / f"model-profiler-gpu-{uuid_}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
