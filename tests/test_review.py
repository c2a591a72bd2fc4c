"""Proposals: who may do what to them, what applying and reverting write, what outdates them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from runs import applying, reviewing
from runs.applying import ApplyRefused
from runs.comments import mentioned_names, rendered
from runs.models import Proposal, ProposalEvent
from runs.models.proposal import TransitionRefused
from runs.roles import Role, role_of

pytestmark = pytest.mark.django_db
States = Proposal.State


@pytest.fixture
def run(make):
    model = make.model("ridge", tags={"requestedCpu": "1", "owner": "risk"})
    return make.finished_run(models=[model])


@pytest.fixture
def proposal(run, alice):
    size = applying.advised_size(run)
    return Proposal.objects.propose(run, run.models.all(), size, alice, text="Please, @carol")


def kinds(proposal: Proposal) -> list[str]:
    return list(proposal.events.values_list("kind", flat=True))


def tags(proposal: Proposal) -> dict:
    return proposal.models.get().tags


# --- Roles ----------------------------------------------------------------------------------------
def test_a_role_is_the_greatest_group_and_a_superuser_is_an_admin(alice, carol, root) -> None:
    assert role_of(alice) == Role.CONTRIBUTOR
    assert role_of(carol) == Role.REVIEWER
    carol.groups.add(Group.objects.get_or_create(name="viewer")[0])
    assert role_of(type(carol).objects.get(pk=carol.pk)) == Role.REVIEWER
    assert role_of(root) == Role.ADMIN


def test_who_is_in_no_group_has_the_role_of_the_setting(alice, settings) -> None:
    settings.DEFAULT_ROLE = "viewer"
    assert role_of(alice) == Role.VIEWER


# --- Deciding -------------------------------------------------------------------------------------
def test_nobody_approves_their_own_where_review_is_required(proposal, alice, settings) -> None:
    settings.SIZING_REVIEW = "required"
    with pytest.raises(TransitionRefused, match="Somebody else must approve"):
        proposal.approve(alice)
    assert proposal.state == States.OPEN
    settings.SIZING_REVIEW = "optional"
    proposal.approve(alice)
    assert proposal.state == States.APPROVED


def test_of_two_decisions_the_second_is_told_of_the_first(proposal, carol) -> None:
    same = Proposal.objects.get(pk=proposal.pk)
    proposal.withdraw(proposal.created_by)
    with pytest.raises(TransitionRefused, match="is withdrawn"):
        same.approve(carol)
    assert kinds(proposal) == ["proposed", "withdrawn"]


def test_changes_are_requested_with_words_and_asked_again(proposal, carol, alice) -> None:
    with pytest.raises(TransitionRefused, match="Say what"):
        proposal.request_changes(carol, "  ")
    proposal.request_changes(carol, "More memory, please.")
    proposal.ask_again(alice, "Measured again.")
    assert proposal.state == States.OPEN
    assert kinds(proposal) == ["proposed", "changes_requested", "asked_again"]


def test_events_are_never_changed(proposal) -> None:
    event = proposal.events.get()
    event.text = "something else"
    with pytest.raises(TypeError, match="never changed"):
        event.save()
    assert ProposalEvent.objects.get().text == "Please, @carol"


# --- Applying and reverting -----------------------------------------------------------------------
def test_nothing_is_applied_before_it_is_approved_where_review_is_required(
    proposal, carol, settings
) -> None:
    settings.SIZING_REVIEW = "required"
    with pytest.raises(ApplyRefused, match="approved first"):
        reviewing.apply(proposal, carol)
    assert tags(proposal) == {"requestedCpu": "1", "owner": "risk"}
    proposal.approve(carol)
    reviewing.apply(proposal, carol)
    assert tags(proposal)["requestedCpu"] == "0.5"
    assert proposal.state == States.APPLIED


def test_the_history_of_the_tags_names_the_proposal(proposal, carol) -> None:
    reviewing.apply(proposal, carol)
    event = proposal.models.get().tag_events.get(key="requestedCpu", old="1")
    assert event.source == f"proposal {proposal}, advice of {proposal.run.name}"
    assert (event.actor, event.run) == (carol, proposal.run)


def test_a_revert_restores_exactly_what_was_there(proposal, carol) -> None:
    before = tags(proposal)
    reviewing.apply(proposal, carol)
    assert reviewing.revert(proposal, carol) == []
    assert tags(proposal) == before
    assert proposal.state == States.REVERTED
    with pytest.raises(TransitionRefused, match="is reverted"):
        reviewing.revert(proposal, carol)


def test_a_revert_leaves_what_somebody_changed_since(proposal, carol, bob) -> None:
    reviewing.apply(proposal, carol)
    proposal.models.get().set_tags({"requestedCpu": "2"}, bob)
    assert reviewing.revert(proposal, carol) == ["ridge:1 requestedCpu"]
    assert tags(proposal) == {"requestedCpu": "2", "owner": "risk"}
    assert "left as it is: ridge:1 requestedCpu" in proposal.events.last().text


def test_a_revert_leaves_a_size_that_was_applied_since_whole(
    proposal, make, carol, bob, alice
) -> None:
    model = proposal.models.get()
    reviewing.apply(proposal, carol)
    # The same cpu, which so has no event of its own.
    newer = make.finished_run(models=[model])
    size = {**applying.advised_size(newer), "memory_bytes": 3 << 30}
    second = Proposal.objects.propose(newer, [model], size, alice)
    reviewing.apply(second, bob, confirmed=True)
    before = tags(proposal)
    with pytest.raises(TransitionRefused, match="there is nothing to revert"):
        reviewing.revert(proposal, carol)
    proposal.refresh_from_db()
    assert (tags(proposal), proposal.state) == (before, States.APPLIED)
    # Once the newer one is gone, the older one can go.
    reviewing.revert(second, carol)
    assert reviewing.revert(proposal, carol) == []
    assert tags(proposal) == {"requestedCpu": "1", "owner": "risk"}


def test_of_several_models_those_without_a_newer_size_are_reverted(make, alice, carol) -> None:
    ridge, lasso = make.model("ridge"), make.model("lasso")
    run = make.finished_run(models=[ridge, lasso])
    proposal = Proposal.objects.propose(run, [ridge, lasso], applying.advised_size(run), alice)
    reviewing.apply(proposal, carol)
    newer = make.finished_run(models=[ridge])
    applying.apply_size(newer, [ridge], alice)
    assert reviewing.revert(proposal, carol) == ["ridge:1"]
    assert proposal.models.get(name="ridge").tags["profile.run"] == newer.name
    assert proposal.models.get(name="lasso").tags == {}
    assert "left as it is: ridge:1." in proposal.events.last().text


def test_a_refused_property_leaves_tags_and_state_as_they_were(run, alice) -> None:
    model = run.models.get()
    model.add_properties({"requestedCpu": "4"})
    size = applying.advised_size(run)
    proposal = Proposal.objects.propose(run, [model], size, alice, as_properties=True)
    with pytest.raises(Exception, match="immutable"):
        reviewing.apply(proposal, alice)
    proposal.refresh_from_db()
    assert proposal.state == States.OPEN
    assert tags(proposal) == {"requestedCpu": "1", "owner": "risk"}


# --- What is newer --------------------------------------------------------------------------------
def test_a_newer_version_newer_evidence_and_changed_tags_make_it_outdated(
    proposal, make, bob
) -> None:
    assert reviewing.outdated(proposal) == []
    newer = make.finished_run(models=[proposal.models.get()])
    make.model("ridge")
    proposal.models.get().set_tags({"requestedCpu": "3"}, bob)
    version, evidence, changed = [one.text for one in reviewing.outdated(proposal)]
    assert version == "ridge:2 is registered, and this is about version 1."
    assert evidence == f"{newer.name} is newer and advises 500m and 512 MiB."
    assert changed == "The size in ridge:1's tags was changed since."


# --- The inbox ------------------------------------------------------------------------------------
def test_a_proposal_waits_for_those_who_were_asked_or_for_anybody_else(
    run, alice, carol, root
) -> None:
    size = applying.advised_size(run)
    anyone = Proposal.objects.propose(run, run.models.all(), size, alice)
    for_carol = Proposal.objects.propose(run, run.models.all(), size, alice, reviewers=[carol])
    assert set(Proposal.objects.waiting_for(carol)) == {anyone, for_carol}
    assert set(Proposal.objects.waiting_for(root)) == {anyone}
    assert set(Proposal.objects.waiting_for(alice)) == set()
    carol.groups.set([Group.objects.get_or_create(name="contributor")[0]])
    for_now = type(carol).objects.get(pk=carol.pk)
    assert set(Proposal.objects.waiting_for(for_now)) == set()


def test_a_mention_reaches_the_person_it_names(proposal, carol, bob) -> None:
    proposal.comment(proposal.created_by, "@carol, is that right? bob@example.org is not meant.")
    assert list(Proposal.objects.mentioning(carol)) == [proposal]
    assert list(Proposal.objects.mentioning(bob)) == []
    assert mentioned_names("Ask @carol. Or @d.e+f!") == {"carol", "d.e+f"}


# --- What people write ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,AAAA)",
        "![x](https://elsewhere.example/pixel.png)",
        '<img src=x onerror="alert(1)">',
        "[x](//elsewhere.example)",
        "<https://ok.example\" onclick=\"alert(1)>",
    ],
)  # fmt: skip
def test_what_is_written_cannot_become_anything_but_text_and_links(text) -> None:
    html = str(rendered(text))
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html and 'href="data' not in html
    assert 'href="//' not in html
    assert ' onclick="' not in html and ' onerror="' not in html


def test_a_table_has_no_style_of_its_own_and_headings_fit_in() -> None:
    html = rendered("# Why\n\n|a|b|\n|:--|--:|\n|1|2|")
    assert "style=" not in html
    assert '<td class="is-right">2</td>' in html
    assert "<h4>Why</h4>" in html


def test_a_mention_is_set_apart_where_it_reached_somebody() -> None:
    html = rendered("@carol, @nobody and `@carol`", ["carol"])
    assert html == (
        '<p><strong class="mention">@carol</strong>, @nobody and <code>@carol</code></p>\n'
    )
    assert mentioned_names("`@carol` or \\@bob:\n\n    @dave\n") == set()


def test_a_mention_of_nobody_is_said_to_who_wrote_it(proposal, carol, alice) -> None:
    assert reviewing.act(proposal, "comment", alice, "@carol, right?") == ""
    said = reviewing.act(proposal, "comment", alice, "@carol, @nobody and @dave, right?")
    assert said == "Nobody is called @dave or @nobody here."


def test_what_is_too_long_to_be_read_is_refused(proposal, alice) -> None:
    with pytest.raises(TransitionRefused, match="10,001 characters, and 10,000 are kept"):
        reviewing.act(proposal, "comment", alice, "x" * 10_001)
    reviewing.act(proposal, "comment", alice, "x\0" + "y" * 9_998)
    assert proposal.events.last().text == "x" + "y" * 9_998


def test_markdown_works() -> None:
    assert rendered("**24 MiB** left, `160 MiB`") == (
        "<p><strong>24 MiB</strong> left, <code>160 MiB</code></p>\n"
    )
