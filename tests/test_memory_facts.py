"""What memory a run found in use: by the largest rows, by concurrency, over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler.measuring.growth import per_hour_text, seconds_until, time_text
from profiler.measuring.memory_survey import (
    Peaks,
    Sent,
    Survey,
    concurrencies,
    largest_rows,
)
from profiler.measuring.statistics import Estimate
from profiler.sizing.memory import memory_needed
from profiler.sizing.memory_facts import memory_facts
from tests.measurements import ADVISED_MEMORY, LIMITS, POLICY, REFERENCE, SEARCH, advised
from tests.raw_samples import MIB, usage_columns


def sent(peak_mib: int, *, counts: bool, concurrency: int = 1) -> Sent:
    peaks = Peaks(peak_mib * MIB, peak_mib * MIB, 40 * MIB, 30 * MIB)
    return Sent((7, 2), 900, concurrency, counts, requests=12, errors=0, peaks=peaks)


def test_the_largest_rows_are_those_with_the_largest_bodies() -> None:
    assert largest_rows(np.array([10, 900, 30, 900, 5000, 20])) == [5, 2, 4]
    assert largest_rows(np.array([10, 19, 10])) == [2]  # one stands for all that are alike


@pytest.mark.parametrize(
    ("reached", "workers", "expected"),
    [
        (1, 1, [1, 2]),  # one above what the load has tells where memory would go
        (8, 1, [1, 2]),  # a worker has one in work and one that waits
        (1, 4, [1, 2]),
        (2, 4, [1, 2, 4]),
        (60, None, [1, 2, 4]),  # a container's server is not known
    ],
)
def test_as_many_requests_at_a_time_as_load_and_workers_make_of_use(
    reached, workers, expected
) -> None:
    assert concurrencies(reached, workers) == expected


def test_a_period_has_its_peak_and_its_parts() -> None:
    usage = usage_columns(
        [0, 1, 2],
        memory_current_bytes=[100, 180, 120],
        memory_working_set_bytes=[90, 170, 110],
        memory_anon_bytes=[60, 150, 60],
        memory_file_bytes=[20, 10, 50],
        memory_kernel_peak_bytes=[200, 185, 190],
        memory_peak_resets=[0, 1, 1],
    )
    # The cache was 10 throughout: between samples there were at most 190 less 10.
    assert Peaks.of(usage) == Peaks(170, 180, 150, 50)


def test_rows_that_the_load_can_send_so_many_at_a_time_raise_the_advice() -> None:
    survey = Survey(2, (sent(200, counts=True),), (sent(260, counts=True, concurrency=2),))
    # 260 MiB and 15 % are 299.
    assert memory_needed(SEARCH, LIMITS, POLICY, survey) == 304 * MIB
    assert advised(SEARCH, survey=survey).memory_bytes == 304 * MIB


def test_what_the_load_never_reaches_is_told_and_not_counted() -> None:
    survey = Survey(1, by_concurrency=(sent(900, counts=False, concurrency=4),))
    assert memory_needed(SEARCH, LIMITS, POLICY, survey) == ADVISED_MEMORY
    facts = memory_facts(SEARCH, survey, POLICY)
    assert facts["by_concurrency"][0]["peak_bytes"] == 900 * MIB
    assert facts["counted"]["load_peak_bytes"] == 163 * MIB


def test_without_a_survey_it_says_that_there_was_none() -> None:
    assert memory_facts([], None, POLICY) is None
    facts = memory_facts(SEARCH, None, POLICY)
    assert facts["largest_rows"] == []
    assert facts["missing"] == ["The largest rows were not sent apart."]
    assert facts["start"]["peak_bytes"] == 151 * MIB


def test_a_leak_is_told_with_when_it_meets_the_limit() -> None:
    slope = Estimate(2.0 * MIB, 1.0 * MIB, 4.0 * MIB)
    leaking = replace(REFERENCE, memory_leaks=True, memory_slope_bytes_per_s=slope)
    growth = memory_facts([leaking], None, POLICY)["growth"]
    # 2048 less 163 MiB are left.
    assert growth["seconds_until_limit"] == {"value": 942.5, "low": 471.25, "high": 1885.0}
    growing = replace(leaking, memory_leaks=False)
    assert memory_facts([growing], None, POLICY)["growth"]["seconds_until_limit"] is None


def test_growth_in_words() -> None:
    slope = Estimate(2.0 * MIB, 1.5 * MIB, 2.5 * MIB)
    assert per_hour_text(slope) == "7,200 MiB per hour (5,400 to 9,000 with 95 % confidence)"
    assert time_text(seconds_until(900 * MIB, 0, slope)) == "7.5 min (6 to 10)"
    assert seconds_until(900 * MIB, 0, Estimate(1.0, 0.0, 2.0)) is None
    assert seconds_until(100 * MIB, 200 * MIB, slope).value == 0
