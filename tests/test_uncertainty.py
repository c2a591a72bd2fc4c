"""How far off an advised size could be, and what more data would change: checked by hand."""

from __future__ import annotations

import pytest

from tests.measurements import ADVISED_MEMORY, INVALID, LIMITS, REFERENCE, SEARCH, advised, measured
from tests.raw_samples import MIB


def test_a_size_whose_neighbour_failed_is_certain() -> None:
    advice = advised([*SEARCH, measured("verifying", 300)])
    assert advice.uncertainty.to_json() == {
        "cpu_millicores": [300, 300],
        "memory_bytes": [163 * MIB, ADVISED_MEMORY],
        "more_data": "More data would not change the cpu: 200m was measured to fail.",
        "capacity_rps": None,
    }


def test_sizes_that_were_not_decided_could_still_do() -> None:
    search = [REFERENCE, measured("sizing", 500), measured("sizing", 100, "failed"),
              measured("sizing", 200, "undecided"), measured("sizing", 300, "failed", **INVALID),
              measured("sizing", 400)]  # fmt: skip
    advice = advised([*search, measured("verifying", 400)])
    assert advice.uncertainty.cpu_millicores == (200, 400)
    assert "200m to 300m" in advice.uncertainty.more_data


@pytest.mark.parametrize(
    ("offered_rps", "cost_s", "possible", "told"),
    [
        # 190 x 2.3 ms are 437m, and nine tenths of it 393m.
        (190.0, 0.0023, (400, 600), "More requests at 400m to 500m, where"),
        (190.0, 0.0028, (500, 600), "More requests at 500m, where"),  # 532m, 479m
        (190.0, 0.0030, (600, 600), "cpu: 500m is less than the load needs on average."),
        (None, 0.0030, (100, 600), "More requests at 100m to 500m, where"),  # in closed loop
        (190.0, None, (100, 600), "More requests at 100m to 500m, where"),
    ],
)
def test_what_the_load_needs_on_average_rules_smaller_sizes_out(
    offered_rps, cost_s, possible, told
) -> None:
    costs = {"offered_rps": offered_rps, "cpu_seconds_per_request": cost_s}
    search = [measured("measuring", 1000, **costs), measured("sizing", 600, **costs),
              measured("sizing", 500, "undecided", **costs)]  # fmt: skip
    found = advised([*search, measured("verifying", 600, **costs)]).uncertainty
    assert found.cpu_millicores == possible
    assert told in found.more_data


def test_what_requests_cost_where_they_cost_least_counts() -> None:
    """Threads that spin burn less where the quota holds them: 35 x 22 ms are 770m, and 693m."""
    dear = {"offered_rps": 35.0, "cpu_seconds_per_request": 0.028}
    cheap = dear | {"cpu_seconds_per_request": 0.022}
    search = [measured("measuring", 1000, **dear), measured("sizing", 900, **dear),
              measured("sizing", 800, "undecided", **cheap)]  # fmt: skip
    found = advised([*search, measured("verifying", 900, **dear)]).uncertainty
    assert found.cpu_millicores == (700, 900)


def test_a_size_that_was_not_proven_may_have_to_be_the_largest() -> None:
    advice = advised(SEARCH, budget_ended=True)
    assert advice.uncertainty.cpu_millicores == (300, 1000)
    assert advice.uncertainty.memory_bytes == (163 * MIB, LIMITS.memory_bytes)
    assert "a verification" in advice.uncertainty.more_data.lower()


def test_a_declined_advice_has_no_range() -> None:
    assert advised([measured("measuring", 1000, "failed")]).to_json()["uncertainty"] is None
