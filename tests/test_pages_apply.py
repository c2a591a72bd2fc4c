"""Apply as tags in the browser: what would change, and every reason not to."""

from __future__ import annotations

import re

import pytest

from runs.models import TagEvent
from tests.measured_runs import PROBES, failed_run, sized_run

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def verified(make):
    model = make.model("ridge", tags={"requestedCpu": "1", "owner": "risk"})
    return sized_run(make, models=[model, make.model("lasso")])


@pytest.fixture
def provisional(make):
    return sized_run(make, PROBES[:2])


def test_the_form_shows_each_tag_before_and_after(signed_in, verified) -> None:
    page = signed_in.get(f"/runs/{verified.name}/apply/")
    lasso, ridge = page.context["diffs"]
    changes = {change.key: (change.old, change.new) for change in ridge.changes}
    assert changes["requestedCpu"] == ("1", "0.4")
    assert changes["requestedMemoryInGb"] == (None, "0.125")
    assert changes["owner"] == ("risk", "risk")
    assert (ridge.changed, lasso.changed) == (1, 0)
    assert "confirmed" not in text_of(page)


def test_looking_at_the_form_writes_nothing(signed_in, verified) -> None:
    before = TagEvent.objects.count()
    signed_in.get(f"/runs/{verified.name}/apply/")
    assert TagEvent.objects.count() == before


def test_the_size_goes_into_the_chosen_models_alone(signed_in, verified, alice) -> None:
    page = signed_in.post(f"/runs/{verified.name}/apply/", {"model": ["ridge:1"]}, follow=True)
    assert page.redirect_chain[-1][0] == "/models/ridge/1/"
    assert "is now in the tags of ridge:1" in text_of(page)
    lasso, ridge = verified.models.all()
    assert ridge.tags["requestedCpu"] == "0.4"
    assert ridge.tags["owner"] == "risk"
    assert ridge.properties == {}
    assert lasso.tags == {}
    event = TagEvent.objects.get(model=ridge, key="requestedCpu", old="1")
    assert (event.actor, event.run) == (alice, verified)


def test_all_models_can_be_chosen_and_properties_recorded(signed_in, verified) -> None:
    choice = {"model": ["ridge:1", "lasso:1"], "as_properties": "on"}
    page = signed_in.post(f"/runs/{verified.name}/apply/", choice, follow=True)
    assert page.redirect_chain[-1][0] == f"/runs/{verified.name}/"
    for model in verified.models.all():
        assert model.properties["requestedCpu"] == model.tags["requestedCpu"] == "0.4"


def refused(client, run, **choice):
    models = [model.ref for model in run.models.all()]
    answer = client.post(f"/runs/{run.name}/apply/", {"model": models, **choice})
    assert answer.status_code == 409
    assert not any("profile.run" in model.tags for model in run.models.all())
    return text_of(answer)


def test_no_model_chosen_is_refused(signed_in, verified) -> None:
    assert "Choose at least one model" in refused(signed_in, verified, model=[])


def test_a_model_of_another_run_is_not_written_to(signed_in, verified, make) -> None:
    other = make.model("other")
    refused(signed_in, verified, model=["other:1"])
    other.refresh_from_db()
    assert other.tags == {}


def test_a_provisional_size_needs_a_tick(signed_in, provisional) -> None:
    page = text_of(signed_in.get(f"/runs/{provisional.name}/apply/"))
    assert 'name="confirmed"' in page
    assert "This size is provisional" in page
    assert "This advice is provisional" in refused(signed_in, provisional)


def test_a_confirmed_provisional_size_is_applied_and_the_tick_recorded(
    signed_in, provisional
) -> None:
    choice = {"model": ["ridge:1"], "confirmed": "on"}
    assert signed_in.post(f"/runs/{provisional.name}/apply/", choice).status_code == 302
    source = TagEvent.objects.filter(run=provisional).first().source
    assert "confirmed by alice" in source


def test_a_declined_advice_is_refused_with_its_reason(signed_in, make) -> None:
    run = sized_run(make, [{"cpu_millicores": 1000, "latency_ms": 90.0}])
    page = signed_in.get(f"/runs/{run.name}/apply/")
    assert "This size cannot be applied" in text_of(page)
    assert "No size passes" in refused(signed_in, run, confirmed="on")


def test_what_rests_on_an_invalid_measurement_is_refused(signed_in, verified) -> None:
    last = verified.measurements.last()
    last.valid = False
    last.data["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    last.save()
    assert "The host was noisy." in refused(signed_in, verified)


def test_a_run_without_an_advice_is_refused(signed_in, make) -> None:
    run = failed_run(make, "ScriptFailed", "init() failed")
    assert "gave no advice" in refused(signed_in, run)


def test_a_property_that_says_otherwise_is_kept_and_nothing_is_written(signed_in, make) -> None:
    model = make.model(properties={"requestedCpu": "8"})
    run = sized_run(make, models=[model])
    assert "immutable" in refused(signed_in, run, as_properties="on")


def test_a_form_refused_keeps_what_was_ticked(signed_in, verified) -> None:
    page = signed_in.post(f"/runs/{verified.name}/apply/", {"as_properties": "on"})
    assert 'name="as_properties" checked' in text_of(page)
    assert not any(diff.chosen for diff in page.context["diffs"])


# --- A measured size in place of the advised ------------------------------------------------------
def test_every_measured_size_can_be_chosen_from_the_runs_page(signed_in, verified) -> None:
    page = text_of(signed_in.get(f"/runs/{verified.name}/"))
    apply = f"/runs/{verified.name}/apply/"
    sizes = {2: "500m", 3: "200m", 4: "300m", 1: "1 core"}
    addresses = {f"{apply}?measurement={ordinal}": size for ordinal, size in sizes.items()}
    for address, size in {**addresses, apply: "400m"}.items():
        assert re.search(rf'href="{re.escape(address)}">.*Use.*: {size}</span></a>', page)
    assert "current tag of ridge:1" in page


def test_what_a_size_gains_and_loses_is_said_before_anything_is_written(
    signed_in, verified
) -> None:
    page = text_of(signed_in.get(f"/runs/{verified.name}/apply/?measurement=4"))
    assert "Against the advised 400m, 128 MiB" in page
    assert "saves 0.1 cores of cpu (25 %)" in page
    assert "does not keep the objective; the other size keeps it" in page
    assert "Against the current tags of ridge:1, 1 core" in page
    assert "I know that the objective was not kept at this size." in page
    assert not TagEvent.objects.filter(run=verified).exists()


def test_a_measured_size_needs_a_tick_and_then_is_applied(signed_in, verified) -> None:
    address = f"/runs/{verified.name}/apply/?measurement=2"
    refusal = signed_in.post(address, {"model": ["ridge:1"]})
    assert refusal.status_code == 409
    assert "This size is not proven" in text_of(refusal)
    assert not TagEvent.objects.filter(run=verified).exists()
    assert signed_in.post(address, {"model": ["ridge:1"], "confirmed": "on"}).status_code == 302
    ridge = verified.models.get(name="ridge")
    assert (ridge.tags["requestedCpu"], ridge.tags["profile.standing"]) == ("0.5", "measured")


def test_a_size_that_is_not_to_be_believed_is_locked_with_its_reason(signed_in, verified) -> None:
    row = verified.measurements.get(ordinal=2)
    row.valid = False
    row.data["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    row.save()
    page = text_of(signed_in.get(f"/runs/{verified.name}/"))
    assert "apply/?measurement=2" not in page
    assert "The host was noisy." in page
    page = signed_in.get(f"/runs/{verified.name}/apply/?measurement=2")
    assert "This size cannot be applied" in text_of(page)


@pytest.mark.parametrize("nonsense", ["99", "x", "-1", "1e3", "9" * 40])
def test_a_measurement_that_is_not_there_is_not_found(signed_in, verified, nonsense) -> None:
    page = signed_in.get(f"/runs/{verified.name}/apply/?measurement={nonsense}")
    assert page.status_code == 404


def test_a_measured_size_is_proposed_with_what_speaks_against_it(signed_in, verified) -> None:
    address = f"/runs/{verified.name}/propose/?measurement=4"
    assert "the objective was not kept" in text_of(signed_in.get(address))
    page = signed_in.post(address, {"models": ["ridge:1"]}, follow=True)
    assert "the objective was not kept" in text_of(page)
    proposal = verified.proposals.get()
    assert (proposal.size["cpu_millicores"], proposal.size["measurement"]) == (300, 4)
    unconfirmed = signed_in.post(f"{proposal.get_absolute_url()}apply/")
    assert unconfirmed.status_code == 409
    signed_in.post(f"{proposal.get_absolute_url()}apply/", {"although": "on"})
    ridge = verified.models.get(name="ridge")
    assert ridge.tags["profile.standing"] == "measured"
    source = TagEvent.objects.get(model=ridge, key="requestedCpu", new="0.3").source
    assert f"measured point of {verified.name} at 300m" in source


def test_where_a_review_is_required_sizes_lead_to_a_proposal(signed_in, verified, settings) -> None:
    settings.SIZING_REVIEW = "required"
    page = text_of(signed_in.get(f"/runs/{verified.name}/"))
    assert f"/runs/{verified.name}/propose/?measurement=2" in page
    assert "apply/?measurement=2" not in page
    refusal = signed_in.post(
        f"/runs/{verified.name}/apply/?measurement=2", {"model": ["ridge:1"], "confirmed": "on"}
    )
    assert refusal.status_code == 409
