"""The numbers of a GPU from its samples, by hand; what they make of a measurement and an advice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.gpu import GpuRecord, GpuUse, gpu_use
from profiler.measuring.summary import summarise
from profiler.sizing.memory import gpu_memory_needed
from profiler.sizing.tags import tags
from profiler.spec import Policy
from profiler.units import GIB, MIB
from tests.gpu_rows import GPUS, at_work, gpu_columns
from tests.raw_samples import NS, START, bound, context, evenly, request_columns, rule_for

#: Ten samples of a second, as the engine takes them, from half a second before it on.
AT_S = np.round(np.arange(-0.5, 1.55, 0.1), 3)


def use_of(columns: dict, gpus: int = 1, answered: int = 10, seconds: float = 1.0) -> GpuUse:
    record = GpuRecord(GPUS[:gpus], columns, START - NS // 10)
    return gpu_use(record, START, START + round(seconds * NS), answered)


def test_power_that_rises_evenly_has_the_area_under_it_as_energy():
    # 100 W at 0 s to 200 W at 1 s: 150 J, so 15 J each for ten requests.
    use = use_of(gpu_columns(AT_S, power_mw=np.round(100_000 + 100_000 * AT_S)))

    assert use.energy_source == "power"
    assert use.energy_joules_per_request == pytest.approx(15)
    assert use.power_mean_w == pytest.approx(150)


def test_the_gpus_own_counter_goes_before_the_integral():
    columns = gpu_columns(AT_S, power_mw=100_000, energy_mj=np.round(7e9 + 40_000 * AT_S))

    use = use_of(columns)

    assert (use.energy_source, use.power_mean_w) == ("counter", 100)
    assert use.energy_joules_per_request == pytest.approx(4)


@given(watts=st.floats(1, 900), seconds=st.floats(0.2, 1.4))
def test_constant_power_costs_power_times_time(watts, seconds):
    use = use_of(gpu_columns(AT_S, power_mw=round(watts * 1000)), answered=1, seconds=seconds)

    assert use.energy_joules_per_request == pytest.approx(round(watts * 1000) / 1000 * seconds)


def test_memory_peaks_of_starting_and_of_the_load_are_apart():
    own = np.where(AT_S < -0.2, 3 * GIB, GIB)
    use = use_of(gpu_columns(AT_S, memory_own_bytes=own, memory_used_bytes=own + 5 * MIB))

    assert use.memory_source == "processes"
    assert (use.memory_startup_peak_bytes, use.memory_steady_peak_bytes) == (3 * GIB, GIB)
    assert use.memory_peak_bytes == 3 * GIB


def test_where_no_process_is_seen_all_that_is_in_use_counts():
    use = use_of(gpu_columns(AT_S, memory_own_bytes=0, memory_used_bytes=2 * GIB))

    assert (use.memory_source, use.memory_peak_bytes) == ("device", 2 * GIB)


def test_only_the_measured_time_counts_as_busy():
    use = use_of(gpu_columns(AT_S, utilisation_percent=np.where(AT_S < 0, 100, 40)))

    assert (use.utilisation_mean, use.utilisation_max, use.samples) == (0.4, 0.4, 10)


def test_several_gpus_add_their_power_and_size_is_that_of_the_fullest():
    gpu = np.tile([0, 1], len(AT_S))
    use = use_of(
        gpu_columns(
            AT_S, 2,
            power_mw=np.where(gpu == 0, 100_000, 50_000),
            memory_own_bytes=np.where(gpu == 0, GIB, 2 * GIB),
            utilisation_percent=np.where(gpu == 0, 80, 20),
            temperature_c=np.where(gpu == 0, 70, 50),
        ),
        gpus=2,
    )  # fmt: skip

    assert (use.count, use.memory_peak_bytes, use.temperature_max_c) == (2, 2 * GIB, 70)
    assert (use.power_mean_w, use.power_max_w) == (pytest.approx(150), 150)
    assert (use.energy_joules_per_request, use.utilisation_mean) == (pytest.approx(15), 0.5)


def test_reasons_of_the_clocks_are_named_and_only_heat_and_power_throttle():
    # Idle (0x1) is left out; a setting (0x2) is told but holds back by somebody's wish.
    bits = np.where(AT_S < 0.45, 0x1 | 0x2, 0x40)
    use = use_of(gpu_columns(AT_S, throttle_reasons=bits))

    assert use.throttle_reasons == ("applications_clocks_setting", "hw_thermal_slowdown")
    assert use.throttled_fraction == 0.5


def test_what_a_gpu_cannot_say_is_unknown_and_not_zero():
    use = use_of(gpu_columns(AT_S))

    unknown = {"utilisation_mean", "power_mean_w", "power_max_w", "energy_joules_per_request",
               "energy_source", "temperature_max_c", "sm_clock_mean_mhz", "memory_peak_bytes",
               "throttled_fraction", "other_processes_max"}  # fmt: skip
    assert {name for name in unknown if getattr(use, name) is not None} == set()


def test_without_a_gpu_there_are_no_numbers():
    assert gpu_use(GpuRecord(), START, START + NS, 10) is None


def measured(columns, latency_ms: float = 5.0, **others):
    """A measurement of six seconds at 100 requests/s with these GPU samples."""
    return summarise(
        request_columns(evenly(600), latency_ms), {"at_ns": np.empty(0, "i8")}, {},
        context(6, phase="measuring", **others),
        rule=rule_for(others.get("bound") or bound()),
        gpu=GpuRecord(GPUS[:1], columns, START),
    )  # fmt: skip


def codes(findings) -> list[str]:
    return [finding.code for finding in findings]


def test_a_gpu_that_others_compute_on_is_not_believed_unless_the_bound_was_kept():
    shared = at_work() | {"other_processes": np.full(len(at_work()["gpu"]), 2, "i4")}
    relative = bound(latency_ms=None)

    assert "gpu-shared" in codes(measured(shared, bound=relative).validity.findings)
    kept = measured(shared)
    assert kept.validity.valid
    assert "gpu-shared" in codes(kept.warning_findings)
    assert "kept in spite of it" in " ".join(kept.warnings)


def test_hot_clocks_are_a_warning():
    hot = measured(at_work())

    assert hot.validity.valid
    assert codes(hot.warning_findings) == ["gpu-throttled"]
    assert "sw_thermal_slowdown" in hot.warnings[0]


def test_a_script_that_never_used_its_gpu_is_told():
    unused = at_work() | {"memory_own_bytes": np.zeros(len(at_work()["gpu"]), "i8")}

    assert "gpu-processes-unseen" in codes(measured(unused).warning_findings)


def with_peak(peak_bytes: int | None):
    use = replace(measured(at_work()).gpu, memory_peak_bytes=peak_bytes)
    return replace(measured(at_work()), gpu=use)


@pytest.mark.parametrize(
    ("peak_bytes", "advised_bytes"),
    [
        (1000 * MIB, 1152 * MIB),  # 1150
        (960 * MIB, 1104 * MIB),  # 1104 exactly
        (960 * MIB + 1, 1120 * MIB),
        (23 * GIB, 24 * GIB),  # 26.45: more than it has
        (None, None),
    ],
)
def test_advised_gpu_memory_is_the_peak_and_the_margin_rounded_up(peak_bytes, advised_bytes):
    assert gpu_memory_needed([with_peak(peak_bytes)], Policy()) == advised_bytes


def test_the_fullest_that_is_believed_decides():
    slow = measured(at_work(), latency_ms=90.0)
    failed = replace(slow, gpu=replace(slow.gpu, memory_peak_bytes=20 * GIB))

    found = [with_peak(960 * MIB), with_peak(480 * MIB), failed]

    assert gpu_memory_needed(found, Policy()) == 1104 * MIB


def test_tags_name_gpus_only_where_there_are_any():
    sizes = {"cpu_millicores": 500, "memory_bytes": GIB}
    others = dict.fromkeys(("run", "standing", "objective", "image", "dataset", "date", "by"), "x")

    assert "requestedGpu" not in tags(**sizes, **others)
    found = tags(**sizes, **others, gpus=1, gpu_memory_bytes=1104 * MIB)
    assert (found["requestedGpu"], found["requestedGpuMemoryInGb"]) == ("1", "1.07813")
