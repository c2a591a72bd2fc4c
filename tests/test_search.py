"""The grid, and the bisection that asks for one probe at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.search import Answer, grid, next_of_curve, next_probe


def test_the_grid_is_finest_where_the_knee_is_sharpest() -> None:
    assert grid(1000) == (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
    assert grid(2000)[9:] == (1000, 1250, 1500, 1750, 2000)
    assert grid(5000)[-4:] == (3750, 4000, 4500, 5000)


@pytest.mark.parametrize(
    ("limit", "end"),
    [(50, (50,)), (100, (100,)), (150, (100, 150)), (1100, (1000, 1100)), (4300, (4000, 4300))],
)
def test_the_limit_itself_is_the_last_point(limit, end) -> None:
    assert grid(limit)[-len(end) :] == end


@given(st.integers(1, 64_000))
def test_a_grid_rises_to_its_limit(limit) -> None:
    points = grid(limit)
    assert list(points) == sorted(set(points))
    assert points[-1] == limit


def search(points: tuple[int, ...], outcome_of) -> tuple[Answer, dict]:
    results: dict = {}
    while not isinstance(step := next_probe(points, results), Answer):
        assert step in points and step not in results
        results[step] = outcome_of(step)
    return step, results


@given(st.integers(100, 16_000), st.integers(0, 20_000), st.sampled_from(["failed", "undecided"]))
def test_the_answer_is_the_smallest_size_that_passes(limit, needed, otherwise) -> None:
    points = grid(limit)
    answer, results = search(points, lambda cpu: "passed" if cpu >= needed else otherwise)
    enough = [cpu for cpu in points if cpu >= needed]
    assert answer == Answer(enough[0] if enough else None)
    assert len(results) <= len(points).bit_length() + 1


@given(st.data())
def test_an_answer_is_measured_and_so_is_its_lower_neighbour(data) -> None:
    """Whatever noise makes of the outcomes."""
    points = grid(data.draw(st.integers(100, 8000)))
    outcomes = st.sampled_from(["passed", "failed", "undecided"])
    answer, results = search(points, lambda cpu: data.draw(outcomes))
    if answer.cpu_millicores is None:
        assert "passed" not in results.values()
    else:
        at = points.index(answer.cpu_millicores)
        assert results[points[at]] == "passed"
        assert at == 0 or results[points[at - 1]] != "passed"


def test_the_largest_size_comes_first_and_ends_it_when_it_fails() -> None:
    points = grid(1000)
    assert next_probe(points, {}) == 1000
    assert next_probe(points, {1000: "failed"}) == Answer(None)
    assert next_probe(points, {1000: "undecided"}) == Answer(None)


def test_a_search_by_hand() -> None:
    points = grid(1000)
    assert next_probe(points, {1000: "passed"}) == 500
    assert next_probe(points, {1000: "passed", 500: "passed"}) == 200
    assert next_probe(points, {1000: "passed", 500: "passed", 200: "failed"}) == 300
    assert next_probe(
        points, {1000: "passed", 500: "passed", 200: "failed", 300: "passed"}
    ) == Answer(300)  # fmt: skip


def guided(
    points: tuple[int, ...], needed: int, guess: int | None, average: float = 0.0
) -> tuple[Answer, list[int]]:
    results: dict = {}
    while not isinstance(step := next_probe(points, results, guess, average), Answer):
        assert step in points and step not in results
        results[step] = "passed" if step >= needed else "failed"
    return step, list(results)


@given(st.integers(100, 16_000), st.integers(0, 16_000), st.data())
def test_a_guess_changes_the_way_and_never_the_answer(limit, needed, data) -> None:
    points = grid(limit)
    guess = data.draw(st.sampled_from(points))
    answer, tried = guided(points, needed, guess)
    enough = [cpu for cpu in points if cpu >= needed]
    assert answer == Answer(enough[0] if enough else None)
    away = abs(points.index(guess) - points.index(answer.cpu_millicores or points[-1]))
    assert len(tried) <= 3 + 2 * (away + 1).bit_length()


@pytest.mark.parametrize(
    ("guess", "tried"),
    [
        (400, [1000, 400, 300]),  # right: its neighbour must still fail
        (300, [1000, 300, 400]),  # one too small
        (500, [1000, 500, 400, 200, 300]),  # one too large
        (900, [1000, 900, 800, 600, 200, 400, 300]),  # far off
        (100, [1000, 100, 200, 400, 300]),
    ],
)
def test_a_search_from_a_guess_by_hand(guess, tried) -> None:
    assert guided(grid(1000), 400, guess) == (Answer(400), tried)


@given(st.integers(100, 16_000), st.integers(0, 16_000), st.integers(0, 20_000), st.data())
def test_what_requests_need_on_average_changes_the_way_and_never_the_answer(
    limit, needed, average, data
) -> None:
    """Nor where it is wrong: sizes below it may pass."""
    points = grid(limit)
    guess = data.draw(st.sampled_from([None, *points]))
    answer, tried = guided(points, needed, guess, average)
    enough = [cpu for cpu in points if cpu >= needed]
    assert answer == Answer(enough[0] if enough else None)
    if needed >= average:  # as it should be: at most one of those is tried
        assert sum(point < average for point in tried if point != points[-1]) <= 1


@pytest.mark.parametrize(
    ("average", "tried"),
    [
        (0, [1000, 500, 400, 200, 300]),
        (301, [1000, 500, 400, 300]),
        (300, [1000, 500, 400, 200, 300]),
    ],
)
def test_of_sizes_that_cannot_keep_up_the_largest_is_tried(average, tried) -> None:
    assert guided(grid(1000), 400, 500, average) == (Answer(400), tried)


@given(st.integers(100, 16_000))
def test_a_curve_has_every_size_once_and_is_even_at_any_time(limit) -> None:
    points = grid(limit)
    results: dict = {}
    while (step := next_of_curve(points, results)) is not None:
        assert step not in results
        results[step] = "failed"
        places = [-1, *sorted(points.index(size) for size in results)]
        widths = [high - low for low, high in pairwise(places)]
        assert max(widths) <= 2 * (min(widths) + 1)
    assert sorted(results) == list(points)


def test_a_curve_by_hand() -> None:
    points = grid(1000)
    results: dict = {}
    while (step := next_of_curve(points, results)) is not None:
        results[step] = "passed"
    assert list(results) == [1000, 500, 200, 700, 300, 800, 100, 400, 600, 900]
