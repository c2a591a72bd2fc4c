"""Review in the browser: propose, discuss, decide, apply, revert; and who is refused what."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from runs import applying
from runs.models import Proposal
from tests.measured_runs import sized_run
from tests.page_rows import queries_of, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol(django_user_model):
    user = django_user_model.objects.create_user("carol", password="horse staple correct")
    user.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    return user


@pytest.fixture
def run(make):
    model = make.model("ridge", tags={"requestedCpu": "1", "requestedMemoryInGb": "1"})
    return sized_run(make, models=[model])


@pytest.fixture
def proposal(run, alice):
    size = applying.advised_size(run)
    return Proposal.objects.propose(run, run.models.all(), size, alice)


def text_of(response) -> str:
    return response.content.decode()


def test_a_size_is_proposed_from_its_run(signed_in, run, carol, make) -> None:
    baseline = sized_run(make, models=list(run.models.all()))
    assert f"/runs/{run.name}/propose/" in text_of(signed_in.get(f"/runs/{run.name}/"))
    answer = signed_in.post(
        f"/runs/{run.name}/propose/",
        {"models": ["ridge:1"], "reviewers": [carol.username], "baseline": baseline.name,
         "text": "Fits, **@carol**"},
        follow=True,
    )  # fmt: skip
    proposal = Proposal.objects.get()
    assert answer.redirect_chain[-1][0] == f"/review/{proposal.pk}/"
    page = text_of(answer)
    assert "Size ridge:1 at 400m, 128 MiB" in page
    assert '<strong><strong class="mention">@carol</strong></strong>' in page
    assert f"Against {baseline.name}" in page
    assert "cpu: 1000m" in page and "cpu: 400m" in page and "memory: 128Mi" in page


def test_a_measured_size_is_proposed_with_what_it_gains_and_loses(signed_in, run) -> None:
    # 200m, which did not keep the objective.
    applying_it = text_of(signed_in.get(f"/runs/{run.name}/apply/?measurement=3"))
    address = f"/runs/{run.name}/propose/?measurement=3"
    assert f'href="{address}"' in applying_it
    page = text_of(signed_in.post(address, {"models": ["ridge:1"]}, follow=True))
    assert "What it gains and loses" in page and "does not keep the objective" in page
    assert "80.0 % less" in page or "80 % less" in page
    assert "Fresh container at exactly this size" not in page
    proposal = Proposal.objects.get()
    proposal.withdraw(proposal.created_by)
    page = text_of(signed_in.get(proposal.get_absolute_url()))
    assert "Against the advised" in page and "Against the current tags" not in page


def test_the_manifest_says_which_gpus_come_and_go(make) -> None:
    from runs.review_page import manifest

    model = make.model("net", tags={"requestedCpu": "1", "requestedGpu": "1"})
    size = {"cpu_millicores": 1000, "memory_bytes": 1 << 30}
    lines = [f"{line.sign}{line.text.strip()}" for line in manifest(model, size, gpus=2)]
    assert lines[2:6] == [" cpu: 1000m", "-nvidia.com/gpu: 1", "+nvidia.com/gpu: 2",
                          "+memory: 1024Mi"]  # fmt: skip
    assert "-nvidia.com/gpu: 1" in [
        f"{line.sign}{line.text.strip()}" for line in manifest(model, size)
    ]


def test_what_is_newer_is_said_before_a_size_is_proposed(signed_in, run, make) -> None:
    address = f"/runs/{run.name}/propose/"
    assert "Reviewers will be told" not in text_of(signed_in.get(address))
    newer = sized_run(make, models=list(run.models.all()))
    assert f"{newer.name} is newer and advises" in text_of(signed_in.get(address))


def test_no_model_chosen_is_said_at_the_field(signed_in, run) -> None:
    page = signed_in.post(f"/runs/{run.name}/propose/", {"models": []})
    assert "Choose at least one model" in text_of(page)
    assert not Proposal.objects.exists()


def test_a_run_without_a_size_proposes_nothing(signed_in, make) -> None:
    run = make.run()
    answer = signed_in.post(f"/runs/{run.name}/propose/", {"models": ["ridge:1"]})
    assert answer.status_code == 409
    assert "gave no advice" in text_of(answer)


def test_from_open_to_applied_and_back(client, proposal, alice, carol, settings) -> None:
    settings.SIZING_REVIEW = "required"
    alice.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    address = proposal.get_absolute_url()
    client.force_login(alice)
    page = text_of(client.get(address))
    assert "You proposed it" in page and 'formaction="/review/' in page
    assert client.post(f"{address}approve/").status_code == 409
    client.force_login(carol)
    assert "nav-count" in text_of(client.get("/runs/"))
    assert "approved" in text_of(client.post(f"{address}approve/", {"text": "Good."}, follow=True))
    client.force_login(alice)
    page = text_of(client.post(f"{address}apply/", follow=True))
    assert "now in the tags of ridge:1" in page
    assert proposal.models.get().tags["requestedCpu"] == "0.4"
    page = text_of(client.post(f"{address}revert/", follow=True))
    assert "as they were before" in page
    assert proposal.models.get().tags == {"requestedCpu": "1", "requestedMemoryInGb": "1"}


def test_what_is_outdated_is_applied_only_when_somebody_says_so(signed_in, proposal, make) -> None:
    make.model("ridge")
    address = proposal.get_absolute_url()
    refused = signed_in.post(f"{address}apply/", {"text": "now"})
    assert refused.status_code == 409
    assert "ridge:2 is registered" in text_of(refused)
    signed_in.post(f"{address}apply/", {"although": "on"})
    proposal.refresh_from_db()
    assert proposal.state == "applied"
    assert "Although: ridge:2 is registered" in proposal.events.last().text


def test_what_was_written_is_kept_when_the_action_is_refused(signed_in, proposal) -> None:
    answer = signed_in.post(
        f"{proposal.get_absolute_url()}request-changes/", {"text": "Why so small?"}
    )
    assert answer.status_code == 403
    assert "Why so small?</textarea>" in text_of(answer)
    assert "takes the role reviewer" in text_of(answer)


def test_approved_ones_are_applied_together(client, make, alice, carol) -> None:
    proposals = []
    for name in ("ridge", "lasso", "trees"):
        run = sized_run(make, models=[make.model(name)])
        size = applying.advised_size(run)
        proposals.append(Proposal.objects.propose(run, run.models.all(), size, alice))
    for proposal in proposals[:2]:
        proposal.approve(carol)
    make.model("lasso")
    client.force_login(carol)
    checked = {"action": "apply", "row": [one.pk for one in proposals[:2]]}
    asked = text_of(client.post("/lists/review/bulk/", checked))
    assert "ridge:1" in asked
    assert "Also those that something speaks against" in asked
    page = client.post("/lists/review/bulk/", {**checked, "sure": ""}, follow=True)
    assert f'Applied as tags:</b> <a href="/review/{proposals[0].pk}/">' in text_of(page)
    assert "lasso:2 is registered" in text_of(page)
    states = [Proposal.objects.get(pk=one.pk).state for one in proposals]
    assert states == ["applied", "approved", "open"]


@pytest.mark.parametrize("count", [10, 20])
def test_the_inbox_asks_the_database_the_same_however_long_it_is(
    signed_in, make, alice, count
) -> None:
    run = make.finished_run()
    size = applying.advised_size(run)
    for _ in range(count):
        Proposal.objects.propose(run, run.models.all(), size, alice)
    assert queries_of(lambda: signed_in.get("/review/?box=all")) <= 20


def test_applying_together_records_what_spoke_against_each(
    signed_in, proposal, make, carol
) -> None:
    make.model("ridge")
    proposal.approve(carol)
    checked = {"action": "apply", "row": [proposal.pk], "although": "on", "sure": ""}
    signed_in.post("/lists/review/bulk/", checked)
    proposal.refresh_from_db()
    assert proposal.state == "applied"
    assert "Although: ridge:2 is registered" in proposal.events.last().text


def test_a_tag_that_applying_takes_away_is_shown_as_gone_and_nothing_in_its_place(
    signed_in, proposal, alice
) -> None:
    proposal.models.get().set_tags({"profile.measurement": "3"}, alice)
    page = text_of(signed_in.get(proposal.get_absolute_url()))
    assert page.count("profile.measurement") == 1
    assert ">None<" not in page


def test_where_a_review_is_required_no_size_is_written_by_hand(
    signed_in, make, settings, alice
) -> None:
    model = make.model("ridge", tags={"requestedCpu": "1"})
    settings.SIZING_REVIEW = "required"
    page, size = model.get_absolute_url(), {"tag-key": "requestedCpu", "tag-value": "9"}
    assert "is part of a size" in text_of(signed_in.post(f"{page}tags/", size))
    standing = {"tag-key": "profile.standing", "tag-value": "verified"}
    assert "is part of a size" in text_of(signed_in.post(f"{page}tags/", standing))
    gone = signed_in.post(f"{page}tags/remove/", {"key": "requestedCpu"}, follow=True)
    assert "is part of a size" in text_of(gone)
    several = {"action": "tag", "row": ["ridge:1"], "key": "requestedCpu", "value": "9", "sure": ""}
    assert "is part of a size" in text_of(
        signed_in.post("/lists/models/bulk/", several, follow=True)
    )
    for tags in ({"requestedCpu": "9"}, {"requestedCpu": None}):
        answer = signed_in.patch(
            "/api/v1/models/ridge:1/", {"tags": tags}, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    new = {"name": "ridge", "tags": "requestedCpu=9", "files": upload("m.pkl")}
    assert "is part of a size" in text_of(signed_in.post("/models/register/", new))
    model.refresh_from_db()
    assert (model.tags, type(model).objects.count()) == ({"requestedCpu": "1"}, 1)
    signed_in.post(f"{page}tags/", {"tag-key": "team", "tag-value": "risk"})
    model.refresh_from_db()
    assert model.tags["team"] == "risk"


VIEWERS_MAY_NOT = (
    "/runs/new/", "/models/register/", "/datasets/register/", "/configs/register/",
    "/runs/{run}/apply/", "/runs/{run}/propose/",
)  # fmt: skip


def test_a_viewer_sees_everything_and_changes_nothing(client, bob, run, proposal) -> None:
    bob.groups.add(Group.objects.get_or_create(name="viewer")[0])
    client.force_login(bob)
    for page in ("/runs/", f"/runs/{run.name}/", "/models/ridge/1/", "/review/?box=all"):
        assert client.get(page).status_code == 200
    run_page = text_of(client.get(f"/runs/{run.name}/"))
    assert "/runs/new/" not in run_page
    assert f"/runs/{run.name}/apply/" not in run_page
    assert "nav-count" not in run_page
    for page in VIEWERS_MAY_NOT:
        answer = client.get(page.format(run=run.name))
        assert answer.status_code == 403
        assert "takes the role contributor, and yours is viewer" in text_of(answer)
    for page in ("tags/", "tags/remove/", "properties/"):
        answer = client.post(f"/models/ridge/1/{page}", {"key": "requestedCpu", "value": "9"})
        assert answer.status_code == 403
    assert client.post(f"/runs/{run.name}/cancel/").status_code == 403
    for action in ("comment", "approve", "withdraw", "apply", "revert", "ask-again"):
        answer = client.post(f"{proposal.get_absolute_url()}{action}/", {"text": "x"})
        assert answer.status_code == 403
    checked = {"action": "apply", "row": [proposal.pk], "sure": ""}
    assert client.post("/lists/review/bulk/", checked).status_code == 403
    assert run.models.get().tags == {"requestedCpu": "1", "requestedMemoryInGb": "1"}
    assert list(proposal.events.values_list("kind", flat=True)) == ["proposed"]
