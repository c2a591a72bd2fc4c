"""One measurement: what a service at one size did under load, and whether that may be believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from profiler.measuring.answers_found import AnswersFound
from profiler.measuring.findings import Finding, texts
from profiler.measuring.gpu import GpuUse
from profiler.measuring.latency import NO_LATENCY, LatencySummary
from profiler.measuring.objective import Bound
from profiler.measuring.patterns import NO_PATTERNS, Patterns
from profiler.measuring.sensitivity import Payload, RowFacts
from profiler.measuring.statistics import Estimate, Interval, Outcome
from profiler.measuring.validity import Validity
from profiler.measuring.warmup import WarmUp
from profiler.spec import AS_GIVEN, Load, Variant
from profiler.units import NS

SCHEMA_VERSION = 1
UNKNOWN = Interval(None, None)


@dataclass(frozen=True)
class MeasurementContext:
    """What a measurement's raw samples do not say themselves.

    `start_ns` to `end_ns` is the measured period, warm-up excluded. `driver` is the driver's report
    and `noise` the host's, as plain dicts; what is unknown in them is absent or None.
    """

    ordinal: int
    phase: str
    cpu_millicores: int
    memory_bytes: int
    limits_enforced: bool
    load: Load
    bound: Bound
    start_ns: int
    end_ns: int
    arrivals_draw: tuple[int, ...] = ()
    startup_s: float | None = None
    sample_interval_s: float | None = None
    distinct_rows: int | None = None
    rows: RowFacts | None = None
    suspicious_rows: tuple[int, ...] = ()
    first_bad: dict | None = None
    answers: AnswersFound | None = None
    driver: dict = field(default_factory=dict)
    noise: dict = field(default_factory=dict)
    #: The target's, see profiler/noise_floor.py; None where it is not known.
    noise_floor: dict | None = None
    warmup: WarmUp | None = None
    variant: Variant = AS_GIVEN

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / NS


@dataclass(frozen=True)
class Window:
    """A stretch of the measured period, with its own validity. Times are seconds into it."""

    start_s: float
    end_s: float
    valid: bool
    reason: str
    requests: int
    achieved_rps: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p50_interval_ms: Interval
    late_p99_ms: float | None
    cpu_millicores_used: float | None
    throttled_fraction: float | None
    mean_ms: float | None = None
    errors: int = 0

    def to_json(self) -> dict:
        return {**self.__dict__, "p50_interval_ms": self.p50_interval_ms.to_json()}


@dataclass(frozen=True)
class Measurement:
    """Immutable; what is unknown is None. `to_json` is the schema of DESIGN's RESULT."""

    ordinal: int
    phase: str
    cpu_millicores: int
    memory_bytes: int
    limits_enforced: bool
    validity: Validity
    outcome: Outcome
    outcome_findings: tuple[Finding, ...]
    warning_findings: tuple[Finding, ...] = ()
    bound: Bound | None = None
    started_ns: int = 0
    ended_ns: int = 0
    duration_s: float = 0.0
    requests: int = 0
    errors: int = 0
    aborted: int = 0
    void_requests: int = 0
    decided_at_requests: int = 0
    over_bound: int = 0
    error_counts: dict[str, int] = field(default_factory=dict)
    distinct_rows: int | None = None
    first_bad: dict | None = None
    arrivals_draw: tuple[int, ...] = ()
    nominal_rps: float | None = None
    offered_rps: float | None = None
    concurrency: int | None = None
    achieved_rps: float | None = None
    throughput_interval_rps: Estimate | None = None
    latency: LatencySummary | None = None
    latency_from_send: LatencySummary | None = None
    latency_at_percentile_ms: float | None = None
    latency_at_percentile_interval_ms: Interval = UNKNOWN
    windows: tuple[Window, ...] = ()
    cpu_seconds_per_request: float | None = None
    cpu_user_seconds_per_request: float | None = None
    cpu_system_seconds_per_request: float | None = None
    cpu_millicores_used: float | None = None
    cpu_millicores_used_max: float | None = None
    throttled_fraction: float | None = None
    throttled_s: float | None = None
    cpu_pressure_some_fraction: float | None = None
    cpu_pressure_full_fraction: float | None = None
    memory_pressure_some_fraction: float | None = None
    memory_pressure_full_fraction: float | None = None
    io_pressure_some_fraction: float | None = None
    io_pressure_full_fraction: float | None = None
    memory_working_set_peak_bytes: int | None = None
    memory_startup_peak_bytes: int | None = None
    memory_startup_kernel_peak_bytes: int | None = None
    memory_warmup_peak_bytes: int | None = None
    memory_warmup_kernel_peak_bytes: int | None = None
    memory_steady_peak_bytes: int | None = None
    memory_steady_kernel_peak_bytes: int | None = None
    memory_kernel_peak_bytes: int | None = None
    memory_startup_anon_peak_bytes: int | None = None
    memory_startup_file_peak_bytes: int | None = None
    memory_steady_anon_peak_bytes: int | None = None
    memory_steady_file_peak_bytes: int | None = None
    memory_peak_is_exact: bool | None = None
    memory_sampling_error_bytes: int | None = None
    memory_slope_bytes_per_s: Estimate | None = None
    memory_leaks: bool = False
    swap_peak_bytes: int | None = None
    oom_kills: int | None = None
    oom_events: int | None = None
    memory_limit_hits: int | None = None
    memory_high_hits: int | None = None
    page_faults_minor: int | None = None
    page_faults_major: int | None = None
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    processes_max: int | None = None
    threads_max: int | None = None
    gpu: GpuUse | None = None
    startup_s: float | None = None
    startup_cpu_s: float | None = None
    sample_interval_s: float | None = None
    sampler: dict = field(default_factory=dict)
    answers: AnswersFound | None = None
    warmup: WarmUp | None = None
    patterns: Patterns = NO_PATTERNS
    driver: dict = field(default_factory=dict)
    noise: dict = field(default_factory=dict)
    payload: Payload | None = None
    variant: Variant = AS_GIVEN

    @property
    def outcome_reasons(self) -> tuple[str, ...]:
        return texts(self.outcome_findings)

    @property
    def warnings(self) -> tuple[str, ...]:
        return texts(self.warning_findings)

    @property
    def is_believed_pass(self) -> bool:
        return self.validity.valid and self.outcome == "passed"

    def to_json(self) -> dict:
        data = {
            name: _plain(value)
            for name, value in self.__dict__.items()
            if name not in ("latency", "latency_from_send", "latency_at_percentile_interval_ms")
        }
        summary = self.latency or NO_LATENCY
        return {
            "schema_version": SCHEMA_VERSION,
            **data,
            "outcome_reasons": list(self.outcome_reasons),
            "warnings": list(self.warnings),
            "latency_ms": summary.to_json(),
            "latency_interval_ms": _plain(summary.intervals),
            "latency_interval_method": dict(summary.interval_methods),
            "latency_estimates": list(summary.estimates),
            "latency_needed": dict(summary.needed),
            "latency_from_send_ms": (self.latency_from_send or NO_LATENCY).to_json(),
            "latency_at_percentile_interval_ms": self.latency_at_percentile_interval_ms.to_json(),
        }


def _plain(value: object) -> object:
    """JSON values of our own dataclasses and containers."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def failed_to_start(context: MeasurementContext, reason: str) -> Measurement:
    """A size at which the service did not even start: believed, and failed."""
    return Measurement(
        ordinal=context.ordinal,
        phase=context.phase,
        cpu_millicores=context.cpu_millicores,
        memory_bytes=context.memory_bytes,
        limits_enforced=context.limits_enforced,
        validity=Validity(True),
        outcome="failed",
        outcome_findings=(Finding("did-not-start", reason),),
        bound=context.bound,
        started_ns=context.start_ns,
        ended_ns=context.end_ns,
        duration_s=context.duration_s,
        distinct_rows=context.distinct_rows,
        nominal_rps=context.load.nominal_rps,
        variant=context.variant,
    )
