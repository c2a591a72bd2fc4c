"""What makes a service need more than it could: each cause, and what a measured fix saves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement
from profiler.measuring.sensitivity.payload import ClassResult, Payload
from profiler.measuring.statistics import Estimate, Interval
from profiler.measuring.validity import Validity
from profiler.sizing.choice import Tried
from profiler.sizing.diagnosing import diagnose, with_gain
from profiler.spec import (
    ContainerConfig,
    Environment,
    Limits,
    ScoredConfig,
    Spec,
    Target,
    Variant,
)
from profiler.threads import thread_env
from tests.measurements import INVALID, latency, measured
from tests.raw_samples import MIB
from tests.service_kit import spec_of

ONE_CORE = Limits(1000, 96 * MIB)
NUMPY = Environment(pip=("numpy==2.2.6",))


def service(workers: int = 1, environment: Environment = NUMPY, **env: str) -> Spec:
    return spec_of(ScoredConfig("score.py", Path("."), environment, env, workers))


def seen(cpu: int = 1000, **others: object) -> Measurement:
    return measured("measuring", cpu, **{"threads_max": 2, "throttled_fraction": 0.0} | others)


def codes(spec: Spec, *measurements: Measurement, size: Limits | None = ONE_CORE) -> list[str]:
    return [one.code for one in diagnose(measurements, spec, size)]


def test_a_service_that_fits_its_size_has_nothing_to_mend():
    assert codes(service(), seen()) == []
    assert diagnose([], service(), None) == ()


def test_threads_that_a_variable_asks_for_and_that_are_there():
    (found,) = diagnose([seen(threads_max=9)], service(OMP_NUM_THREADS="8"), ONE_CORE)
    assert found.code == "threads-over-quota"
    assert found.text.startswith(
        "The service had up to 9 threads (OMP_NUM_THREADS = 8 in its one worker), where 1 cpu is"
    )
    assert found.fix == Variant(env=thread_env(1))
    assert found.to_json()["docs"] == "docs/diagnosis.md#threads-over-quota"


def test_a_variable_that_the_library_ignores_is_no_cause():
    assert codes(service(OPENBLAS_NUM_THREADS="8"), seen(threads_max=2)) == []
    assert codes(service(OMP_NUM_THREADS="1"), seen(threads_max=2)) == []


def test_threads_that_nobody_asked_for_count_where_they_are_throttled():
    throttled = seen(threads_max=17, throttled_fraction=0.4)
    assert codes(service(), throttled) == ["threads-over-quota"]
    assert codes(service(), seen(threads_max=17)) == []
    assert codes(service(environment=Environment(pip=("flask",))), throttled) == []
    container = spec_of(ContainerConfig("some:1", 8080))
    assert codes(container, throttled) == ["threads-over-quota"]


def test_threads_that_spin_while_no_request_is_at_work():
    # 8 ms of cpu for requests that one core answers in 2 ms: at 100/s, 600m are spent on waiting.
    spins = {"latency": latency(2.0), "cpu_seconds_per_request": 0.008, "achieved_rps": 100.0}
    (found,) = diagnose([seen(threads_max=4, **spins)], service(), ONE_CORE)
    assert found.fix == Variant(env=thread_env(1))
    assert found.text.endswith(
        " A request cost 8 ms of cpu, and was answered in 2 ms (median) on one core: threads spin "
        "while no request is at work, about 600m of cpu."
    )
    # Four cores may be at work on a request; what a slow service does beside is a trifle.
    four = Limits(4000, MIB)
    assert codes(service(), seen(4000, threads_max=4, **spins), size=four) == []
    assert codes(service(), seen(threads_max=4, **spins | {"achieved_rps": 10.0})) == []
    assert codes(service(environment=Environment(pip=("flask",))), seen(**spins)) == []


def test_threads_are_counted_against_the_cores_of_the_size_in_all_workers():
    spec = service(workers=2, OMP_NUM_THREADS="2")
    many = seen(4000, threads_max=5)
    assert codes(spec, many, size=Limits(4000, MIB)) == []
    (found,) = diagnose([many], spec, Limits(2500, MIB))
    assert found.fix == Variant(env=thread_env(1))


def test_more_workers_than_cores_of_requests_that_compute():
    # 2 ms of cpu in a median of 3 ms: it computes; in 100 ms it waits.
    computing, waiting = seen(latency=latency(3.0)), seen(latency=latency(100.0))
    (found,) = diagnose([computing], service(workers=4), ONE_CORE)
    assert (found.code, found.fix) == ("workers-over-quota", Variant(workers=1))
    assert codes(service(workers=4), waiting) == []
    assert codes(service(workers=4), computing, size=Limits(4000, MIB)) == []


def test_workers_that_a_variable_asks_of_a_ready_image_and_that_are_there():
    image = spec_of(ContainerConfig("model", 80, env={"WEB_CONCURRENCY": "4"}))
    computing = seen(latency=latency(3.0), processes_max=5)
    (found,) = diagnose([computing], image, ONE_CORE)
    assert (found.code, found.fix) == (
        "workers-over-quota", Variant(env={"WEB_CONCURRENCY": "1"}),
    )  # fmt: skip
    assert codes(image, replace(computing, processes_max=1)) == []


def test_a_single_worker_at_the_end_of_its_core():
    full = seen(4000, cpu_millicores_used=985.0)
    (found,) = diagnose([full], service(), Limits(1000, MIB))
    assert (found.code, found.fix) == ("one-worker-saturated", Variant(workers=4))
    assert codes(service(), replace(full, cpu_millicores_used=700.0)) == []
    assert codes(service(workers=2), full, size=Limits(4000, MIB)) == []
    assert codes(service(), seen(1000, cpu_millicores_used=985.0)) == []


def test_a_single_worker_is_full_at_whatever_rate_was_the_heaviest():
    calm, heavy = seen(2000, cpu_millicores_used=300.0), seen(2000, cpu_millicores_used=985.0)
    assert codes(service(), calm, heavy, size=None) == ["one-worker-saturated"]
    smaller = seen(1000, cpu_millicores_used=985.0)
    assert codes(service(), calm, smaller, size=None) == []


def test_a_full_worker_is_told_of_measurements_that_may_not_be_believed_where_there_are_no_others():
    full = seen(2000, cpu_millicores_used=985.0, **INVALID)
    assert codes(service(), full, size=None) == ["one-worker-saturated", "noisy-neighbour"]
    assert codes(service(), seen(2000, cpu_millicores_used=300.0), full, size=None) == [
        "noisy-neighbour"
    ]


def test_a_fix_keeps_what_the_measured_variant_has_changed():
    spec = service(workers=4).changed_by(Variant(workers=2))
    (found,) = diagnose([seen(4000, threads_max=99, throttled_fraction=0.5)], spec, None)
    assert found.fix == Variant(2, thread_env(1 if spec.limits.cpu_millicores < 2000 else 2))


def test_a_driver_on_the_same_core_counts_once_it_is_busy():
    shared = Target("docker", (0,), (0,), 1000, 1 << 30)
    spec = replace(service(), target=shared)
    assert codes(spec, seen(driver={"busy_fraction": 0.3})) == ["driver-shares-core"]
    assert codes(spec, seen(driver={"busy_fraction": 0.01})) == []
    apart = replace(spec, target=replace(shared, driver_cores=(1,)))
    assert codes(apart, seen(driver={"busy_fraction": 0.3})) == []


@pytest.mark.parametrize(
    "cpu_share, request_share, expected",
    [(0.8, 0.1, ["one-class-takes-cpu"]), (0.8, 0.7, []), (0.4, 0.1, [])],
)
def test_one_class_of_rows_that_takes_the_cpu(cpu_share, request_share, expected):
    one = ClassResult(
        "large", 3, 100, request_share, 0, Interval(0, 0), {}, {}, (), None, Interval(0, 0), None,
        cpu_share=Estimate(cpu_share, cpu_share, cpu_share),
    )  # fmt: skip
    payload = Payload("label", 1, 2, 1, (one,), "", None, (), None)
    assert codes(service(), seen(payload=payload)) == expected


def test_swap_and_neighbours_are_told_from_the_measurements():
    assert codes(service(), seen(swap_peak_bytes=4096)) == ["swapping"]
    busy = Validity(False, (Finding("host-busy", "The host was noisy: others."),))
    noise = {"outside_busy_fraction": 0.4}
    (found,) = diagnose([seen(), seen(500, validity=busy, noise=noise)], service(), ONE_CORE)
    assert found.code == "noisy-neighbour"
    assert found.text == (
        "1 of 2 measurements were disturbed by others on the host, the worst at 500m: "
        "The host was noisy: others."
    )


# ---- what a fix saves ----

SPEC = service(OMP_NUM_THREADS="8")
GIVEN = [seen(400, threads_max=9, latency_at_percentile_ms=80.0, cpu_seconds_per_request=0.008)]
FIX = Variant(env=thread_env(1))


def gained(fixed: list[Measurement], size: Limits | None, given: Limits | None = None, **others):
    (found,) = diagnose(GIVEN, SPEC, given)
    at = given or Limits(400, 96 * MIB)
    return with_gain(found, Tried(FIX, size, **others), GIVEN, at if given else None, fixed)


def test_a_smaller_size_is_the_gain_and_is_measured_not_verified():
    fixed = [
        seen(400, latency_at_percentile_ms=20.0, cpu_seconds_per_request=0.002, ordinal=5),
        seen(200, latency_at_percentile_ms=40.0, cpu_seconds_per_request=0.002, ordinal=6),
    ]
    found = gained(fixed, Limits(200, 80 * MIB), Limits(400, 96 * MIB))
    assert found.saving["cpu_millicores"] == 200
    assert found.saving["memory_bytes"] == 16 * MIB
    assert found.saving["latency_at_percentile_ms"] == 60.0
    assert (found.remeasured["cpu_millicores"], found.remeasured["ordinal"]) == (200, 6)
    assert found.gain == (
        "Measured again with 1 thread: 200m cpu and 80 MiB keeps the objective in place of 400m "
        "cpu and 96 MiB; at 400m cpu p99 is 20 ms, not 80, a request costs 2 ms of cpu, not 8. "
        "Measured, not verified."
    )


def test_a_size_where_there_was_none_is_the_gain():
    found = gained([seen(400), seen(200)], Limits(200, 80 * MIB))
    assert found.saving["makes_possible"] and found.saving["cpu_millicores"] is None
    assert "keeps the objective, where no size did" in found.gain


def test_a_fix_that_changes_nothing_refutes_the_cause():
    same = [seen(400, threads_max=2, latency_at_percentile_ms=79.0, cpu_seconds_per_request=0.008)]
    assert gained(same, Limits(400, 96 * MIB), Limits(400, 96 * MIB)) is None


def test_threads_that_variables_do_not_change_have_to_be_set_in_the_code():
    found = gained(GIVEN, Limits(400, 96 * MIB), Limits(400, 96 * MIB))
    assert found.fix is None
    assert "there were still 9 threads, so the number has to be set in the code" in found.gain


def test_a_fix_that_was_not_measured_says_why():
    found = gained([], None, Limits(400, 96 * MIB), not_searched="the budget left no time for it")
    assert found.remeasured is None and found.fix == FIX
    assert "was not measured: the budget left no time for it" in found.gain
