"""A model's sizes over time: from its tags and its runs, as a table and as charts."""

from __future__ import annotations

import pytest

from runs.applying import apply_size
from runs.size_history import size_history
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

GIB = 1 << 30
PAGE = "/models/ridge/1/"


def told(name: str = "ridge") -> list[tuple]:
    return [
        (step.what, step.version, step.cpu_millicores, step.memory_bytes, step.standing)
        for step in size_history(name)
    ]


def test_each_size_comes_with_who_and_from_which_run(make, alice, bob) -> None:
    model = make.model(tags={"requestedCpu": "2", "requestedMemoryInGb": "1"})
    run = make.finished_run(models=[model])
    apply_size(run, [model], bob)
    assert told() == [
        ("in the tags", 1, 2000, GIB, ""),
        ("advised", 1, 500, GIB // 2, "verified"),
        ("in the tags", 1, 500, GIB // 2, "verified"),
    ]
    by_hand, advised, applied = size_history("ridge")
    assert (by_hand.who, by_hand.run, by_hand.source) == (alice, None, "by hand")
    assert (advised.who, advised.run) == (alice, run)
    assert (applied.who, applied.run) == (bob, run)


def test_a_size_that_is_taken_out_or_makes_no_sense_is_no_size(make, alice) -> None:
    model = make.model(tags={"requestedCpu": "2", "owner": "risk"})
    model.set_tags({"owner": "platform"}, alice)
    model.set_tags({"requestedCpu": "two"}, bob := None)
    assert [step[:4] for step in told()] == [
        ("in the tags", 1, 2000, None),
        ("out of the tags", 1, None, None),
    ]
    assert size_history("ridge")[-1].who is bob


def test_all_versions_of_the_name_are_in_it_and_no_other_model(make) -> None:
    for name in ("ridge", "lasso", "ridge"):
        make.model(name, tags={"requestedCpu": "1"})
    assert [step.version for step in size_history("ridge")] == [1, 2]


def test_the_page_shows_the_history_and_draws_it(signed_in, make, alice) -> None:
    model = make.model(tags={"requestedCpu": "2", "requestedMemoryInGb": "1"})
    run = make.finished_run(models=[model])
    apply_size(run, [model], alice)
    page = signed_in.get(PAGE).content.decode()
    assert "Each size, with who and from which run" in page
    chart = signed_in.get(f"{PAGE}sizes/cpu/").json()
    applied, verified, provisional = chart["figure"]["data"]
    # To now; a step keeps its value until the next.
    assert applied["y"] == [2000, 500, 500]
    assert applied["line"]["shape"] == "hv"
    assert (verified["y"], provisional["y"]) == ([500], [])
    assert signed_in.get(f"{PAGE}sizes/memory/").json()["figure"]["data"][0]["y"] == [
        1024,
        512,
        512,
    ]
    assert signed_in.get(f"{PAGE}sizes/disk/").status_code == 404


def test_a_model_without_any_size_has_no_such_card(signed_in, make) -> None:
    make.model()
    assert "History of sizes" not in signed_in.get(PAGE).content.decode()
    assert signed_in.get(f"{PAGE}sizes/cpu/").json()["empty"]


@pytest.mark.parametrize("count", [10, 20])
def test_the_page_asks_the_database_the_same_for_any_number_of_sizes(
    signed_in, make, alice, count
) -> None:
    model = make.model()
    for number in range(count):
        model.set_tags({"requestedCpu": str(number + 1)}, alice)
        make.finished_run(models=[model])
    assert queries_of(lambda: signed_in.get(PAGE)) <= 26
