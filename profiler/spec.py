"""What a run is asked to do: the resolved, checked form of SPEC.json. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from profiler.threads import thread_env
from profiler.units import MIB


@dataclass(frozen=True)
class ModelFiles:
    """A model's files: `path` is a file (keeps its basename) or a folder (keeps its own name)."""

    name: str
    version: int
    path: Path


@dataclass(frozen=True)
class Environment:
    """Python packages of a scored service, installed on a base image or a Dockerfile's (not both).

    `pip` holds requirement lines already read from a list, a requirements file or a conda file.
    `python` is the version the service must run on; None leaves it to the base.
    """

    pip: tuple[str, ...] = ()
    python: str | None = None
    base_image: str | None = None
    dockerfile: Path | None = None


@dataclass(frozen=True)
class Concurrency:
    """Numbers of workers, and of threads in each, of which every pair is searched with the cpu.

    Empty for what is not searched: it is as the config says.
    """

    workers: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()

    def variants(self) -> tuple[Variant, ...]:
        """All pairs; the config as given alone where nothing else is asked for."""
        return tuple(
            Variant(workers, thread_env(threads) if threads else {})
            for workers in self.workers or (None,)
            for threads in self.threads or (None,)
        )


@dataclass(frozen=True)
class ScoredConfig:
    """A score.py with init() and run(), served by azureml-inference-server-http.

    `workers` are the first of those that `concurrency` asks for, where it does.
    """

    entry_script: str
    source_directory: Path
    environment: Environment
    env: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    gpu: int = 0  # how many it needs
    egress: bool = False
    concurrency: Concurrency = Concurrency()


@dataclass(frozen=True)
class ContainerConfig:
    """A ready image that answers HTTP."""

    image: str
    port: int
    health_path: str = "/"
    score_path: str = "/score"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    gpu: int = 0  # how many it needs
    egress: bool = False
    concurrency: Concurrency = Concurrency()


Config = ScoredConfig | ContainerConfig


@dataclass(frozen=True)
class Variant:
    """A config otherwise than given: with other workers (None: as given), with more variables."""

    workers: int | None = None
    env: dict[str, str] = field(default_factory=dict)

    def of(self, config: Config) -> Config:
        """The config so changed."""
        workers = {} if self.workers is None else {"workers": self.workers}
        return replace(config, env=config.env | self.env, **workers)

    def to_json(self) -> dict:
        """Only what differs: {} for the config as given."""
        return {key: value for key, value in vars(self).items() if value}


AS_GIVEN = Variant()


@dataclass(frozen=True)
class DatasetFiles:
    """Where the request bodies are, and the defaults of what a row does not say itself."""

    path: Path
    content_type: str | None = None  # None: by suffix for a file to a body, else application/json
    method: str = "POST"
    request_path: str = "/score"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gpu:
    """A GPU of the host; a reboot may change its `index`, which is NVML's, but not its `uuid`."""

    index: int
    uuid: str
    name: str
    memory_bytes: int


@dataclass(frozen=True)
class Target:
    """Where it runs, and the largest size that may be asked for there.

    `service_cores` and `driver_cores` are disjoint unless the host has a single core. `gpus` are
    NVML's indices.
    """

    kind: Literal["docker", "process"]
    service_cores: tuple[int, ...]
    driver_cores: tuple[int, ...]
    max_cpu_millicores: int
    max_memory_bytes: int
    gpus: tuple[int, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Limits:
    """The largest size of this run: where measuring starts and above which no advice goes."""

    cpu_millicores: int
    memory_bytes: int


@dataclass(frozen=True)
class Stage:
    """A stretch of load; ends after `duration_s` or `requests`, or when the measurement decides.

    Recorded arrivals come at `times_s`, seconds from the stage's beginning in order; `rate_rps` is
    then their mean and `duration_s` the length of the recording.
    """

    mode: Literal["open", "closed"]
    rate_rps: float | None = None
    arrivals: Literal["poisson", "constant", "recorded"] = "poisson"
    concurrency: int | None = None
    duration_s: float | None = None
    requests: int | None = None
    times_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Load:
    """Stages in turn, repeated until the measurement decides; rows in order or shuffled."""

    stages: tuple[Stage, ...]
    order: Literal["sequential", "shuffled"] = "sequential"
    seed: int = 0
    timeout_s: float = 30.0

    @property
    def nominal_rps(self) -> float | None:
        """The rate of a load of one open stage; None for any other."""
        return self.stages[0].rate_rps if len(self.stages) == 1 else None

    def at_rate(self, rate_rps: float) -> Load:
        """The same load of one open stage at another rate."""
        (stage,) = self.stages
        return replace(self, stages=(replace(stage, rate_rps=rate_rps),))

    @property
    def has_rounds(self) -> bool:
        """Whether part of the load says nothing of the whole: it has to be seen once over."""
        return len(self.stages) > 1 or self.stages[0].arrivals == "recorded"


@dataclass(frozen=True)
class Objective:
    """What "good enough" means.

    With `latency_ms` None the bound is relative: the percentile at most `latency_ratio` times, and
    the throughput at least `throughput_share` of, what the largest size gives.
    """

    percentile: float = 95.0
    latency_ms: float | None = None
    max_error_rate: float = 0.0
    confidence: float = 0.95
    latency_ratio: float = 1.25
    throughput_share: float = 0.95


@dataclass(frozen=True)
class AnswerCheck:
    """What makes an answer right, beside its status; None or False asks nothing of the kind.

    At `json_path` (RFC 9535) there must be a value, and each value there must equal `equals` (any
    JSON value but null). `pattern` must be found in the text. `same_as_largest`: the answer must
    equal the one that the same row got at the largest size. Numbers may differ by `tolerance`,
    relative or absolute.
    """

    json_path: str | None = None
    equals: object = None
    pattern: str | None = None
    same_as_largest: bool = False
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Budget:
    """`duration_s` runs from the service's first start; `build_s` bounds the making of its image,
    `ready_s` each wait for a started service to answer its health path.
    """

    duration_s: float = 600.0
    build_s: float = 900.0
    ready_s: float = 120.0


@dataclass(frozen=True)
class Grid:
    """The cpu sizes that are tried, in millicores: by pairs of a step and the size up to which it
    is taken, and above the last of these by `step_above_millicores`. Fine where the knee is sharp.
    """

    steps_millicores: tuple[tuple[int, int], ...] = ((100, 1000), (250, 4000))
    step_above_millicores: int = 500


@dataclass(frozen=True)
class Floors:
    """The least that is ever tried or advised; None where there is no such bound."""

    cpu_millicores: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Policy:
    """What a team decides once for all its runs: margins, sizes, and what is good enough.

    Margins are added to what was measured, as shares of it; `cpu_margin` is for the most cpu used
    in any second, where no quota could be tried. A failed verification goes `steps_up` steps up at
    most. `objective` is what a spec's objective leaves open; its `latency_ms` is None.
    """

    name: str = "standard"
    cpu_margin: float = 0.15
    memory_margin: float = 0.15
    memory_step_bytes: int = 16 * MIB
    steps_up: int = 3
    grid: Grid = Grid()
    floors: Floors = Floors()
    objective: Objective = Objective()


#: What holds where nothing else is said.
STANDARD = Policy()


#: What a run is to find out: the smallest size that keeps the objective under a load; the highest
#: rate at which a size keeps it; or how every size of the grid does.
Question = Literal["size", "rate", "curve"]


@dataclass(frozen=True)
class Spec:
    """Everything a run needs, checked; paths absolute. `variant` has gone into `config` already.

    `peak_rps` is the rate that replicas together have to take; only asked with a rate.
    """

    models: tuple[ModelFiles, ...]
    config: Config
    dataset: DatasetFiles
    target: Target
    limits: Limits
    load: Load
    objective: Objective
    budget: Budget
    answers: AnswerCheck | None = None
    policy: Policy = STANDARD
    #: Whether the memory limit is lowered until it hurts.
    memory_probe: bool = False
    variant: Variant = AS_GIVEN
    question: Question = "size"
    peak_rps: float | None = None

    def changed_by(self, variant: Variant) -> Spec:
        """The same run of a variant of its config as given."""
        return replace(self, config=variant.of(self.config), variant=variant)
