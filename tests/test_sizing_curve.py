"""The sizing curve: one point a size, at steps of the grid, judged in words."""

from __future__ import annotations

import json

import pytest

from runs.charts import sizing
from runs.charts.size_marks import levels
from runs.charts.size_points import kinds_shown
from runs.charts.sizes import Curve, one_per_size
from runs.models import Measurement
from runs.run_curves import curve_finding, neighbours
from runs.tagged_sizes import TaggedSize
from tests.measured_runs import GIB, PROBES, SLOW, VERIFIED, measured
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
    return Curve(
        one_per_size(rows), 1000, 95.0, 50.0,
        advised_millicores=400, advised_standing="verified", others=[rows[-1]],
    )  # fmt: skip


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
    assert "✓ Advised 400m, verified" in words
    assert "not kept below 400m" in words


def standing_for_sizes(figure: dict) -> dict:
    """The trace of the points that stand for their sizes; the bars of throttling come after."""
    return figure["data"][-2]


def test_what_came_of_a_size_is_told_by_shape_and_colour(rows) -> None:
    undecided = row(7, cpu_millicores=600, phase="sizing")
    undecided.outcome = "undecided"
    invalid = row(8, valid=False, cpu_millicores=700, phase="sizing")
    curve = Curve(one_per_size([*rows, undecided, invalid]), 1000, 95.0, 50.0)
    marker = standing_for_sizes(sizing.draw(curve).figure)["marker"]
    assert marker["symbol"] == [
        "circle-x-open", "circle-x-open", "circle", "circle", "diamond-open", "square-open",
        "circle",
    ]  # fmt: skip
    assert len(set(marker["color"])) == 4
    assert dict(kinds_shown(curve)) == {
        "passed": "kept", "failed": "fails", "undecided": "undecided", "invalid": "not valid",
    }  # fmt: skip


def test_a_verification_stands_beside_the_probe_of_its_size(curve) -> None:
    verification = sizing.draw(curve).figure["data"][-3]
    assert verification["marker"]["symbol"] == ["star"]
    (x,) = verification["x"]
    assert curve.position(400) < x < curve.position(500)
    assert "verification" in dict(kinds_shown(curve))


def test_a_failed_verification_is_an_open_star(rows) -> None:
    failed = row(7, phase="verifying", cpu_millicores=400, latency_ms=90.0)
    curve = Curve(one_per_size(rows), 1000, 95.0, 50.0, others=[failed])
    marker = sizing.draw(curve).figure["data"][-3]["marker"]
    assert (marker["symbol"], marker["color"]) == (["star-open"], ["token:fail"])


def test_no_line_goes_through_a_point_that_is_not_valid(rows) -> None:
    invalid = row(7, valid=False, cpu_millicores=700, phase="sizing")
    curve = Curve(one_per_size([*rows, invalid]), 1000, 95.0, 50.0)
    figure = sizing.draw(curve).figure
    lines = [trace for trace in figure["data"] if "lines" in trace.get("mode", "")]
    assert all(curve.position(700) not in trace["x"] for trace in lines)
    assert curve.position(700) in standing_for_sizes(figure)["x"]


def test_the_latency_axis_is_logarithmic_only_where_latencies_span_it() -> None:
    near = Curve([row(1), row(2, cpu_millicores=500, latency_ms=9.0)], 1000, 95.0, 12.0)
    far = Curve([row(1), row(2, cpu_millicores=500, latency_ms=90.0)], 1000, 95.0, 50.0)
    for curve, kind in ((near, "linear"), (far, "log")):
        payload = sizing.draw(curve).to_json()
        validated(payload)
        assert payload["figure"]["layout"]["yaxis"]["type"] == kind
        assert f"latency on a {kind} scale" in payload["footer"]
    low, high = sizing.draw(near).figure["layout"]["yaxis"]["range"]
    assert low == 0
    assert high > 12


def test_what_is_not_valid_is_not_shown_as_kept(rows) -> None:
    invalid = row(1, valid=False)
    payload = sizing.draw(Curve([invalid], 1000, 95.0, 50.0)).to_json()
    assert "! not valid" in labels(payload)
    assert "✓ kept" not in labels(payload)


def found(rows: list[Measurement], advised: int = 400) -> str:
    chosen = one_per_size(rows)
    others = [row for row in rows if row not in chosen]
    return curve_finding(Curve(chosen, 1000, 95.0, 50.0, advised, "verified", others))


def test_the_curve_says_what_became_of_the_size_below_the_advised_one(rows) -> None:
    kept = row(7, phase="sizing", cpu_millicores=300)
    proof = {"phase": "verifying", "cpu_millicores": 300}
    smallest = "400m is the smallest size that keeps the objective; 300m "
    assert found(rows) == smallest + "does not"
    assert found([rows[4], row(7, phase="sizing", cpu_millicores=300, valid=False)]) == (
        smallest + "could not be judged"
    )
    refuted = "400m keeps the objective; 300m did in the search, and not when it was verified"
    assert found([rows[4], kept, row(8, latency_ms=SLOW, **proof)]) == refuted
    assert found([rows[4], kept, row(8, valid=False, **proof)]) == refuted
    assert found([rows[4], kept]) == "400m is advised; 300m keeps the objective too"
    assert found([rows[4]]).endswith("is the smallest size that was measured")


def test_sizes_beside_the_advised_one_have_their_last_verification(rows) -> None:
    proofs = [row(number, phase="verifying", cpu_millicores=300) for number in (7, 8)]
    others = [*proofs, rows[-1]]
    curve = Curve(one_per_size(rows), 1000, 95.0, 50.0, 400, "verified", others)
    beside = [(of.cpu_millicores, proof) for of, proof in neighbours(curve)]
    assert beside == [(300, proofs[-1]), (400, rows[-1]), (500, None)]


def tags(*sizes: int) -> list[TaggedSize]:
    return [TaggedSize((f"model{n}:1",), size, None) for n, size in enumerate(sizes)]


def marked(rows, *tagged: int) -> list[str]:
    curve = Curve(
        one_per_size(rows), 1000, 95.0, 50.0,
        advised_millicores=400, advised_standing="verified", tagged=tags(*tagged),
    )  # fmt: skip
    payload = sizing.draw(curve).to_json()
    validated(payload)
    return labels(payload) + payload["footer"]


def test_the_tag_of_now_is_marked_unless_it_is_the_advised_size(rows) -> None:
    assert "Current tag 1 core" in marked(rows, 1000)
    assert not any("tag" in word.lower() for word in marked(rows, 400))


def test_tags_that_differ_are_marked_each_with_its_model(rows) -> None:
    words = marked(rows, 500, 1000)
    assert {"500m, tag of model0:1", "1 core, tag of model1:1"} <= set(words)


def test_labels_of_sizes_near_each_other_do_not_lie_upon_each_other(rows) -> None:
    near = Curve([], 1000, 95.0, 50.0, advised_millicores=400, tagged=tags(500, 1000))
    assert levels(near) == [0, 1, 0]


def test_a_tag_beyond_the_sizes_measured_is_said_below(rows) -> None:
    words = marked(rows, 2000)
    assert "tag of model0:1, 2 cores, beyond what was measured" in words


def test_a_provisional_size_bears_no_mark_of_a_verified_one(rows) -> None:
    curve = Curve([rows[0]], 1000, 95.0, 50.0, advised_millicores=1000,
                  advised_standing="provisional")  # fmt: skip
    assert "Advised 1 core, provisional" in labels(sizing.draw(curve).to_json())


def test_throttling_that_was_not_counted_has_no_bar(rows) -> None:
    unknown = row(1, memory_bytes=GIB)
    unknown.data["throttled_fraction"] = None
    bars = sizing.draw(Curve([unknown], 1000, 95.0, 50.0)).figure["data"][-1]
    assert bars["y"] == [None]


def test_a_size_at_which_nothing_was_answered_has_no_point_but_its_outcome(rows) -> None:
    silent = row(1)
    silent.data["latency_ms"] = dict.fromkeys(silent.data["latency_ms"])
    silent.data["latency_at_percentile_ms"] = None
    silent.outcome = "failed"
    chart = sizing.draw(Curve([silent], 1000, 95.0, 50.0))
    validated(chart.to_json())
    assert chart.figure["data"][0]["x"] == []
    assert "✕ no answers" in labels(chart.to_json())
