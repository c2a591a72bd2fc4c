"""Peaks by period, waiting, faults, bytes and the sampler's own cost, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring import memory_peaks
from tests.raw_samples import NS, evenly, request_columns, usage_columns
from tests.test_measurement import summarised


def memory_columns(at_s, working_set, cache, kernel, **others):
    """Memory in bytes: use is the working set and the inactive cache."""
    current = np.asarray(working_set) + np.asarray(cache)
    return usage_columns(
        at_s, memory_working_set_bytes=working_set, memory_current_bytes=current,
        memory_kernel_peak_bytes=kernel, **others,
    )  # fmt: skip


def test_peaks_of_start_warm_up_and_load_are_kept_apart() -> None:
    startup = memory_columns([-3, -2], [300, 200], 50, [350, 350])
    warmup = memory_columns([-2, -1], [200, 220], 50, [350, 260], memory_peak_resets=[0, 1])
    usage = memory_columns([0, 1], [210, 250], 50, [360, 400], memory_peak_resets=1, threads=[3, 9])
    found = summarised(request_columns(evenly(100), 10), 1.0, usage, startup, warmup=warmup)
    assert found.memory_startup_peak_bytes == 300
    assert found.memory_startup_kernel_peak_bytes == 350
    assert found.memory_warmup_peak_bytes == 220
    assert found.memory_warmup_kernel_peak_bytes == 260
    assert found.memory_steady_peak_bytes == 250
    assert found.memory_steady_kernel_peak_bytes == 400
    assert found.memory_working_set_peak_bytes == 300
    assert found.memory_kernel_peak_bytes == 400
    assert found.threads_max == 9


def test_what_rose_unseen_between_two_samples_is_bounded_by_the_kernels_peak() -> None:
    """At 0.04 s the kernel's peak shows 700 of use that no sample saw, 500 of them cache."""
    usage = memory_columns(
        [0, 0.02, 0.04, 0.06], [100, 100, 110, 105], [500, 500, 500, 520], [900, 610, 700, 700],
        memory_peak_resets=[2, 3, 3, 3],
    )  # fmt: skip
    peak = memory_peaks.peak_of_period(usage)
    assert peak == memory_peaks.MemoryPeak(110, 110, 700, True, 200)
    found = summarised(request_columns(evenly(100), 10), 1.0, usage)
    assert found.memory_peak_is_exact
    assert found.memory_sampling_error_bytes == 90


def test_a_peak_of_an_earlier_period_is_not_taken_for_this_ones() -> None:
    """Nothing was reset and the counter stood still: only the largest rise can be told."""
    usage = memory_columns([0, 0.02, 0.04], [100, 107, 105], 10, 900)
    assert memory_peaks.peak_of_period(usage) == memory_peaks.MemoryPeak(107, 107, 900, False, 114)


def test_a_counter_that_rose_is_of_this_period_though_it_could_not_be_reset() -> None:
    usage = memory_columns([0, 0.02, 0.04], [100, 150, 120], 10, [130, 165, 165])
    assert memory_peaks.peak_of_period(usage) == memory_peaks.MemoryPeak(150, 150, 165, True, 155)


@pytest.mark.parametrize(
    ("files", "mapped", "in_use"),
    [
        (80, 30, 150),  # 120 besides files, and the 30
        (80, 5, 140),  # the working set is more: 20 of the files were used lately
        (80, 500, 200),  # shared memory that is mapped is in the 120: at most the files are added
    ],
)
def test_files_that_are_mapped_are_in_use_though_the_kernel_holds_them_for_inactive(
    files, mapped, in_use
) -> None:
    usage = memory_columns(
        [0, 1], [100, 140], 60, 900, memory_file_bytes=files, memory_mapped_bytes=[0, mapped]
    )
    assert memory_peaks.peak_of_period(usage).in_use == in_use
    found = summarised(request_columns(evenly(100), 10), 1.0, usage, usage, warmup=usage)
    assert found.memory_startup_peak_bytes == in_use
    assert found.memory_warmup_peak_bytes == in_use
    assert found.memory_steady_peak_bytes == in_use
    assert found.memory_working_set_peak_bytes == 140


def test_without_a_kernels_peak_the_largest_rise_is_the_error() -> None:
    usage = usage_columns([0, 0.1, 0.2], memory_working_set_bytes=[100, 130, 120])
    assert memory_peaks.peak_of_period(usage) == memory_peaks.MemoryPeak(130, 130, None, None, 160)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=6, max_size=24))
def test_the_working_sets_true_peak_never_exceeds_the_bound(use) -> None:
    """Between two samples, use and cache go through two values that only the kernel's peak sees;
    the cache does not fall below both of its samples."""
    use = [use[first : first + 3] for first in range(0, len(use), 3)]
    samples = []
    truth = kernel = 0
    cache_before = use[0][-1][1]
    for stretch in use:
        cache_after = stretch[-1][1]
        for working_set, cache in stretch:
            cache = max(cache, min(cache_before, cache_after))
            truth = max(truth, working_set)
            kernel = max(kernel, working_set + cache)
        samples.append((stretch[-1][0], cache_after, kernel))
        cache_before = cache_after
    working_set, cache, kernels = zip((0, use[0][-1][1], 0), *samples, strict=True)
    resets = [0] + [1] * len(samples)
    usage = memory_columns(
        np.arange(len(resets)) / 50, working_set, cache, kernels, memory_peak_resets=resets
    )
    assert memory_peaks.peak_of_period(usage).at_most >= truth


def test_waiting_faults_and_bytes_are_those_of_the_period() -> None:
    usage = usage_columns(
        [0, 1, 2], cpu_pressure_some_ns=[5 * NS, 5 * NS, 6 * NS],
        memory_pressure_full_ns=[0, 0, NS // 4], page_faults_major=[7, 8, 10],
        block_read_bytes=[4096, 4096, 12288], network_sent_bytes=[100, 150, 300],
        cpu_ns=[0, NS // 2, NS], cpu_user_ns=[0, 3 * NS // 10, 6 * NS // 10], processes=[2, 5, 2],
    )  # fmt: skip
    found = summarised(request_columns(evenly(200), 10), 2.0, usage)
    assert found.cpu_pressure_some_fraction == pytest.approx(0.5)
    assert found.memory_pressure_full_fraction == pytest.approx(0.125)
    assert found.io_pressure_some_fraction is None
    assert found.page_faults_major == 3
    assert found.page_faults_minor is None
    assert found.block_read_bytes == 8192
    assert found.network_sent_bytes == 200
    assert found.processes_max == 5
    assert found.cpu_user_seconds_per_request == pytest.approx(0.6 * found.cpu_seconds_per_request)


def test_the_sampler_tells_its_own_cost_and_its_longest_gap() -> None:
    usage = usage_columns([0, 0.02, 0.07, 0.1], sampler_cpu_ns=[0, 100_000, 300_000, 500_000])
    found = summarised(request_columns(evenly(10), 10), 0.1, usage, sample_interval_s=0.02)
    assert found.sampler == {
        "interval_s": 0.02,
        "samples": 4,
        "cpu_fraction": pytest.approx(0.005),
        "largest_gap_s": pytest.approx(0.05),
    }
