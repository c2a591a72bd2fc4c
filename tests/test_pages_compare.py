"""The compare page: what is unlike first, each metric with its difference and verdict."""

from __future__ import annotations

import re

import pytest

from tests.compared_runs import record_result
from tests.measured_runs import sized_run
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
    assert f'value="{base.name}" form="compare"' in signed_in.get("/runs/").content.decode()
    assert signed_in.get(f"/runs/compare/?runs={base.name}&runs={other.name}").status_code == 200
    html = signed_in.get(f"/runs/{base.name}/").content.decode()
    assert f"<option>{other.name}</option>" in html
    assert f"<option>{base.name}</option>" not in html


def test_four_runs_take_as_many_queries_as_two(signed_in, make) -> None:
    runs = [record_result(make, seed) for seed in range(4)]
    two = queries_of(lambda: page_of(signed_in, runs[0].name, runs[1].name))
    assert queries_of(lambda: page_of(signed_in, *(run.name for run in runs))) == two
