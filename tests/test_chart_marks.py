"""What charts over time mark: phases, throttled time, kills for memory, void windows."""

from __future__ import annotations

import numpy as np
import pytest

from runs.charts import marks, overlay, series
from runs.charts import usage as usage_charts
from runs.charts.marks import Marks
from runs.charts.scene import Scene
from tests.measured_runs import record_samples, sized_run, usage
from tests.raw_samples import MIB, START, usage_columns
from tests.test_charts import labels, validated

AT_S = np.arange(0, 10, 0.02)


def scene(**found: object) -> Scene:
    return Scene("sizing at 500m, 128 MiB", 500, 128 * MIB, 95.0, 50.0, marks=Marks(**found))


def cpu(**found: object) -> dict:
    return usage_charts.cpu(series.cpu_use(usage(), START), scene(**found)).to_json()


def shapes(payload: dict, colour: str) -> list[dict]:
    return [
        one
        for one in payload["figure"]["layout"]["shapes"]
        if colour in (one.get("fillcolor", ""), one["line"].get("color", ""))
    ]


# ---- what is found ----


def test_a_kill_for_memory_is_found_where_the_kernel_counted_it() -> None:
    kills = np.where(AT_S < 4, 0, np.where(AT_S < 7, 1, 3))
    found = marks.read(usage_columns(AT_S, oom_kills=kills), START, None, None)
    assert found.oom_s == pytest.approx([4.0, 7.0])


def test_throttled_stretches_that_touch_are_one() -> None:
    periods = (AT_S * 10).astype(int)
    held = np.clip(periods, 20, 40)
    columns = usage_columns(AT_S, periods=periods, throttled_periods=held)
    ((begin, end),) = marks.read(columns, START, None, None).throttled
    assert begin == pytest.approx(2, abs=0.15)
    assert end == pytest.approx(4, abs=0.15)


def test_where_nothing_is_counted_nothing_is_marked() -> None:
    found = marks.read(usage_columns(AT_S, cpu_ns=0), START, None, None)
    assert (found.throttled, found.oom_s) == ([], [])


def test_a_fresh_service_is_ready_before_its_warm_up() -> None:
    data = {"startup_s": 1.5, "windows": [{"start_s": 0, "end_s": 2, "valid": False}]}
    found = marks.read({}, START, data, 6.0)
    assert found.phases(-6.0, 10.0) == [("start", -6.0, -4.5), ("warm-up", -4.5, 0.0)]
    assert found.phases(-1.0, 10.0) == [("warm-up", -1.0, 0.0)]
    assert found.phases(0.0, 10.0) == []
    assert found.void == [(0, 2)]


# ---- what is drawn ----


def test_phases_before_the_measured_time_are_named() -> None:
    payload = cpu(ready_s=-1.0)
    validated(payload)
    assert {"start", "warm-up", "sizing at 500m, 128 MiB"} <= set(labels(payload))


def test_kills_are_marked_and_counted() -> None:
    payload = cpu(oom_s=[1.0, 2.0])
    assert len(shapes(payload, "token:fail")) == 2
    assert "2 OOM kills" in labels(payload)


def test_throttled_time_is_one_strip() -> None:
    (strip,) = shapes(cpu(throttled=[(0.0, 1.0), (3.0, 9.0)]), "token:throttled")
    assert strip["path"].count("M") == 2
    # It ends with the axis.
    assert "9.0000" not in strip["path"]


def test_void_windows_are_shaded() -> None:
    (void,) = shapes(cpu(void=[(2.0, 4.0)]), "token:warn-tint/0.6")
    assert (void["x0"], void["x1"]) == (2.0, 4.0)


@pytest.mark.django_db
@pytest.mark.parametrize("chart", ["latency", "throughput", "cpu", "memory"])
def test_every_chart_over_time_shows_when_cpu_was_throttled(signed_in, make, chart) -> None:
    run = sized_run(make)
    payload = signed_in.get(f"/runs/{run.name}/series/{chart}/").json()
    assert shapes(payload, "token:throttled")
    assert any("verifying at 400m" in label for label in labels(payload))


@pytest.mark.django_db
def test_a_run_that_memory_ended_shows_the_way_there(signed_in, make) -> None:
    """Its only measurement was broken off; what was sampled of it is there all the same."""
    run = make.run()
    token = run.begin(run.attempt)
    size = {"phase": "measuring", "cpu_millicores": 1000, "memory_bytes": 128 * MIB}
    run.heartbeat(token, current={"ordinal": 1, **size})
    record_samples(run, 1, "usage", "at_ns", usage())
    run.fail(token, "OutOfMemory", "The service was killed for memory.")
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert "measuring at 1 core, 128 MiB, broken off" in page
    latency = signed_in.get(f"/runs/{run.name}/series/latency/").json()
    assert latency["empty"] == "Nothing was recorded for this."
    payload = signed_in.get(f"/runs/{run.name}/series/memory/").json()
    assert "OOM kill" in labels(payload)
    (kill,) = shapes(payload, "token:fail")
    assert kill["x0"] == pytest.approx(payload["time"][1], abs=0.1)


# ---- compared ----


def compared(*limits: float, **found: object) -> dict:
    traces = [
        overlay.TimeTrace(
            place, f"run-{place}", AT_S, np.full(len(AT_S), 100.0), "sizing at 500m", limit, 500,
            Marks(**found),
        )
        for place, limit in enumerate(limits, start=1)
    ]  # fmt: skip
    quantity = overlay.Quantity(lambda value: f"{value:g}m", "limit", "samples", "cpu_millicores")
    return overlay.over_time(traces, quantity, None).to_json()


def test_one_limit_of_all_runs_is_one_line_with_its_name() -> None:
    payload = compared(500, 500)
    validated(payload)
    assert len(shapes(payload, "token:ink-1")) == 1
    assert "limit 500m" in labels(payload)


def test_limits_that_differ_have_their_runs_colours_and_are_in_sight() -> None:
    payload = compared(500, 900)
    assert [len(shapes(payload, f"token:run-{place}")) for place in (1, 2)] == [1, 1]
    assert payload["figure"]["layout"]["yaxis"]["range"][1] > 900


def test_each_compared_run_has_its_own_strip_and_kills() -> None:
    payload = compared(500, 500, throttled=[(1.0, 2.0)], oom_s=[5.0])
    strips = [shapes(payload, f"token:run-{place}")[0]["path"] for place in (1, 2)]
    assert strips[0] != strips[1]
    assert {"OOM kill, run-1", "OOM kill, run-2"} <= set(labels(payload))
