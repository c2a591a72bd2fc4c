"""Applying an advised size writes tags with their history, or refuses with the reason."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from runs.applying import ApplyRefused, ConfirmationNeeded, apply_size, why_refused
from runs.models import ProfileRun, TagEvent
from runs.models.run_transitions import UnprovenAdvice
from tests.rows import measurement_data, result

pytestmark = pytest.mark.django_db


def test_a_verified_size_is_applied(make, alice) -> None:
    run = make.finished_run(objective={"percentile": 99, "latency_ms": 50})
    model = run.models.get()
    apply_size(run, [model], alice)
    model.refresh_from_db()
    assert model.tags["requestedCpu"] == "0.5"
    assert model.tags["requestedMemoryInGb"] == "0.5"
    assert model.tags["profile.run"] == run.name
    assert model.tags["profile.standing"] == "verified"
    assert model.tags["profile.objective"].startswith("p99 at most 50 ms")
    assert model.tags["profile.image"] == "sha256:1f"
    assert model.tags["profile.dataset"] == "requests:1"
    assert model.tags["profile.by"] == "alice"
    assert model.tags["profile.date"].endswith("Z")


def test_the_change_is_in_the_models_history(make, alice) -> None:
    run = make.finished_run()
    model = run.models.get()
    model.set_tags({"requestedCpu": "2"}, alice)
    apply_size(run, [model], alice)
    event = TagEvent.objects.get(model=model, key="requestedCpu", old="2")
    assert (event.new, event.actor, event.run) == ("0.5", alice, run)
    assert event.source == f"advice of {run.name}"


def test_what_only_an_earlier_size_had_goes(make, alice) -> None:
    model = make.model(
        tags={"profile.capacityRps": "40", "requestedGpu": "1", "requestedGpuMemoryInGb": "8"}
    )
    apply_size(make.finished_run(models=[model]), [model], alice)
    assert not {"profile.capacityRps", "requestedGpu", "requestedGpuMemoryInGb"} & set(model.tags)
    assert TagEvent.objects.get(key="profile.capacityRps", old="40").new is None


def test_only_real_changes_are_recorded(make, alice) -> None:
    model = make.model()
    model.set_tags({"team": "vision", "stage": "test"}, alice)
    assert model.set_tags({"team": "vision", "stage": None}, alice)[0].key == "stage"
    assert model.tags == {"team": "vision"}
    assert TagEvent.objects.filter(model=model).count() == 3


def test_two_people_changing_different_tags_keep_both(make, alice, bob) -> None:
    model = make.model()
    stale = type(model).objects.get(pk=model.pk)
    model.set_tags({"team": "vision"}, alice)
    stale.set_tags({"stage": "test"}, bob)
    model.refresh_from_db()
    assert model.tags == {"team": "vision", "stage": "test"}


def test_a_standing_cannot_be_claimed_by_hand(make, alice) -> None:
    with pytest.raises(ValidationError, match="cannot be set by hand"):
        make.model().set_tags({"requestedCpu": "0.1", "profile.standing": "verified"}, alice)
    with pytest.raises(ValidationError, match="cannot be set by hand"):
        make.model().add_properties({"profile.standing": "verified"})


def test_a_size_set_by_hand_is_no_longer_that_of_a_run(make, alice) -> None:
    run = make.finished_run()
    model = run.models.get()
    model.set_tags({"owner": "risk"}, alice)
    apply_size(run, [model], alice)
    model.set_tags({"owner": "vision", "profile.standing": "verified"}, alice)
    assert model.tags["profile.standing"] == "verified"
    with pytest.raises(ValidationError):
        model.set_tags({"requestedCpu": "0.1", "profile.standing": "verified"}, alice)
    model.set_tags({"requestedCpu": "0.1"}, alice)
    assert (model.tags["requestedCpu"], model.tags["profile.run"]) == ("0.1", run.name)
    assert "profile.standing" not in model.tags
    gone = TagEvent.objects.filter(model=model, key="profile.standing", new=None)
    assert (gone.get().old, gone.get().source) == ("verified", "by hand")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"phase": "sizing"},
        {"outcome": "failed"},
        {"valid": False},
        {"memory_bytes": 1 << 30},
        {"cpu_millicores": 600},
        {"data": {**measurement_data(), "limits_enforced": False}},
    ],
)
def test_a_verified_advice_without_its_proof_is_neither_stored_nor_applied(
    make, alice, spoilt
) -> None:
    run = make.finished_run()
    run.measurements.update(**spoilt)
    assert why_refused(run)
    again = make.run()
    token = again.begin(again.attempt)
    run.measurements.update(run=again)
    with pytest.raises(UnprovenAdvice):
        again.complete(token, result("verified", []))
    assert ProfileRun.objects.get(pk=again.pk).advice is None


def test_a_declined_advice_is_refused_with_its_reason(make, alice) -> None:
    run = make.finished_run("declined")
    with pytest.raises(ApplyRefused, match="declined for a reason"):
        apply_size(run, run.models.all(), alice, confirmed=True)
    assert run.models.get().tags == {}


def test_a_provisional_advice_needs_a_confirmation_that_is_recorded(make, alice) -> None:
    run = make.finished_run("provisional")
    with pytest.raises(ConfirmationNeeded, match="provisional for a reason"):
        apply_size(run, run.models.all(), alice)
    apply_size(run, run.models.all(), alice, confirmed=True)
    source = TagEvent.objects.filter(run=run).first().source
    assert "confirmed by alice" in source


def test_an_invalid_measurement_is_refused_with_its_reason(make, alice) -> None:
    run = make.finished_run("provisional", valid=False)
    with pytest.raises(ApplyRefused, match="driver was late by 9 ms"):
        apply_size(run, run.models.all(), alice, confirmed=True)


def test_an_advice_without_a_measurement_at_its_size_is_refused(make) -> None:
    run = make.finished_run()
    run.measurements.all().delete()
    assert "No measurement" in why_refused(run)


def test_a_provisional_size_that_was_worked_out_rests_on_the_largest_size(make, alice) -> None:
    run = make.finished_run("provisional")
    run.measurements.update(cpu_millicores=1000, phase="measuring")
    assert why_refused(run) is None
    run.measurements.update(valid=False)
    assert "cannot be believed" in why_refused(run)


def test_an_image_is_tagged_by_its_digest_where_there_is_one(make, alice) -> None:
    run = make.finished_run()
    run.circumstances = {"image": "scorer:1", "image_id": "sha256:5f1", "image_digests": []}
    assert apply_size(run, run.models.all(), alice)["profile.image"] == "sha256:5f1"
    run.circumstances["image_digests"] = ["registry/scorer@sha256:9b1"]
    assert apply_size(run, run.models.all(), alice)["profile.image"] == "registry/scorer@sha256:9b1"


def test_nothing_is_applied_where_somebody_else_must_approve(make, alice, settings) -> None:
    settings.SIZING_REVIEW = "required"
    run = make.finished_run()
    with pytest.raises(ApplyRefused, match="Somebody else must approve"):
        apply_size(run, run.models.all(), alice, confirmed=True)
    assert run.models.get().tags == {}


def test_a_run_without_advice_is_refused(make, alice) -> None:
    run = make.run()
    with pytest.raises(ApplyRefused, match="no advice"):
        apply_size(run, run.models.all(), alice)


def test_another_runs_model_is_refused_and_none_gets_the_size(make, alice) -> None:
    run, stranger = make.finished_run(), make.model("stranger")
    with pytest.raises(ApplyRefused, match="stranger:1"):
        apply_size(run, [run.models.get(), stranger], alice)
    with pytest.raises(ApplyRefused, match="at least one"):
        apply_size(run, [], alice)
    assert run.models.get().tags == {}


def test_the_size_can_be_recorded_as_properties_which_never_change(make, alice) -> None:
    run = make.finished_run()
    model = run.models.get()
    apply_size(run, [model], alice, as_properties=True)
    assert model.properties["requestedCpu"] == "0.5"
    with pytest.raises(ValidationError, match="immutable"):
        model.add_properties({"requestedCpu": "1"})
