"""Sizing policies: set up by administrators, chosen for a run, and kept with it as they were."""

from __future__ import annotations

import re

import pytest

from profiler.spec import STANDARD, Floors, Grid
from profiler.spec_reader.policy import policy_to_json
from profiler.units import MIB
from runs.models import ProfileRun, SizingPolicy
from tests.measured_runs import sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

NEW, LIST, ADD = "/runs/new/", "/admin/runs/sizingpolicy/", "/admin/runs/sizingpolicy/add/"
FILLED_IN = {
    "name": "careful",
    "memory_margin": "0.3",
    "memory_step_mib": "64",
    "cpu_margin": "0.2",
    "steps_up": "2",
    "grid_steps_millicores": "[[250, 2000]]",
    "grid_step_above_millicores": "1000",
    "floor_cpu_millicores": "250",
    "floor_memory_mib": "256",
    "percentile": "99",
    "latency_ratio": "1.5",
    "throughput_share": "0.9",
    "max_error_rate": "0.01",
    "confidence": "0.99",
}


@pytest.fixture
def administrator(client, root):
    client.force_login(root)
    return client


@pytest.fixture
def careful() -> SizingPolicy:
    return SizingPolicy.objects.create(
        name="careful", memory_margin=0.3, floor_memory_mib=256, percentile=99
    )


@pytest.fixture
def parts(make, settings) -> dict:
    """What a run is made of, as the form sends it."""
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    return {
        "models": [make.model().pk],
        "config": make.config().pk,
        "dataset": make.dataset().pk,
        "target": make.target(name="lab").pk,
        "load_mode": "closed",
        "objective_kind": "relative",
    }


def text_of(page) -> str:
    return re.sub(r"\s+", " ", page.content.decode())


# --- In the administration ------------------------------------------------------------------------
def test_there_is_a_standard_policy_to_begin_with() -> None:
    row = SizingPolicy.objects.get()
    assert row.is_default
    assert row.as_spec() == policy_to_json(STANDARD)


def test_an_administrator_sets_up_a_policy_and_it_is_known_who_and_when(
    administrator, root
) -> None:
    assert administrator.post(ADD, FILLED_IN).headers["location"] == LIST
    row = SizingPolicy.objects.get(name="careful")
    assert (row.changed_by, row.is_default) == (root, False)
    assert row.as_spec() == {
        "name": "careful",
        "cpu_margin": 0.2,
        "memory_margin": 0.3,
        "memory_step_bytes": 64 * MIB,
        "steps_up": 2,
        "grid": {"steps_millicores": [[250, 2000]], "step_above_millicores": 1000},
        "floors": {"cpu_millicores": 250, "memory_bytes": 256 * MIB},
        "objective": {
            "percentile": 99.0,
            "max_error_rate": 0.01,
            "confidence": 0.99,
            "latency_ratio": 1.5,
            "throughput_share": 0.9,
        },
    }
    administrator.post(f"{LIST}{row.pk}/change/", {**FILLED_IN, "steps_up": "5"})
    assert [entry.steps_up for entry in row.history.all()] == [5, 2]
    assert row.history.first().history_user == root
    assert administrator.get(f"{LIST}{row.pk}/history/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "our policy", "begin with a letter or digit"),
        ("name", "standard", "already exists"),
        ("memory_margin", "15", "Must be from 0 to 10, not 15.0; a share such as 0.15"),
        ("memory_margin", "much", "Enter a number."),
        ("memory_step_mib", "0", "greater than or equal to 1"),
        ("cpu_margin", "-1", "Must be from 0 to 10, not -1.0"),
        ("steps_up", "1000", "Must be from 0 to 100, not 1000"),
        ("grid_steps_millicores", "100", "Must be a list in square brackets, not 100"),
        ("grid_steps_millicores", "[[100, 50], [10, 20]]", "a size above 50, where the one before"),
        ("grid_steps_millicores", "{", "Enter a valid JSON."),
        ("grid_steps_millicores", "", "This field is required."),
        ("grid_step_above_millicores", "1", "Must be from 10 to 1000000"),
        ("floor_cpu_millicores", "1", "Must be from 10 to 1000000"),
        ("floor_memory_mib", "1", "greater than or equal to 16"),
        ("percentile", "10", "Must be from 50 to 99.99"),
        ("confidence", "95", "Must be from 0.5 to 0.9999"),
    ],
)
def test_what_makes_no_sense_is_explained_at_its_field(administrator, field, value, said) -> None:
    page = administrator.post(ADD, {**FILLED_IN, field: value})
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == [field]
    assert said in page.context["adminform"].form.errors.as_text()
    assert SizingPolicy.objects.count() == 1


def test_another_becomes_the_default_and_there_is_one(administrator, careful) -> None:
    chosen = {"action": "make_default", "_selected_action": [careful.pk]}
    administrator.post(LIST, chosen)
    assert [row.name for row in SizingPolicy.objects.filter(is_default=True)] == ["careful"]
    both = list(SizingPolicy.objects.values_list("pk", flat=True))
    page = administrator.post(LIST, {**chosen, "_selected_action": both}, follow=True)
    assert "Choose one policy alone." in text_of(page)


def test_the_default_stays_and_any_other_can_be_deleted(administrator, make, careful) -> None:
    run = make.run(policy=careful.as_spec())
    administrator.post(f"{LIST}{careful.pk}/delete/", {"post": "yes"})
    default = SizingPolicy.objects.get()
    assert administrator.post(f"{LIST}{default.pk}/delete/", {"post": "yes"}).status_code == 403
    assert SizingPolicy.objects.count() == 1
    assert ProfileRun.objects.get(pk=run.pk).followed_policy.name == "careful"
    assert administrator.get(run.get_absolute_url()).status_code == 200


def test_policies_are_for_administrators(signed_in, careful) -> None:
    assert signed_in.post(ADD, {**FILLED_IN, "name": "mine"}).status_code == 302
    assert signed_in.post(f"{LIST}{careful.pk}/delete/", {"post": "yes"}).status_code == 302
    assert SizingPolicy.objects.count() == 2


# --- In a new run ---------------------------------------------------------------------------------
def test_with_one_policy_there_is_nothing_to_choose(signed_in, parts) -> None:
    page = text_of(signed_in.get(NEW))
    assert 'name="policy"' not in page
    assert re.search(r'name="percentile"[^>]* placeholder="95"', page)
    assert re.search(r'name="confidence"[^>]* placeholder="95"', page)
    signed_in.post(NEW, parts)
    run = ProfileRun.objects.get()
    assert run.spec["policy"] == run.policy == policy_to_json(STANDARD)


def test_with_several_the_default_is_chosen_already(signed_in, parts, careful) -> None:
    careful.make_default()
    page = text_of(signed_in.get(NEW))
    first = re.search(r'<select name="policy".*?<option[^>]*>([^<]*)', page)
    assert first[1] == "careful (default)"
    assert re.search(r'name="percentile"[^>]* placeholder="the policy&#x27;s"', page)
    assert "memory 30 % in steps of 16 MiB, cpu 15 % where not limited, 3 steps up" in page
    signed_in.post(NEW, parts)
    assert ProfileRun.objects.get().policy["name"] == "careful"


def test_a_run_keeps_the_values_that_held_when_it_was_asked_for(signed_in, parts, careful) -> None:
    signed_in.post(NEW, {**parts, "policy": careful.pk})
    run = ProfileRun.objects.get()
    SizingPolicy.objects.filter(pk=careful.pk).update(memory_margin=9, name="reckless")
    run.refresh_from_db()
    assert run.spec["policy"]["memory_margin"] == 0.3
    assert run.followed_policy.name == "careful"
    assert run.followed_policy.floors == Floors(None, 256 * MIB)


def test_a_floor_above_the_limit_is_told_where_the_policy_is(signed_in, parts, careful) -> None:
    said = "Floors.memory_bytes: 268435456 is above limits.memory_bytes, 134217728"
    page = signed_in.post(NEW, {**parts, "policy": careful.pk, "memory_mib": "128"})
    assert said.lower() in page.context["form"].errors["policy"][0].lower()
    SizingPolicy.objects.exclude(pk=careful.pk).delete()
    careful.make_default()
    page = signed_in.post(NEW, {**parts, "memory_mib": "128"})
    assert said.lower() in text_of(page).lower()


def test_a_run_again_proposes_the_policy_of_the_first(signed_in, make, careful) -> None:
    run = make.run(policy=careful.as_spec())
    form = signed_in.get(NEW, {"clone": run.name}).context["form"]
    assert form["policy"].value() == careful.pk


def test_more_policies_cost_no_more_queries(signed_in, parts, careful) -> None:
    few = queries_of(lambda: signed_in.get(NEW))
    for number in range(10):
        SizingPolicy.objects.create(name=f"p{number}")
    assert queries_of(lambda: signed_in.get(NEW)) == few


# --- On a run's page and in the API ---------------------------------------------------------------
def test_a_runs_page_and_the_api_say_what_it_followed(signed_in, make, careful) -> None:
    run = sized_run(make, policy=careful.as_spec())
    page = text_of(signed_in.get(run.get_absolute_url()))
    assert "peak 100 MiB and 30 %, up to the next 16 MiB" in page
    assert "policy careful" in page
    assert "steps of 100m to 1 core, 250m to 4 cores, 500m above; at least 256 MiB" in page
    assert "p99 within 1.25 times" in page
    data = signed_in.get(f"/api/v1/runs/{run.name}/").json()
    assert data["policy"] == careful.as_spec()


def test_runs_of_before_there_were_policies_followed_the_standard(signed_in, make) -> None:
    run = sized_run(make)
    ProfileRun.objects.filter(pk=run.pk).update(policy={})
    assert "policy standard" in text_of(signed_in.get(run.get_absolute_url()))
    data = signed_in.get(f"/api/v1/runs/{run.name}/").json()
    assert data["policy"] == policy_to_json(STANDARD)


def test_the_sizing_curve_is_drawn_on_the_policys_grid(make) -> None:
    from runs.run_curves import curve_of

    coarse = SizingPolicy(name="coarse", grid_steps_millicores=[[200, 1000]])
    run = sized_run(make, policy=coarse.as_spec())
    assert run.followed_policy.grid == Grid(((200, 1000),), 500)
    curve = curve_of(run, list(run.measurements.all()), list(run.models.all()))
    assert [curve.position(cpu) for cpu in (200, 300, 400, 1000)] == [0, 0.5, 1, 4]
