"""Small C programs as services in containers, run as the engine runs them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from bench.kit.cores import CAPACITY
from bench.kit.script import NotHere
from bench.kit.truth_server import compiled, work_folder
from profiler.services.docker_engine import check_docker, connect
from profiler.services.docker_service import DockerService
from profiler.spec import (
    Budget,
    Config,
    ContainerConfig,
    DatasetFiles,
    Limits,
    Load,
    Objective,
    Spec,
    Stage,
    Target,
)
from profiler.units import GIB

PROGRAMS = Path(__file__).with_name("programs")
REPOSITORY = "model-profiler-bench"
PORT = 8080
CACHE = "cache.tar.gz"
LABELS = {"model-profiler.bench": "1"}


def spec_of(config: Config, *, cpu_millicores: int = 1000, dataset: Path = Path("unused")) -> Spec:
    """A spec of this service on this host, at a size and with as much memory as it may want."""
    cores = CAPACITY.service_cores
    return Spec(
        models=(),
        config=config,
        dataset=DatasetFiles(dataset),
        target=Target("docker", cores, CAPACITY.driver_cores, 1000 * len(cores), 4 * GIB),
        limits=Limits(cpu_millicores, 2 * GIB),
        load=Load((Stage("closed", concurrency=1),)),
        objective=Objective(),
        budget=Budget(),
    )


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """The Docker Engine; NotHere without one."""
    reason = check_docker()
    if reason is not None:
        raise NotHere(f"It needs Docker. {reason}")
    client = connect()
    try:
        yield client
    finally:
        client.close()


@contextmanager
def image_of(client: docker.DockerClient, program: str, *, cache_mib: int = 0) -> Iterator[str]:
    """The name of an image with one of PROGRAMS alone in it, and a file /cache of that size.

    The image is removed on leaving. NotHere without a C compiler.
    """
    with work_folder() as folder:
        binary = compiled(PROGRAMS / f"{program}.c", folder, "-static", "-pthread")
        name = f"{REPOSITORY}/{program}:{hashlib.sha256(binary.read_bytes()).hexdigest()[:16]}"
        lines = ["FROM scratch", f"COPY {program} /service", 'ENTRYPOINT ["/service"]']
        if cache_mib:
            _write_cache(folder / CACHE, cache_mib)
            lines.insert(1, f"ADD {CACHE} /")
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        client.images.build(path=str(folder), tag=name, rm=True, forcerm=True)
    try:
        yield name
    finally:
        client.images.remove(name, force=True)


def _write_cache(path: Path, mib: int) -> None:
    """An archive that the engine unpacks into the image; zeros, so it is small to send."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        entry = tarfile.TarInfo("cache")
        entry.size, entry.mode = mib << 20, 0o644
        archive.addfile(entry, _Zeros(entry.size))


class _Zeros(io.RawIOBase):
    def __init__(self, left: int) -> None:
        self._left = left

    def read(self, size: int = -1) -> bytes:
        given = min(self._left, size) if size >= 0 else self._left
        self._left -= given
        return bytes(given)


def container(
    client: docker.DockerClient, image: str, *, cpu_millicores: int = 1000, **env: object
) -> DockerService:
    """A service from this image, not yet entered; `env` is the program's."""
    config = ContainerConfig(image, PORT, env={name: str(value) for name, value in env.items()})
    spec = spec_of(config, cpu_millicores=cpu_millicores)
    return DockerService(spec, spec.limits, image, LABELS, client)


def wait_for(service: DockerService, word: str, timeout_s: float = 60.0) -> list[list[str]]:
    """The words of each line that the program wrote until the line `word` came.

    RuntimeError with what it wrote when it ended before, or takes too long.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        lines = [line.split() for line in service.log(1 << 20).splitlines()]
        if [word] in lines:
            return lines
        if service.exited() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the program never said {word!r}: {service.log()!r}")
