"""Arrivals that queue as arrivals do in the long run, picked out of random ones."""

from __future__ import annotations

import numpy as np
import pytest

from profiler.arrivals.representative import LONG_RUN, PERCENTILES, gaps, queued, representative


def test_a_queue_of_one_worker_by_hand() -> None:
    """Each takes 0.5; the second comes 0.2 after the first, the third 0.9 after the second."""
    latency = queued(np.array([1.0, 0.2, 0.9]), 0.5)
    assert latency == pytest.approx([0.5, 0.8, 0.5])


@pytest.mark.parametrize("load", list(LONG_RUN))
def test_the_long_run_is_what_a_million_other_arrivals_show(load) -> None:
    usual, _ = LONG_RUN[load]
    latency = queued(np.random.default_rng(42).exponential(1.0, 1_000_000), load)
    assert np.percentile(latency, PERCENTILES) == pytest.approx(usual, rel=0.05)
    # Pollaczek and Khinchine: the mean wait of a fixed time of service.
    assert latency.mean() - load == pytest.approx(load**2 / 2 / (1 - load), rel=0.05)


@pytest.mark.parametrize("load", list(LONG_RUN))
def test_a_measurement_of_800_requests_hangs_much_less_on_chance(load) -> None:
    def off(number: int, chosen: int) -> float:
        p95 = np.percentile(queued(gaps((7, number), chosen), load)[:800], 95)
        return np.log(p95 / LONG_RUN[load][0][1])

    random = [off(number, 0) for number in range(40)]
    picked = [off(number, representative((7, number))) for number in range(40)]
    assert np.std(picked) < 0.65 * np.std(random)
    assert abs(np.mean(picked)) < 0.06, "neither calm nor busy on average"
