"""Raw samples reduced to what a chart can show: nothing that tells is lost."""

from __future__ import annotations

import numpy as np
import pytest

from profiler.samples import ABORTED
from runs.charts import series
from tests.measured_runs import usage
from tests.raw_samples import ERROR, MIB, NS, START, evenly, request_columns, usage_columns


def test_latency_counts_from_the_scheduled_time() -> None:
    columns = request_columns([0, 1], [5, 7], late_ms=[2, 3])
    assert series.latencies(columns, START).latency_ms.tolist() == [5, 7]


def test_settling_and_what_came_after_are_left_out() -> None:
    columns = request_columns([-0.1, 0, 0.5, 2], 5)
    assert series.latencies(columns, START, START + NS).at_s.tolist() == [0, 0.5]


def test_requests_that_we_broke_off_say_nothing_and_failed_ones_are_marked() -> None:
    columns = request_columns([0, 1, 2], 5, outcome=[0, ABORTED, ERROR])
    values = series.latencies(columns, START)
    assert values.failed.tolist() == [False, True]


def test_percentiles_of_each_second_are_nearest_ranks() -> None:
    columns = request_columns(evenly(200), [*range(1, 101), *[9] * 100])
    each = series.percentiles_per_second(series.latencies(columns, START))
    assert each.start_s.tolist() == [0, 1]
    assert each.p50_ms.tolist() == [50, 9]
    assert each.p99_ms.tolist() == [99, 9]


def test_a_second_without_answers_is_a_gap() -> None:
    each = series.percentiles_per_second(series.latencies(request_columns([0, 0.5, 2.5], 5), START))
    assert np.isnan(each.p99_ms).tolist() == [False, True, False]


def test_a_long_measurement_has_stretches_that_can_be_told_apart() -> None:
    columns = request_columns(np.arange(0, 3000, 1.0), 5)
    each = series.percentiles_per_second(series.latencies(columns, START))
    assert len(each.start_s) <= series.MOST_STRETCHES
    assert each.width_s == 5


def test_a_thinned_cloud_keeps_its_peaks() -> None:
    x, y = np.arange(10_000.0), np.ones(10_000)
    y[[17, 4711]] = 500
    kept_x, kept_y = series.thinned(x, y, 300)
    assert len(kept_x) <= 300
    assert kept_x[kept_y == 500].tolist() == [17, 4711]
    assert np.all(np.diff(kept_x) > 0)


def test_few_points_are_all_kept() -> None:
    x = np.arange(5.0)
    assert series.thinned(x, x, 300)[0].tolist() == x.tolist()


def test_cpu_is_cpu_time_between_the_edges_of_each_stretch() -> None:
    use = series.cpu_use(usage(), START)
    assert use.used_millicores == pytest.approx(np.full(len(use.start_s), 500), rel=0.05)
    assert use.width_s == pytest.approx(0.1)
    assert np.average(use.throttled) == pytest.approx(0.2, abs=0.03)


def test_throttling_that_is_not_counted_is_unknown() -> None:
    columns = usage()
    del columns["throttled_periods"], columns["periods"]
    assert series.cpu_use(columns, START).throttled is None


@pytest.mark.parametrize("samples", [0, 1])
def test_too_few_samples_give_no_cpu(samples) -> None:
    columns = {name: values[:samples] for name, values in usage().items()}
    assert series.cpu_use(columns, START) is None


def test_the_highest_memory_sample_is_never_lost() -> None:
    at_s = np.arange(0, 60, 0.02)
    working_set = np.full(len(at_s), 100 * MIB)
    working_set[1234] = 190 * MIB
    use = series.memory_use(usage_columns(at_s, memory_working_set_bytes=working_set), START)
    assert len(use.at_s) <= series.USAGE_STRETCHES
    assert use.in_use.max() == 190 * MIB
    assert use.anonymous is None


def test_mapped_files_are_in_use() -> None:
    columns = usage_columns(
        [0, 1], memory_working_set_bytes=[100, 100], memory_current_bytes=200,
        memory_file_bytes=120, memory_mapped_bytes=[10, 50],
    )  # fmt: skip
    assert list(series.memory_use(columns, START).in_use) == [100, 130]
