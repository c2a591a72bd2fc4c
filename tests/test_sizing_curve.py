"""The sizing curve: one point a size, at steps of the grid, judged in words."""

from __future__ import annotations

import json

import pytest

from runs.charts import sizing
from runs.charts.sizes import Curve, one_per_size
from runs.models import Measurement
from tests.measured_runs import GIB, PROBES, VERIFIED, measured
from tests.test_charts import labels, validated


def row(ordinal: int = 1, valid: bool = True, **how: object) -> Measurement:
    measurement, *_ = measured(ordinal=ordinal, **how)
    data = json.loads(json.dumps(measurement.to_json()))
    return Measurement(
        ordinal=ordinal,
        phase=data["phase"],
        cpu_millicores=data["cpu_millicores"],
        memory_bytes=data["memory_bytes"],
        outcome=data["outcome"],
        valid=valid,
        requests=data["requests"],
        data=data,
    )


@pytest.fixture(scope="module")
def rows() -> list[Measurement]:
    return [row(number, **how) for number, how in enumerate((*PROBES, VERIFIED), start=1)]


@pytest.fixture
def curve(rows) -> Curve:
    return Curve(one_per_size(rows), 1000, 95.0, 50.0, advised_millicores=400)


def test_sizes_stand_at_equal_steps_of_the_grid() -> None:
    curve = Curve([], 4000, 95.0, None)
    assert [curve.position(size) for size in (100, 1000, 1250, 1500)] == [0, 9, 10, 11]
    assert curve.position(1125) == 9.5


def test_a_size_has_one_point_and_a_probe_stands_before_a_verification(rows) -> None:
    chosen = one_per_size(rows)
    assert [one.cpu_millicores for one in chosen] == [200, 300, 400, 500, 1000]
    assert chosen[2].phase == "sizing"


def test_a_valid_measurement_stands_before_one_that_is_not() -> None:
    kept = one_per_size([row(1, phase="sizing"), row(2, valid=False, phase="sizing")])
    assert [one.ordinal for one in kept] == [1]


def test_plotly_accepts_it_and_the_objective_is_in_sight(curve) -> None:
    payload = sizing.draw(curve).to_json()
    validated(payload)
    low, high = payload["figure"]["layout"]["yaxis"]["range"]
    assert 10**low < 50 < 10**high
    assert "p95 ≤ 50 ms" in labels(payload)


def test_the_outcome_of_each_size_is_said_in_words(curve) -> None:
    words = labels(sizing.draw(curve).to_json())
    assert words.count("✕ fails") == 2
    assert words.count("✓ kept") == 3
    assert "Advised 400m" in words
    assert "not kept below 400m" in words


def test_markers_are_filled_only_where_the_objective_was_kept(curve) -> None:
    judged = sizing.draw(curve).figure["data"][-2]
    hollow = [colour == "token:card" for colour in judged["marker"]["color"]]
    assert hollow == [True, True, False, False, False]


def test_what_is_not_valid_is_not_shown_as_kept(rows) -> None:
    invalid = row(1, valid=False)
    payload = sizing.draw(Curve([invalid], 1000, 95.0, 50.0)).to_json()
    assert "not valid" in labels(payload)
    assert "✓ kept" not in labels(payload)


def test_the_tag_of_now_is_marked_unless_it_is_the_advised_size(rows) -> None:
    chosen = one_per_size(rows)
    other = Curve(chosen, 1000, 95.0, 50.0, advised_millicores=400, tagged_millicores=1000)
    same = Curve(chosen, 1000, 95.0, 50.0, advised_millicores=400, tagged_millicores=400)
    assert "Current tag 1 core" in labels(sizing.draw(other).to_json())
    assert not any("tag" in word for word in labels(sizing.draw(same).to_json()))


def test_throttling_that_was_not_counted_has_no_bar(rows) -> None:
    unknown = row(1, memory_bytes=GIB)
    unknown.data["throttled_fraction"] = None
    bars = sizing.draw(Curve([unknown], 1000, 95.0, 50.0)).figure["data"][-1]
    assert bars["y"] == [None]


def test_a_size_at_which_nothing_was_answered_is_left_out(rows) -> None:
    silent = row(1)
    silent.data["latency_ms"] = dict.fromkeys(silent.data["latency_ms"])
    silent.data["latency_at_percentile_ms"] = None
    chart = sizing.draw(Curve([silent], 1000, 95.0, 50.0))
    validated(chart.to_json())
    assert chart.figure["data"][0]["x"] == []
