"""What if: a run's page answers for other loads, sizes and bounds, and says by what right."""

from __future__ import annotations

import json

import pytest

from profiler.sizing.latency_model import LatencyModel, Point
from runs.charts import capacity
from runs.models import ProfileRun
from tests.measured_runs import PROBES, VERIFIED, sized_run
from tests.test_charts import labels, validated

pytestmark = pytest.mark.django_db


def points() -> tuple[Point, ...]:
    """At 100 requests a second, as those of the run."""
    return tuple(
        Point(
            ordinal, cpu, 100.0, "passed" if p95 <= 50 else "failed", False,
            {"50": p95 / 2, "95": p95, "99": p95 * 2},
            {"50": (None, None), "95": (p95 * 0.9, p95 * 1.1), "99": (None, None)},
        )
        for ordinal, (cpu, p95) in enumerate(((1000, 10.0), (500, 20.0), (300, 60.0)), start=1)
    )  # fmt: skip


def model() -> LatencyModel:
    """Latency falls with cpu and doubles from half the highest rate to all of it."""
    sizes = (200, 400, 1000)
    table = [[10_000 / cpu, 20_000 / cpu] for cpu in sizes]
    spread = [[0.05, 0.05] for _ in sizes]
    return LatencyModel(
        mode="open", cpu_millicores=sizes, levels=(0.5, 1.0),
        highest_rps=tuple(cpu / 2.0 for cpu in sizes), rate_spread=(0.1, 0.1, 0.1),
        latency_ms={"50": table, "95": table, "99": table},
        spread={"50": spread, "95": spread, "99": spread},
        points=points(), error={"50": 0.02, "95": 0.043, "99": 0.081}, error_points=3,
    )  # fmt: skip


def run_with(make, document: dict | None = None) -> ProfileRun:
    run = sized_run(make, (*PROBES, VERIFIED))
    run.result = {"latency_model": document or json.loads(json.dumps(model().to_json()))}
    run.save()
    return run


def ask(client, run: ProfileRun, **query: object) -> str:
    response = client.get(f"/runs/{run.name}/what-if/", query)
    assert response.status_code == 200
    return " ".join(response.text.split())


def test_the_page_answers_for_the_runs_own_load_and_objective(signed_in, make) -> None:
    document = json.loads(json.dumps(model().to_json()))
    document["error"]["99"] = 15.95  # near the limit nothing is nearer
    page = signed_in.get(f"/runs/{run_with(make, document).name}/").text
    assert 'id="what-if"' in page
    assert "for p95, a factor of 17 for p99." in page
    assert "p95 of 100 requests/s at 400m" in page
    assert "4.3 % for p95" in page
    assert 'data-chart="capacity"' in page


def test_each_answer_bears_its_mark_and_error(signed_in, make) -> None:
    run = run_with(make)
    measured = ask(signed_in, run, cpu_millicores=500)
    assert "20.0 ms" in measured
    assert "measured</span>, ±10 %" in measured
    between = ask(signed_in, run, cpu_millicores=700)
    assert "interpolated</span>, ±9.8 %" in between
    assert "about" in between
    outside = ask(signed_in, run, load=150, cpu_millicores=1000)
    assert "extrapolated" in outside


def test_it_names_the_smallest_size_and_the_highest_rate(signed_in, make) -> None:
    said = ask(signed_in, run_with(make), load=100, cpu_millicores=1000, latency_ms=15)
    assert "The smallest CPU for 100 requests/s with p95 ≤ 15 ms" in said
    # 25 ms at 400m and 10 ms at 1000m: 14.3 ms at 700m, 16.7 ms at 600m.
    assert "about 700m" in said
    # 10 ms at half of the 500 requests a second, 20 ms at all: 15 ms at 250 * 2 ** 0.585.
    assert "The highest rate at 1 core with p95 ≤ 15 ms" in said
    assert "about 375 requests/s" in said


def test_too_high_a_rate_is_said_to_be_more_than_the_size_answers(signed_in, make) -> None:
    said = ask(signed_in, run_with(make), load=400, cpu_millicores=400)
    assert "overloaded: about 200 requests/s are answered" in said
    assert "extrapolated</span>, ±22 %" in said  # exp(1.96 * 0.1) - 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"load": "-1"}, "more than 0 requests a second"),
        ({"load": "many"}, "Enter a number"),
        ({"load": "nan"}, "Enter a number"),
        ({"cpu_millicores": "5000"}, "give 200 to 1000 millicores"),
        ({"cpu_millicores": "1"}, "give 200 to 1000 millicores"),
        ({"percentile": "12"}, "Select a valid choice"),
        ({"latency_ms": "0"}, "more than 0 ms"),
        ({"latency_ms": "1e999"}, "Enter a number"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_card(signed_in, make, query, words) -> None:
    said = ask(signed_in, run_with(make), **query)
    assert words in said
    assert "about" not in said


def test_the_plain_address_of_the_page_asks_the_same(signed_in, make) -> None:
    run = run_with(make)
    page = signed_in.get(f"/runs/{run.name}/", {"load": "123", "cpu_millicores": "700"}).text
    assert "p95 of 123 requests/s at 700m" in page


def test_why_there_is_no_model_is_said(signed_in, make) -> None:
    page = signed_in.get(f"/runs/{run_with(make, {'why_not': 'Too little was measured.'}).name}/")
    assert "Too little was measured." in page.text
    assert 'data-chart="capacity"' not in page.text


def test_a_run_of_an_earlier_version_has_no_card(signed_in, make) -> None:
    run = sized_run(make, (*PROBES, VERIFIED))
    assert 'id="what-if"' not in signed_in.get(f"/runs/{run.name}/").text
    assert signed_in.get(f"/runs/{run.name}/what-if/").status_code == 404


def test_the_chart_draws_what_is_predicted_with_its_error_and_what_was_measured(
    signed_in, make
) -> None:
    run = run_with(make)
    drawn = signed_in.get(f"/runs/{run.name}/series/capacity/").json()
    validated(drawn)
    high, low, curve, measured = drawn["figure"]["data"]
    assert all(
        bottom <= middle <= top
        for bottom, middle, top in zip(low["y"], curve["y"], high["y"], strict=True)
    )
    assert measured["x"] == [1000, 500, 300]
    assert measured["marker"]["symbol"] == ["circle", "circle", "circle-x-open"]
    assert {"100 requests/s asked", "Advised 400m"} <= set(labels(drawn))


def test_a_percentile_that_is_not_in_the_model_is_not_drawn(make) -> None:
    from runs.charts.sizes import Curve

    assert "p99.9" in capacity.draw(model(), Curve([], 1000, 99.9, 50.0))["empty"]


def test_the_api_gives_the_model(signed_in, make) -> None:
    run = run_with(make)
    found = signed_in.get(f"/api/v1/runs/{run.name}/").json()["latency_model"]
    assert LatencyModel.from_json(found) == model()
    plain = sized_run(make, (*PROBES, VERIFIED))
    assert signed_in.get(f"/api/v1/runs/{plain.name}/").json()["latency_model"] is None
