"""A closer look at a chart over time: the samples of its range, its axis, and what is refused."""

from __future__ import annotations

import pytest

from runs.models import SampleChunk
from tests.measured_runs import PROBES, VERIFIED, sized_run
from tests.test_charts import labels, validated

pytestmark = pytest.mark.django_db

OVER_TIME = ("latency", "throughput", "cpu", "memory")


def drawn(client, run, chart: str, query: str = "") -> dict:
    return client.get(f"/runs/{run.name}/series/{chart}/{query}").json()


@pytest.mark.parametrize("chart", OVER_TIME)
def test_the_axis_is_the_range_that_was_asked_for(signed_in, make, chart) -> None:
    found = drawn(signed_in, sized_run(make), chart, "?from=2&to=3.5")
    validated(found)
    assert found["time"] == [2.0, 3.5]
    ticks = found["figure"]["layout"]["xaxis"]["tickvals"]
    assert ticks[0] >= 2
    assert ticks[-1] <= 3.5


def test_every_request_of_the_range_is_shown_and_none_else(signed_in, make) -> None:
    found = drawn(signed_in, sized_run(make), "latency", "?from=2&to=3")
    dots = found["figure"]["data"][0]["x"]
    assert (min(dots), max(dots), len(dots)) == (2.0, 3.0, 101)
    assert found["footer"][0] == "all 101 requests shown"


def test_a_closer_look_has_more_samples_than_the_whole(signed_in, make) -> None:
    run = sized_run(make)
    assert drawn(signed_in, run, "memory")["footer"] == ["240 of 401 samples shown, peaks kept"]
    closer = drawn(signed_in, run, "memory", "?from=2&to=3")
    assert closer["footer"] == ["all 51 samples shown"]


def test_percentiles_of_a_second_count_the_whole_second(signed_in, make) -> None:
    """Cut to what is seen, the first would be of half as many requests."""
    slow = [5.0] * 220 + [80.0] * 10 + [5.0] * 370
    run = sized_run(make, (*PROBES, {**VERIFIED, "latency_ms": slow}))
    of_whole = drawn(signed_in, run, "latency")["cursor"]
    closer = drawn(signed_in, run, "latency", "?from=2.5&to=3.5")["cursor"]
    assert closer["at_s"][:2] == [2, 3]
    assert closer["readings"][:2] == of_whole["readings"][2:4]


def test_rates_of_a_few_seconds_are_counted_in_tenths(signed_in, make) -> None:
    run = sized_run(make)
    assert drawn(signed_in, run, "throughput")["footer"] == [
        "all 600 requests, in 6 stretches of 1 s"
    ]
    closer = drawn(signed_in, run, "throughput", "?from=2&to=4")
    assert closer["footer"] == ["all 200 requests, in 20 stretches of 100 ms"]
    answered = next(one for one in closer["figure"]["data"] if one["name"] == "answered")
    assert max(answered["y"]) == pytest.approx(100)


def test_samples_of_other_times_are_not_even_read(signed_in, make) -> None:
    run = sized_run(make)
    verified = run.measurements.last()
    start_ns = verified.data["started_ns"]
    far = SampleChunk.objects.filter(run=run, series="requests", start_ns__gt=start_ns + 4 * 10**9)
    assert far.update(blob=b"cannot be read") > 0
    assert drawn(signed_in, run, "latency", "?from=1&to=2")["footer"][0] == "all 101 requests shown"


def test_the_start_of_a_fresh_service_can_be_looked_at(signed_in, make) -> None:
    found = drawn(signed_in, sized_run(make), "memory", "?from=-1.5&to=-0.5")
    assert found["time"] == [-1.5, -0.5]
    assert "start" in labels(found)
    assert not any("verifying" in label for label in labels(found))


@pytest.mark.parametrize("chart", OVER_TIME)
def test_a_range_without_samples_says_so(signed_in, make, chart) -> None:
    found = drawn(signed_in, sized_run(make), chart, "?from=100&to=101")
    assert found["empty"] == "Nothing was recorded in this range."


@pytest.mark.parametrize(
    "query", ["?from=2", "?from=3&to=2", "?from=a&to=b", "?from=nan&to=2", "?from=0&to=inf"]
)
def test_what_is_no_range_is_refused(signed_in, make, query) -> None:
    run = sized_run(make)
    other = sized_run(make)
    assert signed_in.get(f"/runs/{run.name}/series/cpu/{query}").status_code == 400
    compared = f"/runs/compare/series/cpu/{query}&runs={run.name},{other.name}"
    assert signed_in.get(compared).status_code == 400


@pytest.mark.parametrize("chart", OVER_TIME)
def test_compared_runs_can_be_looked_at_closer_too(signed_in, make, chart) -> None:
    runs = f"{sized_run(make).name},{sized_run(make).name}"
    found = signed_in.get(f"/runs/compare/series/{chart}/?runs={runs}&from=2&to=3").json()
    validated(found)
    assert found["time"] == [2.0, 3.0]
    assert "made from" in found["footer"][0]
