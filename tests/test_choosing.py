"""Applying a measured size in place of the advised one: tags, history, confirmation, refusals."""

from __future__ import annotations

import pytest

from runs.applying import ApplyRefused, ConfirmationNeeded, apply_size
from runs.choosing import apply_point, choice_of, tradeoffs
from runs.models import PriceList, TagEvent
from tests.measured_runs import MIB, PROBES, sized_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(make):
    """Measured at 1 core (1), 500m (2), 200m and 300m (3, 4: failed), 400m (5), verified (6)."""
    return sized_run(make, models=[make.model("ridge")])


def test_a_measured_size_is_written_with_where_it_comes_from(run, alice) -> None:
    model = run.models.get()
    apply_point(run, 2, [model], alice, confirmed=True)
    model.refresh_from_db()
    assert model.tags["requestedCpu"] == "0.5"
    assert model.tags["requestedMemoryInGb"] == "0.125"
    assert model.tags["profile.standing"] == "measured"
    assert model.tags["profile.measurement"] == "2"
    source = TagEvent.objects.get(model=model, key="requestedCpu").source
    assert source == (
        f"measured point of {run.name} at 500m (not verified, confirmed by alice)"
    )  # fmt: skip


def test_no_measured_size_is_written_without_a_confirmation(run, alice) -> None:
    with pytest.raises(ConfirmationNeeded, match="Not verified"):
        apply_point(run, 2, run.models.all(), alice)
    with pytest.raises(ConfirmationNeeded, match="objective was not kept"):
        apply_point(run, 4, run.models.all(), alice)
    assert run.models.get().tags == {}


def test_that_a_size_failed_stays_in_the_history(run, alice) -> None:
    apply_point(run, 4, run.models.all(), alice, confirmed=True)
    source = TagEvent.objects.filter(run=run).first().source
    assert "at 300m (objective not kept, confirmed by alice)" in source


@pytest.mark.parametrize("ordinal", [5, 6])
def test_the_advised_size_chosen_as_a_point_stays_the_verified_advice(run, alice, ordinal) -> None:
    tags = apply_point(run, ordinal, run.models.all(), alice)
    assert tags["profile.standing"] == "verified"
    assert "profile.measurement" not in tags
    assert TagEvent.objects.filter(run=run).first().source == f"advice of {run.name}"


def test_the_advice_applied_later_names_no_measurement_any_more(run, alice) -> None:
    apply_point(run, 2, run.models.all(), alice, confirmed=True)
    apply_size(run, run.models.all(), alice)
    assert "profile.measurement" not in run.models.get().tags


def test_what_is_not_to_be_believed_cannot_be_chosen(run, alice) -> None:
    row = run.measurements.get(ordinal=2)
    row.valid = False
    row.data["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    row.save()
    with pytest.raises(ApplyRefused, match="The host was noisy"):
        apply_point(run, 2, run.models.all(), alice, confirmed=True)
    with pytest.raises(ApplyRefused, match="no measurement 99"):
        choice_of(run, 99)


def test_a_run_whose_advice_was_declined_has_sizes_to_choose_all_the_same(make, alice) -> None:
    """Where none keeps the objective a team may still take one with open eyes."""
    run = sized_run(make, [{"cpu_millicores": 1000, "latency_ms": 90.0}])
    assert run.advice["standing"] == "declined"
    apply_point(run, 1, run.models.all(), alice, confirmed=True)
    assert run.models.get().tags["profile.standing"] == "measured"


def test_no_size_of_a_run_that_did_not_succeed_can_be_chosen(run, alice) -> None:
    run.state = "failed"
    with pytest.raises(ApplyRefused, match="succeeded"):
        apply_point(run, 2, run.models.all(), alice, confirmed=True)


def test_where_somebody_else_must_approve_no_point_is_applied(run, alice, settings) -> None:
    settings.SIZING_REVIEW = "required"
    with pytest.raises(ApplyRefused, match="Somebody else"):
        apply_point(run, 2, run.models.all(), alice, confirmed=True)


def said(run, ordinal) -> dict[str, dict[str, tuple[str, str]]]:
    found = tradeoffs(run, choice_of(run, ordinal), list(run.models.all()))
    return {
        one.other: {what.what: (what.direction, what.text) for what in one.differences}
        for one in found
    }


def test_a_choice_is_held_against_the_advice_and_the_tags_of_now(run, alice) -> None:
    run.models.get().set_tags({"requestedCpu": "1", "requestedMemoryInGb": "2"}, alice)
    against = said(run, 4)
    advised = against["the advised 400m, 128 MiB"]
    assert advised["cpu"] == ("gained", "saves 0.1 cores of cpu (25 %)")
    assert advised["objective"][0] == advised["latency"][0] == "lost"
    tags = against["the current tags of ridge:1, 1 core, 2,048 MiB"]
    assert tags["memory"] == ("gained", "saves 1.875 GiB of memory (94 %)")


def test_a_tag_at_a_size_that_was_not_measured_says_so(run, alice) -> None:
    run.models.get().set_tags({"requestedCpu": "4"}, alice)
    tags = said(run, 2)["the current tags of ridge:1, 4 cores"]
    assert tags["measurement"][0] == "unknown"
    assert "memory" not in tags


def test_costs_are_compared_where_there_are_prices(run) -> None:
    """0.5 cores at 0.04 and 0.125 GiB at 0.008: 0.021 an hour; 0.4 cores: 0.017."""
    assert "cost" not in said(run, 2)["the advised 400m, 128 MiB"]
    PriceList.objects.create(core_hour=0.04, gib_hour=0.008, currency="EUR")
    advised = said(run, 2)["the advised 400m, 128 MiB"]
    assert advised["cost"] == ("lost", "costs 0.0210 EUR an hour instead of 0.0170 EUR (24 %)")


def test_memory_follows_the_advices_rule(run) -> None:
    """100 MiB at the peak of starting x 1.15 = 115, up to 128."""
    assert choice_of(run, 2).memory_bytes == 128 * MIB


def test_what_was_chosen_before_verification_stays_measured(make) -> None:
    run = sized_run(make, PROBES)
    assert run.advice["standing"] == "provisional"
    assert choice_of(run, 5).standing == "provisional"
    assert choice_of(run, 2).standing == "measured"
