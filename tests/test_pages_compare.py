"""The compare page: what is unlike first, each metric with its difference and verdict."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.compared_runs import record_result
from tests.measured_runs import PROBES, SECONDS, VERIFIED, sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db


def page_of(client, *names: str, **query: str) -> str:
    answer = client.get("/runs/compare/", {"runs": ",".join(names), **query})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_slower_run_is_worse_with_its_difference_and_interval(signed_in, make) -> None:
    base, slower = record_result(make, 1), record_result(make, 2, slower=1.5)
    html = page_of(signed_in, base.name, slower.name)
    assert "These runs are alike" in html
    assert "p95 latency is worse: +" in html
    assert "delta-worse" in html
    assert "delta-better" not in html
    assert "No noise floor of this target is known" in html


def test_the_other_way_round_it_is_better(signed_in, make) -> None:
    base, slower = record_result(make, 1), record_result(make, 2, slower=1.5)
    html = page_of(signed_in, base.name, slower.name, base=slower.name)
    assert "p95 latency is better" in html
    assert "delta-better" in html


def test_what_makes_runs_unlike_comes_first_and_spoils_the_verdict(signed_in, make) -> None:
    base, other = record_result(make, 1), record_result(make, 2, slower=1.5, cpu_model="EPYC")
    html = page_of(signed_in, base.name, other.name)
    assert html.index("CPU model") < html.index("p95 latency")
    assert "Not judged: the CPU model differs." in html
    assert "delta-worse" not in html


def test_equal_runs_show_no_difference_in_grey(signed_in, make) -> None:
    base, same = record_result(make, 1), record_result(make, 1)
    html = page_of(signed_in, base.name, same.name)
    assert "no difference shown" in html
    assert "delta-" not in html


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ("", "Name from 2 to 8 runs, not 0"),
        ("one", "not 1"),
        ("one,two", "There is no run one, two"),
        ("one,one", "not 1"),
    ],
)
def test_what_cannot_be_compared_is_said(signed_in, runs: str, why: str) -> None:
    answer = signed_in.get("/runs/compare/", {"runs": runs})
    assert answer.status_code == 400
    assert why in answer.content.decode()


def test_a_run_without_a_measurement_says_so(signed_in, make) -> None:
    base, empty = record_result(make, 1), make.run()
    html = page_of(signed_in, base.name, empty.name)
    assert f"{empty.name} has no measurement at the largest size" in html


def test_checked_boxes_and_a_runs_own_page_lead_here(signed_in, make) -> None:
    model = make.model("ridge")
    base, other = (sized_run(make, models=[model]) for _ in range(2))
    assert f'value="{base.name}" form="bulk"' in signed_in.get("/runs/").content.decode()
    assert signed_in.get(f"/runs/compare/?runs={base.name}&runs={other.name}").status_code == 200
    html = signed_in.get(f"/runs/{base.name}/").content.decode()
    assert f"<option>{other.name}</option>" in html
    assert f"<option>{base.name}</option>" not in html


def test_four_runs_take_as_many_queries_as_two(signed_in, make) -> None:
    runs = [record_result(make, seed) for seed in range(4)]
    two = queries_of(lambda: page_of(signed_in, runs[0].name, runs[1].name))
    assert queries_of(lambda: page_of(signed_in, *(run.name for run in runs))) == two


# --- Charts, settings, export ---------------------------------------------------------------------
def compared_pair(make) -> tuple[str, str]:
    """Two runs with samples; the second is slower at every size, and of a newer dataset."""
    slow = [7.0, 8.0] * (SECONDS * 50)
    probes = [{"latency_ms": slow, **how} for how in (*PROBES, VERIFIED)]
    return sized_run(make).name, sized_run(make, probes=probes).name


@pytest.mark.parametrize("chart", ["sizing", "latency", "cpu", "memory", "scatter"])
def test_each_chart_draws_every_run_in_its_own_colour(signed_in, make, chart) -> None:
    names = ",".join(compared_pair(make))
    answer = signed_in.get(f"/runs/compare/series/{chart}/", {"runs": names}).json()
    colours = [trace["line"]["color"] for trace in answer["figure"]["data"]]
    assert colours == ["token:run-1", "token:run-2"]
    assert all(len(trace["x"]) == len(trace["y"]) > 0 for trace in answer["figure"]["data"])


def test_the_overlaid_latency_is_each_runs_own(signed_in, make) -> None:
    names = ",".join(compared_pair(make))
    answer = signed_in.get("/runs/compare/series/latency/", {"runs": names}).json()
    base, slower = (trace["y"] for trace in answer["figure"]["data"])
    assert set(base) == {5.0}
    assert set(slower) == {8.0}
    assert answer["cursor"]["readings"][0] == "5.00 ms, 8.00 ms"


def test_any_two_metrics_are_drawn_against_each_other(signed_in, make) -> None:
    names = ",".join(compared_pair(make))
    query = {"runs": names, "x": "throttled", "y": "p50"}
    trace, _ = signed_in.get("/runs/compare/series/scatter/", query).json()["figure"]["data"]
    assert set(trace["x"]) == {0.2}
    assert 5.0 in trace["y"]


def test_a_chart_of_runs_without_samples_says_so_and_an_unknown_one_is_not_found(
    signed_in, make
) -> None:
    names = f"{make.run().name},{make.run().name}"
    answer = signed_in.get("/runs/compare/series/cpu/", {"runs": names})
    assert "None of these runs has it" in answer.json()["empty"]
    assert signed_in.get("/runs/compare/series/nonsense/", {"runs": names}).status_code == 404


def test_differences_only_leaves_out_what_is_the_same(signed_in, make) -> None:
    names = compared_pair(make)
    whole = page_of(signed_in, *names)
    assert '<th scope="row">Target</th>' in whole and "Error share" in whole
    short = page_of(signed_in, *names, differences="")
    assert "p95 latency" in short and "Dataset" in short
    assert "Error share" not in short


def test_what_a_comparison_shows_stays_when_something_else_is_chosen(signed_in, make) -> None:
    one, two = compared_pair(make)
    page = page_of(signed_in, one, two, base=two, x="memory", y="p50")
    seen = f"?runs={one}%2C{two}&amp;base={two}&amp;x=memory&amp;y=p50"
    assert f'href="{seen}&amp;differences=on"' in page
    assert f'href="{seen}&amp;format=csv"' in page
    assert f'href="{seen.replace(f"base={two}", f"base={one}")}"' in page


def test_the_tables_can_be_had_as_csv(signed_in, make) -> None:
    names = compared_pair(make)
    answer = signed_in.get("/runs/compare/", {"runs": ",".join(names), "format": "csv"})
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == ["part", "metric", *names, "differences"]
    p95 = next(row for row in rows if row[:2] == ["At the verified size", "p95 latency"])
    assert p95[2:4] == ["5.00 ms", "8.00 ms"]
    assert "worse" in p95[4]
