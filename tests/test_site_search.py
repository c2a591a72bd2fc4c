"""Searching everything: the page, the suggestions of `/`, and that lists find the same."""

from __future__ import annotations

import pytest

from runs import applying
from runs.models import ProfileRun, Proposal
from runs.searching import SHOWN, SUGGESTED, search
from tests.measured_runs import failed_run

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def everything(make, alice) -> ProfileRun:
    model = make.model("forest", tags={"team": "risk"})
    run = make.finished_run(
        name="night", models=[model], config=make.config("serve"), dataset=make.dataset("queries")
    )
    Proposal.objects.propose(run, [model], applying.advised_size(run), alice)
    failed_run(make, "OutOfMemory", "Killed", name="broken", models=[make.model("lasso")])
    make.target(name="rack-7")
    return run


def kinds(text: str) -> dict[str, list[str]]:
    return {found.kind: [str(row) for row in found.rows] for found in search(text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("forest", {"run": ["night"], "model": ["forest:1"], "proposal": ["#1"]}),
        ("risk", {"model": ["forest:1"]}),
        ("serve", {"run": ["night"], "config": ["serve:1"]}),
        ("QUERIES", {"run": ["night"], "dataset": ["queries:1"]}),
        ("verified", {"run": ["night"]}),
        ("outofmemory", {"run": ["broken"]}),
        ("failed", {"run": ["broken"]}),
        ("lasso failed", {"run": ["broken"]}),
        ("forest failed", {}),
        ("#1", {"proposal": ["#1"]}),
        ("open", {"proposal": ["#1"]}),
        ("rack-7", {"target": ["rack-7"]}),
        ("", {}),
        ("  ", {}),
        ("100%", {}),
        ("nothing of the kind", {}),
    ],
)
def test_things_are_found_by_name_tag_and_state(everything, text, found) -> None:
    number = str(Proposal.objects.get())
    expected = {
        kind: [number if row == "#1" else row for row in rows] for kind, rows in found.items()
    }
    assert kinds(number if text == "#1" else text) == expected


def test_the_page_shows_each_kind_and_has_an_address(signed_in, everything) -> None:
    page = text_of(signed_in.get("/search/?q=forest"))
    assert 'href="/runs/night/"' in page
    assert 'href="/models/forest/1/"' in page
    assert 'value="forest"' in page


def test_more_than_fits_leads_to_the_list_that_finds_the_same(signed_in, make) -> None:
    parts = {"config": make.config(), "dataset": make.dataset(), "target": make.target()}
    for _ in range(SHOWN + 2):
        make.run(models=[], **parts)
    (runs,) = [one for one in search("score") if one.kind == "run"]
    assert (len(runs.rows), runs.count, runs.url) == (SHOWN, SHOWN + 2, "/runs/?q=score")
    page = signed_in.get(runs.url)
    assert page.context["table"].page.paginator.count == runs.count
    suggested = text_of(signed_in.get("/search/?q=score&suggest"))
    assert suggested.count('href="/runs/score') == SUGGESTED
    assert "<html" not in suggested


def test_nothing_found_says_so_with_a_way_on(signed_in) -> None:
    page = text_of(signed_in.get("/search/?q=%3Cscript%3E"))
    assert "Nothing matches" in page
    assert "<script>" not in page
    assert "What are you looking for?" in text_of(signed_in.get("/search/"))
