"""The causes on a run's page, and the one click that makes a new config and a run of a fix."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from runs.models import InferenceConfig, ProfileRun
from tests.measured_runs import PROBES, THREADS, closed, mendable_run, record, sized_run
from tests.page_rows import queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed")]


@pytest.fixture
def diagnosed(make) -> ProfileRun:
    return mendable_run(make)


def page_of(client, run) -> str:
    return client.get(f"/runs/{run.name}/").content.decode()


def test_the_page_says_cause_gain_and_what_to_do(signed_in, diagnosed) -> None:
    page = page_of(signed_in, diagnosed)
    assert "up to 9 threads" in page
    assert "200m cpu and 80 MiB keeps the objective" in page
    assert 'href="/docs/diagnosis/#threads-over-quota"' in page
    assert page.count("Apply the fix") == 1  # nothing mends a neighbour


def test_a_run_without_causes_has_no_such_card(signed_in, make) -> None:
    assert 'id="diagnosis"' not in page_of(signed_in, sized_run(make))


def test_one_click_makes_a_new_config_and_a_run_with_all_else_the_same(
    signed_in, alice, diagnosed
) -> None:
    before = diagnosed.config
    answer = signed_in.post(f"/runs/{diagnosed.name}/mend/", {"fix": "threads-over-quota"})
    new = ProfileRun.objects.exclude(pk=diagnosed.pk).get()
    assert answer.url == new.get_absolute_url()
    assert (new.config.name, new.config.version) == (before.name, before.version + 1)
    assert new.config.definition["env"]["OMP_NUM_THREADS"] == "1"
    assert new.config.files == before.files
    assert {**new.config.definition, "env": {}} == {**before.definition, "env": {}}
    assert (new.state, new.created_by) == ("queued", alice)
    for same in ("load", "objective", "limits", "budget", "answers", "policy"):
        assert getattr(new, same) == getattr(diagnosed, same)
    assert list(new.models.all()) == list(diagnosed.models.all())
    assert new.spec["config"]["env"]["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("asked", [{"question": "rate", "peak_rps": 900.0}, {"memory_probe": True}])
def test_the_run_of_a_fix_asks_the_same_question(signed_in, make, asked) -> None:
    run = make.run(
        objective={"percentile": 95, "latency_ms": 50}, target=make.target(kind="docker"),
        load={"mode": "open", "rate_rps": 20.0}, **asked,
    )  # fmt: skip
    ProfileRun.objects.filter(pk=run.pk).update(result={"diagnoses": [THREADS]})
    signed_in.post(f"/runs/{run.name}/mend/", {"fix": "threads-over-quota"})
    new = ProfileRun.objects.exclude(pk=run.pk).get()
    assert {name: getattr(new, name) for name in asked} == asked
    assert {name: new.spec[name] for name in asked} == asked


@pytest.mark.parametrize("fix", ["noisy-neighbour", "advised", "no-such-thing", ""])
def test_what_has_no_fix_is_not_applied(signed_in, diagnosed, fix) -> None:
    answer = signed_in.post(f"/runs/{diagnosed.name}/mend/", {"fix": fix}, follow=True)
    assert "has no such fix to apply" in answer.content.decode()
    assert (ProfileRun.objects.count(), InferenceConfig.objects.count()) == (1, 1)


def test_a_target_that_takes_no_runs_measures_no_fix(signed_in, diagnosed) -> None:
    diagnosed.target.enabled = False
    diagnosed.target.save()
    fix = {"fix": "threads-over-quota"}
    answer = signed_in.post(f"/runs/{diagnosed.name}/mend/", fix, follow=True)
    assert "takes no runs now" in answer.content.decode()
    assert (ProfileRun.objects.count(), InferenceConfig.objects.count()) == (1, 1)


def test_a_viewer_may_not_and_looking_is_no_click(client, make, diagnosed, settings) -> None:
    settings.DEFAULT_ROLE = "viewer"
    client.force_login(User.objects.create_user("vera"))
    address = f"/runs/{diagnosed.name}/mend/"
    assert client.post(address, {"fix": "threads-over-quota"}).status_code == 403
    assert client.get(address).status_code == 405
    assert ProfileRun.objects.count() == 1


def test_the_best_pair_is_offered_as_a_config(signed_in, make) -> None:
    run = sized_run(make, concurrency={"workers": [1, 2]})
    ProfileRun.objects.filter(pk=run.pk).update(
        advice={**run.advice, "variant": {"workers": 2}, "workers": 2}
    )
    assert "Make it a config: 2 workers" in page_of(signed_in, run)
    signed_in.post(f"/runs/{run.name}/mend/", {"fix": "advised"})
    new = ProfileRun.objects.exclude(pk=run.pk).get()
    assert (new.config.definition["workers"], new.concurrency) == (2, {})


def test_what_another_variant_needed_is_no_part_of_the_verdict(signed_in, make) -> None:
    run = make.run(objective={"percentile": 95, "latency_ms": 50})
    token = run.begin(run.attempt)
    found = [record(run, ordinal=number, **how) for number, how in enumerate(PROBES, start=1)]
    other = record(run, ordinal=9, phase="sizing", cpu_millicores=100)
    row = run.measurements.get(ordinal=9)
    row.data["variant"] = {"workers": 2}
    row.save()
    run.complete(token, closed("cancelled", error=None))
    page = signed_in.get(f"/runs/{run.name}/")
    sizes = [row.cpu_millicores for row in page.context["curve"].measurements]
    assert other.cpu_millicores not in sizes
    assert set(sizes) == {one.cpu_millicores for one in found}


def test_causes_cost_the_page_no_queries(signed_in, diagnosed) -> None:
    address = f"/runs/{diagnosed.name}/"
    with_causes = queries_of(lambda: signed_in.get(address))
    ProfileRun.objects.filter(pk=diagnosed.pk).update(result={})
    assert queries_of(lambda: signed_in.get(address)) == with_causes


# --- Asking for several ---------------------------------------------------------------------------
def test_numbers_to_try_reach_the_spec_and_leave_the_config_as_it_is(signed_in, make) -> None:
    run = make.run(concurrency={"workers": [1, 2], "threads": [1, 4]})
    assert (run.spec["config"]["workers"], run.spec["config"]["threads"]) == ([1, 2], [1, 4])
    assert "threads" not in run.config.definition
    again = signed_in.get(f"/runs/new/?clone={run.name}").content.decode()
    assert 'value="1, 2"' in again and 'value="1, 4"' in again


@pytest.mark.parametrize("written", ["two", "1; 2", "1, 1", "0", "1, 2, 3, 4, 5, 6, 7"])
def test_numbers_that_make_no_sense_are_refused_at_their_field(signed_in, make, written) -> None:
    target = make.target("docker")
    answer = signed_in.post(
        "/runs/new/",
        {
            "config": make.config().pk,
            "dataset": make.dataset().pk,
            "target": target.pk,
            "load_mode": "closed",
            "objective_kind": "relative",
            "workers_to_try": written,
        },
    )
    assert answer.context["form"].errors.keys() == {"workers_to_try"}
