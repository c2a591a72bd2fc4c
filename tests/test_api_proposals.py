"""Sizing decisions through the REST API."""

from __future__ import annotations

import pytest

from runs.models import (
    Proposal,
    RegisteredModel,
)
from tests.api_calls import refused, send
from tests.page_rows import queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed", "unthrottled")]


def test_a_size_is_proposed_discussed_approved_applied_and_reverted(
    signed_in, make, carol, settings
) -> None:
    settings.SIZING_REVIEW = "required"
    run = make.finished_run(models=[make.model("ridge", tags={"requestedCpu": "4"})])
    made = send(signed_in, "proposals/", {"run": run.name, "reviewers": ["carol"], "text": "Hi"})
    assert made.status_code == 201, made.content
    path = f"proposals/{made.json()['number']}/"
    assert made.json()["models"] == ["ridge:1"]
    refused(send(signed_in, f"{path}approve/"), 403, "permission_denied")
    refused(send(signed_in, f"{path}apply/"), 409, "refused")
    assert send(signed_in, f"{path}comment/", {"text": "Well?"}).status_code == 200
    signed_in.force_login(carol)
    [waiting] = signed_in.get("/api/v1/proposals/", {"box": "waiting"}).json()["results"]
    assert waiting["number"] == made.json()["number"]
    send(signed_in, f"{path}request-changes/", {"text": "Why?"})
    send(signed_in, f"{path}approve/")
    assert send(signed_in, f"{path}apply/").json()["state"] == "applied"
    assert RegisteredModel.objects.get().tags["requestedCpu"] == "0.5"
    data = send(signed_in, f"{path}revert/").json()
    assert RegisteredModel.objects.get().tags["requestedCpu"] == "4"
    assert [(event["kind"], event["actor"]) for event in data["events"]] == [
        ("proposed", "alice"), ("commented", "alice"), ("changes_requested", "carol"),
        ("approved", "carol"), ("applied", "carol"), ("reverted", "carol"),
    ]  # fmt: skip
    refused(send(signed_in, f"{path}withdraw/"), 409, "refused")
    refused(send(signed_in, f"{path}dance/"), 404, "not_found")


def test_what_speaks_against_a_proposal_is_told_and_confirmed(signed_in, make, alice) -> None:
    run = make.finished_run("provisional")
    number = send(signed_in, "proposals/", {"run": run.name}).json()["number"]
    assert signed_in.get(f"/api/v1/proposals/{number}/").json()["against"]
    path = f"proposals/{number}/apply/"
    refused(send(signed_in, path), 409, "refused")
    assert send(signed_in, path, {"although": True}).json()["state"] == "applied"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"run": "none"}, "run"),
        ({"models": ["x:1"]}, "models"),
        ({"models": []}, "models"),
        ({"reviewers": ["eve"]}, "reviewers"),
        ({"baseline": "none"}, "baseline"),
    ],
)
def test_a_wrong_proposal_is_refused(signed_in, make, change: dict, field: str) -> None:
    run = make.finished_run()
    body = refused(send(signed_in, "proposals/", {"run": run.name, **change}), 400, "invalid")
    assert list(body["fields"]) == [field]
    assert not Proposal.objects.exists()


def test_a_run_without_a_size_cannot_be_proposed(signed_in, make) -> None:
    refused(send(signed_in, "proposals/", {"run": make.run().name}), 409, "refused")


@pytest.mark.parametrize("query", [{"box": "red"}, {"state": "lost"}])
def test_a_view_that_is_not_there_is_refused(signed_in, query: dict) -> None:
    refused(signed_in.get("/api/v1/proposals/", query), 400, "invalid")


def test_ten_proposals_take_as_many_queries_as_one(signed_in, make) -> None:
    def propose() -> None:
        assert send(signed_in, "proposals/", {"run": make.finished_run().name}).status_code == 201

    propose()
    one = queries_of(lambda: signed_in.get("/api/v1/proposals/"))
    for _ in range(9):
        propose()
    assert queries_of(lambda: signed_in.get("/api/v1/proposals/")) == one
