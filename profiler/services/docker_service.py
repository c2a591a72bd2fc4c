"""A service in a container: hardened, limited by the kernel, measured by its cgroup."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from profiler.errors import IMAGE_NOT_FOUND, NEVER_READY, NO_GPU, OUT_OF_MEMORY, RunFailed
from profiler.service import Address, Capture, Exit, Service, UsageReading
from profiler.services import cgroup, gpu
from profiler.services.cgroup_reader import CgroupReader
from profiler.services.docker_engine import connect, engine_errors, failure_of, remove
from profiler.services.page_cache import drop_files
from profiler.services.scoring import layout
from profiler.services.scoring.dockerfiles import APP_ROOT, PYTHON
from profiler.spec import ContainerConfig, Gpu, Limits, Spec
from profiler.texts import readable
from profiler.units import MIB

CPU_PERIOD_US = 100_000
#: nobody: owns nothing in the image and nothing on the host.
USER = "65534:65534"
HOME = "/home/service"
SCRATCH = "rw,noexec,nosuid,nodev,mode=1777"
PIDS_LIMIT = 1024
LOG_OPTIONS = {"max-size": "4m", "max-file": "2"}
#: How many lines are asked for when the end of a log is wanted.
LOG_LINES = 400

NO_EGRESS_NETWORK = "model-profiler-internal"
EGRESS_NETWORK = "model-profiler-egress"

#: CUDA images say "all", which an engine whose default runtime is NVIDIA's would follow.
NO_GPUS = {"NVIDIA_VISIBLE_DEVICES": "void"}
#: What the engine says that cannot give GPUs: without NVIDIA's toolkit, and since version 29; and
#: how that toolkit's own failures begin.
NO_GPU_SIGNS = ("could not select device driver", "GPU vendor from CDI", "nvidia-container")

#: A container whose cgroup could not be read is asked about through the engine, this often.
INSPECT_INTERVAL_S = 0.25


class DockerService(Service):
    """The service of a spec, at one size, in a container of its own from a prepared image.

    `labels` go onto the container, for the sweep of what was left behind. Errors on entering:
    RunFailed with ImageNotFound, OutOfMemory, NeverReady, DiskFull or TargetUnavailable.
    """

    limits_enforced = True
    sample_interval_s = 0.025

    def __init__(
        self,
        spec: Spec,
        size: Limits,
        image: str,
        labels: dict[str, str],
        client: docker.DockerClient | None = None,
        gpus: tuple[Gpu, ...] = (),
    ) -> None:
        self._spec = spec
        self._size = size
        self._image = image
        self._labels = dict(labels)
        self.gpus = gpus
        self._own_client = client is None
        self._client = client
        self._container: Container | None = None
        self._reader: CgroupReader | None = None
        self._address: Address | None = None
        self._started_ns = 0
        self._exit: Exit | None = None
        self._inspected_at = 0.0
        self._files_dropped = False

    def __enter__(self) -> DockerService:
        try:
            self._client = self._client or connect()
            self._files_dropped = self._drop_files()
            self._container = self._create()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._container is not None:
            remove(self._container)
            self._container = None
        if self._own_client and self._client is not None:
            self._client.close()
            self._client = None

    @property
    def address(self) -> Address:
        if self._address is None:
            raise RuntimeError("the service was not started")
        return self._address

    @property
    def health_path(self) -> str:
        config = self._spec.config
        if isinstance(config, ContainerConfig):
            return config.health_path
        return layout.HEALTH_PATH

    @property
    def started_ns(self) -> int:
        return self._started_ns

    def read_usage(self, *, complete: bool = False) -> UsageReading | None:
        return self._reader.read(complete=complete) if self._reader else None

    def capture_usage(self, *, complete: bool = False) -> Capture | None:
        return self._reader.capture(complete=complete) if self._reader else None

    def process_ids(self) -> frozenset[int] | None:
        return cgroup.process_ids(self._reader.paths) if self._reader else None

    def reset_memory_peak(self) -> bool:
        return self._reader.reset_memory_peak() if self._reader else False

    def resize(self, cpu_millicores: int) -> None:
        with engine_errors():
            self._container.update(cpu_period=CPU_PERIOD_US, cpu_quota=quota_us(cpu_millicores))

    def limit_memory(self, memory_bytes: int) -> bool:
        try:
            with engine_errors():
                self._container.update(mem_limit=memory_bytes, memswap_limit=memory_bytes)
        except APIError:
            return False  # version 1 refuses a limit below what it can free
        return True

    def exited(self) -> Exit | None:
        """Free while the cgroup answers; only then is the engine asked (some milliseconds)."""
        if self._exit is None and not (self._reader and self._reader.is_there()):
            self._exit = self._inspect_exit()
        return self._exit

    def log(self, max_bytes: int = 16_384) -> str:
        if self._container is None:
            return ""
        try:
            text = self._container.logs(tail=LOG_LINES)
        except (OSError, DockerException):
            return ""  # a log that cannot be had must not hide why it was wanted
        return readable(text[-max_bytes:])

    def circumstances(self) -> dict:
        image = self._client.images.get(self._image)
        engine = self._client.version()
        return {
            "kind": "docker",
            "image": self._image,
            "image_id": image.id,
            "image_digests": image.attrs.get("RepoDigests") or [],
            "container_id": self._container.id,
            "docker_version": engine.get("Version"),
            "service_cores": list(self._spec.target.service_cores),
            "cgroup_version": self._reader.version if self._reader else None,
            "egress": self._spec.config.egress,
            "limits_enforced": True,
            "files_dropped": self._files_dropped,
            **gpu.circumstances(self.gpus),
        }

    def _drop_files(self) -> bool:
        """So that the service is charged for what it reads, whatever ran here before it."""
        python = "python3" if isinstance(self._spec.config, ContainerConfig) else PYTHON
        with self._creating():
            return drop_files(
                self._client, self._image, python, self._labels, user=USER, environment=NO_GPUS
            )

    def _create(self) -> Container:
        with self._creating():
            return self._client.containers.create(**self._options())

    @contextmanager
    def _creating(self) -> Iterator[None]:
        """Turns what may go wrong with any container of the image into RunFailed."""
        try:
            yield
        except docker.errors.ImageNotFound as error:
            raise RunFailed(
                IMAGE_NOT_FOUND, f"Image {self._image} is not on this machine."
            ) from error
        except (OSError, DockerException) as error:
            raise failure_of(error) or self._not_started(error) from error

    def _options(self) -> dict:
        """What the engine is asked for; everything not granted here is refused."""
        return {
            "image": self._image,
            "name": f"model-profiler-{uuid.uuid4().hex[:12]}",
            "labels": self._labels,
            "environment": self._environment(),
            "user": USER,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "read_only": True,
            # Files here count as the service's memory, so the memory limit bounds them too.
            "tmpfs": {"/tmp": f"{SCRATCH},size=256m", HOME: f"{SCRATCH},size=64m"},
            "pids_limit": PIDS_LIMIT,
            "mem_limit": self._size.memory_bytes,
            "memswap_limit": self._size.memory_bytes,
            # Not nano_cpus: the engine refuses to change the quota where that is set.
            "cpu_period": CPU_PERIOD_US,
            "cpu_quota": quota_us(self._size.cpu_millicores),
            "cpuset_cpus": ",".join(str(core) for core in self._spec.target.service_cores),
            "network": ensure_network(self._client, egress=self._spec.config.egress),
            "log_config": docker.types.LogConfig(type="json-file", config=LOG_OPTIONS),
            "device_requests": device_requests(self.gpus),
            "detach": True,
        }

    def _environment(self) -> dict[str, str]:
        config = self._spec.config
        home = {"HOME": HOME, **({} if self.gpus else NO_GPUS)}
        if isinstance(config, ContainerConfig):
            return home | config.env
        return home | layout.server_variables(
            config, self._spec.models, app_root=APP_ROOT, port=layout.SERVER_PORT
        )

    def _start(self) -> None:
        before_ns = time.monotonic_ns()
        try:
            self._container.start()
            self._container.reload()
        except (OSError, DockerException) as error:
            raise failure_of(error) or self._not_started(error) from error
        after_ns = time.monotonic_ns()
        state = self._container.attrs["State"]
        self._started_ns = min(max(monotonic_ns(state["StartedAt"]), before_ns), after_ns)
        self._address = Address(self._ip_address(), self._port())
        pid = state["Pid"] or None
        paths = cgroup.find(pid) if pid else None
        if paths is None or not _is_of(paths, self._container.id):
            pid, paths = None, cgroup.find_by_id(self._container.id)
        if paths is not None:
            self._reader = CgroupReader(paths, pid)

    def _not_started(self, error: Exception) -> RunFailed:
        """A refusal to create or start the container, in the engine's words."""
        reason = getattr(error, "explanation", None) or str(error)
        if "OOM" in reason or "out of memory" in reason.lower():
            size = self._size.memory_bytes / MIB
            return RunFailed(
                OUT_OF_MEMORY,
                f"The container could not even be started within {size:.0f} MiB. Give more memory.",
            )
        if self.gpus and any(sign in reason for sign in NO_GPU_SIGNS):
            return RunFailed(
                NO_GPU,
                f"The Docker engine could not give its GPU to the container: {reason.strip()}. "
                "Install the NVIDIA Container Toolkit on the target's machine (package "
                "nvidia-container-toolkit, then `nvidia-ctk runtime configure --runtime=docker`), "
                "restart Docker and run again.",
            )
        return RunFailed(NEVER_READY, f"The container could not be started: {reason}", self.log())

    def _ip_address(self) -> str:
        """The container's own address; empty when it has ended already and lost it."""
        networks = self._container.attrs["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"]

    def _port(self) -> int:
        config = self._spec.config
        return config.port if isinstance(config, ContainerConfig) else layout.SERVER_PORT

    def _inspect_exit(self) -> Exit | None:
        now = time.monotonic()
        if self._reader is None and now - self._inspected_at < INSPECT_INTERVAL_S:
            return None
        self._inspected_at = now
        try:
            with engine_errors():
                self._container.reload()
        except NotFound:
            return Exit(code=137, out_of_memory=False)  # someone removed it by force
        state = self._container.attrs["State"]
        if state["Running"]:
            return None
        return Exit(code=state["ExitCode"], out_of_memory=bool(state["OOMKilled"]))


def quota_us(cpu_millicores: int) -> int:
    """Microseconds of cpu in each period of 100 ms; the kernel refuses less than 1 ms."""
    return max(cpu_millicores * CPU_PERIOD_US // 1000, 1000)


def device_requests(gpus: tuple[Gpu, ...]) -> list[docker.types.DeviceRequest]:
    """Exactly these GPUs (`docker run --gpus device=...`); nothing is asked for without any."""
    if not gpus:
        return []
    uuids = [each.uuid for each in gpus]
    return [docker.types.DeviceRequest(device_ids=uuids, capabilities=[["gpu"]])]


def ensure_network(client: docker.DockerClient, *, egress: bool) -> str:
    """A bridge whose containers cannot reach each other; without egress nothing else either.

    The host still reaches a container's address, which is all that measuring needs.
    """
    name = EGRESS_NETWORK if egress else NO_EGRESS_NETWORK
    try:
        with engine_errors():
            if not client.networks.list(names=[f"^{name}$"]):
                client.networks.create(
                    name,
                    driver="bridge",
                    internal=not egress,
                    options={"com.docker.network.bridge.enable_icc": "false"},
                    check_duplicate=True,
                )
    except APIError as error:
        if error.status_code != requests.codes.conflict:  # another worker has just made it
            raise
    return name


def monotonic_ns(started_at: str) -> int:
    """The engine's `StartedAt` (wall clock, nanoseconds) on CLOCK_MONOTONIC."""
    whole, _, fraction = started_at.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.UTC).timestamp()
    wall_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
    return wall_ns - time.time_ns() + time.monotonic_ns()


def _is_of(paths: cgroup.CgroupPaths, container_id: str) -> bool:
    """A process id means nothing in another pid namespace: it may name a stranger's cgroup."""
    return container_id in str(paths.controllers["memory"])
