"""The rates that are tried, and the search that asks for one probe at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.rate_search import Capacity, nearest, next_rate, rates

RATES = rates(50.0)
START = RATES.index(50.0)


@given(st.floats(0.01, 100_000))
def test_rates_rise_by_five_percent_at_most_and_hold_the_beginning(start) -> None:
    points = rates(start)
    assert start in points
    assert all(low < high <= 1.0505 * low for low, high in pairwise(points))
    assert points[0] >= 0.01
    assert points[-1] <= 100_000


def test_a_decade_has_48_rates() -> None:
    assert RATES[START : START + 4] == (50.0, 52.46, 55.03, 57.74)
    assert RATES[START + 48] == 500.0


def search(outcome_of, guess: float | None = None) -> tuple[Capacity, dict]:
    results: dict = {}
    while not isinstance(step := next_rate(RATES, results, 50.0, guess), Capacity):
        assert step in RATES and step not in results
        results[step] = outcome_of(step)
    return step, results


@given(
    st.floats(0.001, 200_000),
    st.sampled_from([None, *RATES]),
    st.sampled_from(["failed", "undecided"]),
)
def test_the_answer_is_the_highest_rate_that_passes(capacity, guess, otherwise) -> None:
    answer, results = search(lambda rate: "passed" if rate <= capacity else otherwise, guess)
    enough = [rate for rate in RATES if rate <= capacity]
    assert answer == Capacity(enough[-1] if enough else None)
    edge = RATES.index(answer.rate_rps) if answer.rate_rps else 0
    away = abs(START if guess is None else RATES.index(guess) - edge)
    assert len(results) <= 4 + 2 * (away + len(RATES)).bit_length()


@given(st.data(), st.sampled_from([None, *RATES]))
def test_an_answer_passed_and_the_next_rate_did_not_whatever_the_curve(data, guess) -> None:
    outcomes = st.sampled_from(["passed", "failed", "undecided"])
    answer, results = search(lambda rate: data.draw(outcomes), guess)
    if answer.rate_rps is None:
        assert "passed" not in results.values()
        return
    at = RATES.index(answer.rate_rps)
    assert results[RATES[at]] == "passed"
    assert at == len(RATES) - 1 or results[RATES[at + 1]] != "passed"


@pytest.mark.parametrize(
    ("guess", "capacity", "tried"),
    [
        (60, 60, [0, 60, 61]),  # right: the next rate must still fail
        (62, 60, [0, 62, 61, 59, 60]),  # too much: down by 1, 2, 4
        (58, 60, [0, 58, 59, 61, 60]),
        (None, 4, [0, 1, 3, 7, 5, 4]),  # up by 1, 2, 4
        (-6, -3, [0, -6, -5, -3, -1, -2]),  # what it began with is too much
        (-3, -6, [0, -3, -4, -6, -5]),
    ],
)
def test_a_search_by_hand(guess, capacity, tried) -> None:
    """In steps from the beginning."""
    guess = None if guess is None else RATES[START + guess]
    answer, results = search(
        lambda rate: "passed" if RATES.index(rate) - START <= capacity else "failed", guess
    )
    assert [RATES.index(rate) - START for rate in results] == tried
    assert answer == Capacity(RATES[START + capacity])


def test_where_requests_alone_are_too_slow_no_lower_rate_is_tried() -> None:
    assert next_rate(RATES, {50.0: "failed"}, 50.0, slow_alone=True) == Capacity(None)
    assert next_rate(RATES, {50.0: "passed", 55.03: "failed"}, 50.0, slow_alone=True) == 52.46


def test_nearest_is_the_rate_below() -> None:
    assert nearest(RATES, 52.0) == 50.0
    assert nearest(RATES, 52.46) == 52.46
    assert nearest(RATES, 0.0001) == RATES[0]
