"""Sensitivity to the payload: classes of rows, rows that are slow beyond chance, size."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.dataset import Row
from profiler.measuring.sensitivity import RowFacts, payload_of
from profiler.measuring.sensitivity.classes import (
    LEAST_REQUESTS,
    MOST_CLASSES,
    RowClasses,
    classify,
    size_range,
)
from profiler.measuring.sensitivity.payload import share_interval
from profiler.measuring.sensitivity.size_relation import size_relation, spearman
from profiler.measuring.sensitivity.words import broken_by_one, dominating
from profiler.measuring.sensitivity.worst_rows import worst_rows
from profiler.measuring.statistics import Estimate
from tests.raw_samples import ABORTED, ERROR, NS, START, bound, evenly, request_columns

KIB = 1024


def facts_of(sizes, labels=None) -> RowFacts:
    labels = labels or [None] * len(sizes)
    return RowFacts.of(
        [
            Row(number, b"x" * size, label, "text/plain", "POST", "/", ())
            for number, (size, label) in enumerate(zip(sizes, labels, strict=True), 1)
        ]
    )


def classified(sizes, labels=None, requests: int = LEAST_REQUESTS) -> RowClasses:
    return classify(facts_of(sizes, labels), np.full(len(sizes), requests))


# ---- classes ----
def test_labels_are_the_classes_where_there_are_some() -> None:
    found = classified([10, 10, 5000, 10], ["short", "long", "long", None])
    assert (found.kind, found.names) == ("label", ("no label", "long", "short"))
    assert found.of_row.tolist() == [2, 1, 1, 0]


def test_seldom_labels_are_taken_together() -> None:
    labels = ["a"] * 40 + ["b"] * 40 + ["c", "d"]
    found = classified([10] * 82, labels, requests=1)
    assert found.names == ("a", "b", "2 other labels")
    assert np.bincount(found.of_row).tolist() == [40, 40, 2]


def test_labels_of_which_each_row_has_its_own_are_no_classes() -> None:
    found = classified([100, 5000] * 40, [str(number) for number in range(80)], requests=10)
    assert found.kind == "size"


def test_sizes_are_sorted_into_buckets_with_round_edges() -> None:
    found = classified([1024, 2047, 2048, 700])
    assert found.names == ("512 B to 1 KiB", "1 to 2 KiB", "2 to 4 KiB")
    assert found.of_row.tolist() == [1, 1, 2, 0]


def test_buckets_with_too_few_requests_join_their_neighbours() -> None:
    """One row of 100 B and one of 5 KiB, between forty of each of two sizes."""
    found = classified([100] + [600] * 40 + [1500] * 40 + [5000], requests=1)
    assert found.names == ("64 B to 1 KiB", "1 to 8 KiB")


def test_rows_of_about_the_same_size_are_one_class() -> None:
    assert classified([1000, 1100, 1200]).kind == "one"


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [(0, 1, "under 1 B"), (512, 1024, "512 B to 1 KiB"), (1 << 20, 1 << 22, "1 to 4 MiB")],
)
def test_ranges_are_written_with_their_units(low: int, high: int, name: str) -> None:
    assert size_range(low, high) == name


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 1 << 26), st.integers(0, 90)), min_size=1, max_size=60))
def test_every_row_has_a_class_and_every_class_has_enough_requests(rows) -> None:
    sizes, requests = (np.array(column) for column in zip(*rows, strict=True))
    facts = RowFacts(sizes, np.full(len(sizes), -1))
    found = classify(facts, requests)
    counts = np.bincount(found.of_row, requests, minlength=len(found))
    assert 1 <= len(found) <= MOST_CLASSES
    assert len(found) == 1 or counts.min() >= LEAST_REQUESTS


# ---- shares ----
def test_the_interval_of_a_share_is_wilsons() -> None:
    """10 of 100 at 95 %: 5.52 % to 17.44 % (Newcombe, 1998, and any table)."""
    assert share_interval(10, 100, 0.95).to_json() == pytest.approx([0.0552, 0.1744], abs=1e-4)
    assert share_interval(0, 50, 0.95).to_json() == pytest.approx([0, 0.0713], abs=1e-4)
    assert share_interval(0, 0, 0.95).to_json() == [None, None]


# ---- rows ----
def worst(latency_by_row, repeats: int, **others):
    """Each row `repeats` times with its own latencies."""
    rows = np.tile(np.arange(1, len(latency_by_row[0]) + 1), repeats)
    latency = np.concatenate(latency_by_row)
    count = len(latency_by_row[0])
    classes = RowClasses("one", ("all rows",), np.zeros(count, dtype=int))
    failed = np.array(others.get("failed", []), dtype=int)
    facts = facts_of([10] * count)
    return worst_rows(rows, latency, failed, np.full(count, repeats), classes, facts, 0.95)


def noise(rows: int, repeats: int, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.lognormal(0, 0.3, rows) * 10 for _ in range(repeats)]


def test_a_row_that_is_slow_each_time_is_called_slow() -> None:
    passes = noise(200, 5)
    for one in passes:
        one[16] = 60.0
    first = worst(passes, 5)[0]
    assert (first.row, first.standing, first.requests, first.p50_ms) == (17, "slow", 5, 60)


def test_a_row_that_was_seen_once_is_only_the_slowest_seen() -> None:
    passes = noise(200, 1)
    passes[0][16] = 600.0
    found = worst(passes, 1)
    assert (found[0].row, found[0].standing) == (17, "slowest_seen")
    assert {row.standing for row in found} == {"slowest_seen"}


def test_a_row_that_is_surely_but_hardly_slower_is_not_called_slow() -> None:
    """10.5 ms each time, where all others take 9.9 to 10.1 ms."""
    passes = [np.random.default_rng(seed).uniform(9.9, 10.1, 200) for seed in range(6)]
    for one in passes:
        one[16] = 10.5
    assert worst(passes, 6)[0].standing == "slowest_seen"


def test_chance_alone_calls_hardly_any_row_slow() -> None:
    """At 95 % at most one run of twenty may have any; the test is stricter than that."""
    runs = [worst(noise(300, 6, seed), 6) for seed in range(25)]
    assert sum(any(row.standing == "slow" for row in found) for found in runs) <= 2


def test_rows_that_failed_come_first_with_their_errors() -> None:
    found = worst(noise(20, 5), 5, failed=[4, 4, 9])
    assert [(row.row, row.standing, row.errors) for row in found[:2]] == [
        (4, "failing", 2), (9, "failing", 1),
    ]  # fmt: skip
    assert len(found) <= 10


def test_a_row_that_was_never_answered_is_told_without_a_latency() -> None:
    classes = RowClasses("one", ("all rows",), np.zeros(3, dtype=int))
    row, latency = np.array([1, 2]), np.array([5.0, 6.0])
    found = worst_rows(
        row, latency, np.array([3]), np.array([1, 1, 1]), classes, facts_of([10] * 3), 0.95
    )[0]
    assert (found.row, found.p50_ms, found.max_ms, found.requests) == (3, None, None, 1)


# ---- size ----
def test_a_latency_that_grows_with_size_is_told_with_its_slope() -> None:
    """3 ms per 100 KiB, with noise: 0.03 ms a KiB."""
    random = np.random.default_rng(0)
    size = random.integers(1, 400, 4000) * KIB
    latency = 20 + 0.03 * size / KIB + random.exponential(0.5, 4000)
    found = size_relation(size, latency, 0.95)
    assert found.slope.low < 0.03 < found.slope.high
    assert found.slope.value == pytest.approx(0.03, rel=0.03)
    assert found.sentence().startswith("p95 grows by 3 ms per 100 KiB (")
    assert found.rank_correlation.value > 0.9


def test_a_latency_that_does_not_depend_on_size_is_told_so() -> None:
    random = np.random.default_rng(3)
    size, latency = random.integers(100, 90_000, 3000), random.exponential(5, 3000)
    found = size_relation(size, latency, 0.95)
    assert found.slope.low < 0 < found.slope.high
    assert "does not depend on the body's size, as far as can be told" in found.sentence()


def test_a_change_that_is_sure_but_tiny_is_hardly_one() -> None:
    random = np.random.default_rng(0)
    size = random.integers(1, 100, 20_000) * KIB
    found = size_relation(size, 50 + 0.005 * size / KIB + random.normal(0, 0.1, 20_000), 0.95)
    assert found.slope.low > 0
    assert found.sentence().startswith("Latency hardly depends on the body's size: p95 grows")


def test_a_slow_minute_is_no_effect_of_size() -> None:
    """Twice as slow in the second half, whatever the size."""
    random = np.random.default_rng(4)
    size = random.integers(1, 100, 2000) * KIB
    latency = np.where(np.arange(2000) < 1000, 10.0, 20.0) + random.normal(0, 1, 2000)
    found = size_relation(size, latency, 0.95)
    assert found.slope.low < 0 < found.slope.high


def test_sizes_that_are_about_the_same_say_nothing_of_size() -> None:
    size = np.tile([8, 9], 1000)
    assert size_relation(size, np.where(size == 8, 3.0, 15.0), 0.95) is None


def test_one_size_or_few_requests_say_nothing_of_size() -> None:
    assert size_relation(np.full(2000, 500), np.ones(2000), 0.95) is None
    assert size_relation(np.arange(50), np.ones(50), 0.95) is None


def test_rank_correlation_shares_the_ranks_of_ties() -> None:
    """Ranks 1.5 1.5 3 4 and 1 2 3 4: 4.5 / sqrt(4.5 * 5)."""
    assert spearman(np.array([1, 1, 2, 3]), np.array([5, 6, 7, 8])) == pytest.approx(
        0.9487, abs=1e-4
    )
    assert spearman(np.array([1, 1, 1]), np.array([1, 2, 3])) == 0


# ---- together ----
def alternating(count: int = 600, dear_ms: float = 90.0, **others):
    """Rows 1 and 2 by turns: 10 ms and `dear_ms`."""
    latency = np.where(np.arange(count) % 2, dear_ms, 10.0)
    columns = request_columns(evenly(count), latency, **others)
    return columns | {"row": (np.arange(count) % 2 + 1).astype("i4")}


def payload(columns, facts, **limits):
    return payload_of(
        columns, columns, {}, facts, bound=bound(**limits), start_ns=START, end_ns=START + 6 * NS
    )


def test_each_class_has_its_own_latencies_errors_and_share_over_the_bound() -> None:
    outcome = [ERROR if number in (1, 3, 5) else 0 for number in range(600)]
    found = payload(alternating(outcome=outcome), facts_of([10, 9000], ["short", "long"]))
    long, short = found.classes
    assert (long.name, long.rows, long.requests, long.errors) == ("long", 1, 300, 3)
    assert (short.latency_ms["p95"], long.latency_ms["p95"]) == (10, 90)
    assert (short.over_bound_share, long.over_bound_share) == (0, 1)
    assert short.request_share == 0.5
    assert found.cpu_not_told == "The service's CPU is not known."


def test_requests_that_were_broken_off_early_are_no_requests_of_a_class() -> None:
    outcome = [ABORTED if number >= 590 else 0 for number in range(600)]
    found = payload(alternating(dear_ms=20, outcome=outcome), facts_of([10, 10], ["a", "b"]))
    assert [one.requests for one in found.classes] == [295, 295]


def test_the_class_that_breaks_the_bound_alone_is_named() -> None:
    found = payload(alternating(), facts_of([10, 9000], ["short", "long"]))
    assert broken_by_one(found, bound()) == (
        'The bound of 50 ms is broken by rows labelled "long" only: p95 90 ms there, at most 10 ms'
        " elsewhere."
    )
    assert broken_by_one(found, bound(latency_ms=5.0)) is None
    assert broken_by_one(found, bound(latency_ms=100.0)) is None


def test_a_class_that_takes_most_of_the_cpu_with_few_requests_is_named() -> None:
    found = payload(alternating(), facts_of([10, 9000], ["short", "long"]))
    long, short = found.classes
    dear = replace(long, request_share=0.1, cpu_share=Estimate(0.6, 0.55, 0.65))
    assert dominating(replace(found, classes=(dear, short))).startswith(
        'Rows labelled "long" take 60 % of the CPU (55 % to 65 %) with 10 % of the requests'
    )
    unsure = replace(dear, cpu_share=Estimate(0.6, 0.45, 0.75))
    assert dominating(replace(found, classes=(unsure, short))) is None


def test_rows_that_are_all_alike_are_told_in_one_line() -> None:
    columns = request_columns(evenly(300), 5.0)
    found = payload(columns, facts_of([1229] * 300))
    assert found.to_json()["sentence"] == "All rows have the same size (1.2 KiB) and no labels."


def test_rows_that_differ_in_too_few_requests_are_not_called_alike() -> None:
    found = payload(request_columns(evenly(20), 5.0), facts_of(range(100, 20_100, 1000)))
    assert found.kind == "one"
    assert found.to_json()["sentence"].startswith("There were too few requests to tell")


def test_without_any_request_there_is_nothing_to_say() -> None:
    assert payload(request_columns([], 1.0), facts_of([10])) is None


def test_what_is_stored_is_json_and_small() -> None:
    text = json.dumps(payload(alternating(), facts_of([10, 9000], ["a", "b"])).to_json())
    assert len(text) < 4000
