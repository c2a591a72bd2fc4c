"""What is done to runs, comparisons and many rows, as the commands that pages show for it: each
text is taken from its page and executed on the live server, and then the effect must be there."""

from __future__ import annotations

import json
import zipfile

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from runs.api.bulk import ACTIONS
from runs.models import ChosenColumns, InferenceConfig, ProfileRun, Proposal, RegisteredModel
from runs.twin_actions import IN_BULK
from tests.command_reader import Reader, every_way, reader_for
from tests.measured_runs import failed_run, mendable_run, provisional_run, sized_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(live_server, signed_in, alice, tmp_path, settings) -> Reader:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    return reader_for(signed_in, alice, live_server.url, tmp_path / "work")


# ---- runs ----------------------------------------------------------------------------------


@pytest.fixture
def filled_in(make) -> dict:
    """The form of a new run."""
    return {
        "models": [make.model("ridge").pk], "config": make.config("score").pk,
        "dataset": make.dataset("rows").pk, "target": make.target(name="here").pk,
        "name": "first", "load_mode": "open", "rate_rps": "20", "arrivals": "poisson",
        "objective_kind": "bound", "percentile": "99", "latency_ms": "80", "max_error_rate": "1",
        "cpu_millicores": "500", "memory_mib": "1000", "duration_s": "30", "pattern": "it's",
        "workers_to_try": "2",
    }  # fmt: skip


@every_way
def test_starting_a_run_asks_for_what_the_form_asks_for(reader, filled_in, way) -> None:
    texts = reader.of_form(reverse("run_new"), "run", filled_in)
    reader.execute(texts, "start-by-command", way)
    started = ProfileRun.objects.get()
    answer = reader.browser.post(reverse("run_new"), {**filled_in, "name": "by-the-form"})
    assert answer.status_code == 302, answer.context["form"].errors
    by_form = ProfileRun.objects.get(name="by-the-form")
    asked = ("load", "objective", "limits", "budget", "answers", "concurrency", "policy",
             "config_id", "dataset_id", "target_id", "question", "peak_rps", "memory_probe",
             "created_by_id")  # fmt: skip
    assert {name: getattr(started, name) for name in asked} == {
        name: getattr(by_form, name) for name in asked
    }
    assert (started.name, [model.ref for model in started.models.all()]) == ("first", ["ridge:1"])


def test_a_form_that_is_not_filled_in_says_what_is_missing(reader) -> None:
    [url] = reader.page(reverse("run_new")).asked_at
    html = reader.browser.post(url, {"load_mode": "closed"}).content.decode()
    assert "Config: This field is required." in html
    assert "<pre" not in html


@every_way
def test_cancelling_a_run(reader, make, way) -> None:
    run = make.run()
    reader.execute(reader.texts(run.get_absolute_url()), "cancel-by-command", way)
    run.refresh_from_db()
    assert run.state == "cancelled"


@every_way
def test_applying_the_advised_size_from_the_run(reader, make, way) -> None:
    model = make.model("ridge")
    run = provisional_run(make, models=[model, make.model("other")])
    reader.execute(reader.texts(run.get_absolute_url()), "apply-by-command", way)
    model.refresh_from_db()
    assert model.tags["profile.run"] == run.name


@every_way
def test_applying_a_measured_size_to_one_model(reader, make, way) -> None:
    model, other = make.model("ridge"), make.model("other")
    run = sized_run(make, models=[model, other])
    path = f"{reverse('run_apply', args=[run.name])}?measurement=3"
    fields = {"model": ["ridge:1"], "confirmed": "on", "as_properties": "on"}
    reader.execute(reader.of_form(path, "apply", fields), "apply-by-command", way)
    for row in (model, other):
        row.refresh_from_db()
    assert model.tags["profile.standing"] == "measured"
    assert model.properties["profile.run"] == run.name
    assert other.tags == {}


@every_way
def test_comparing_runs(reader, make, way) -> None:
    one, two = sized_run(make), sized_run(make)
    path = f"{reverse('run_compare')}?runs={one.name},{two.name}&base={two.name}"
    shown = reader.execute(reader.texts(path), "compare-by-command", way)
    assert one.name in shown
    if way == "curl":
        assert json.loads(shown)["base"] == two.name


@every_way
def test_exporting_raw_samples(reader, make, way) -> None:
    run = sized_run(make)
    texts = reader.texts(run.get_absolute_url())
    reader.execute(texts, "export-by-command", way)
    archive = zipfile.ZipFile(reader.site.folder / f"{run.name}-raw-csv.zip")
    reader.execute(texts, "one-series-by-command", way)
    [kept] = reader.site.folder.glob("*.csv")
    assert kept.read_bytes() == archive.read(kept.name)


@every_way
def test_exporting_a_list_as_it_is_seen(reader, make, alice, way) -> None:
    make.run(name="a")
    failed_run(make, "OutOfMemory", "It's full.", name="b")
    ChosenColumns.objects.choose(alice, "runs", ["target", "state"])
    view = f"{reverse('run_list')}?state=failed&sort=-took&q=b"
    reader.execute(reader.texts(f"{view}&page=1"), "this-view-by-command", way)
    ChosenColumns.objects.forget(alice, "runs")
    kept = (reader.site.folder / "runs.csv").read_bytes()
    seen = reader.browser.get(f"{view}&columns=state,target&format=csv")
    assert kept == seen.getvalue()
    assert b"state" in kept and b"standing" not in kept


@every_way
def test_stopping_a_run_by_force(reader, make, way) -> None:
    run = make.run()
    run.begin(run.attempt)
    run.request_cancel(None)
    for path in (run.get_absolute_url(), reverse("run_cancel", args=[run.name])):
        texts = reader.texts(path)
        assert "by-command-cancel-by-command-cli" not in texts
    reader.execute(texts, "stop-by-force-by-command", way)
    run.refresh_from_db()
    assert (run.state, run.cancel_forced_by.username) == ("cancelled", "alice")


@every_way
@pytest.mark.parametrize("ended", ["succeeded", "failed"])
def test_running_again(reader, make, way, ended) -> None:
    objective = {"percentile": 99, "latency_ms": 20}
    make_one = sized_run if ended == "succeeded" else failed_run
    words = () if ended == "succeeded" else ("OutOfMemory", "No memory is left.")
    run = make_one(make, *words, objective=objective)
    reader.execute(reader.texts(run.get_absolute_url()), "run-again-by-command", way)
    again = ProfileRun.objects.exclude(pk=run.pk).get()
    assert (again.state, again.objective, again.config) == ("queued", objective, run.config)


@every_way
def test_mending(reader, make, way) -> None:
    run = mendable_run(make)
    texts = reader.texts(run.get_absolute_url())
    reader.execute(texts, "mend-by-command-threads-over-quota", way)
    mended = ProfileRun.objects.exclude(pk=run.pk).get()
    assert (mended.config.name, mended.config.version) == (run.config.name, 2)
    assert InferenceConfig.objects.get(version=2).definition["env"]["OMP_NUM_THREADS"] == "1"


@every_way
def test_keeping_reports(reader, make, way) -> None:
    one, two = sized_run(make), sized_run(make)
    reader.execute(reader.texts(one.get_absolute_url()), "report-by-command", way)
    kept = (reader.site.folder / f"{one.name}-report.html").read_text()
    assert one.name in kept
    assert "Advised size" in kept
    path = f"{reverse('run_compare')}?runs={one.name},{two.name}&base={two.name}"
    reader.execute(reader.texts(path), "report-by-command", way)
    kept = (reader.site.folder / "comparison.html").read_text()
    assert kept.index(two.name) < kept.index(one.name)


# ---- many at once --------------------------------------------------------------------------


def in_bulk(reader: Reader, listing: str, action: str, rows: list[str], **fields: str) -> dict:
    """The texts of the page that asks before something is done to many rows."""
    sent = {"action": action, "row": rows}
    page = reader.posted(reverse("bulk_act", args=[listing]), sent)
    [url] = [url for url in page.asked_at if "by-command/bulk/" in url]
    return reader.posted(url, {**sent, **fields}).texts


@every_way
def test_cancelling_several_runs(reader, make, way) -> None:
    runs = [make.run(name=name) for name in ("one", "two")]
    texts = in_bulk(reader, "runs", "cancel", ["one", "two"])
    assert "cancelled; what it measured" in reader.execute(texts, "cancel-by-command", way)
    for run in runs:
        run.refresh_from_db()
        assert run.state == "cancelled"


@every_way
def test_running_several_again(reader, make, way) -> None:
    runs = [sized_run(make, name=name) for name in ("one", "two")]
    texts = in_bulk(reader, "runs", "again", [run.name for run in runs])
    reader.execute(texts, "run-again-by-command", way)
    again = ProfileRun.objects.exclude(pk__in=[run.pk for run in runs])
    assert sorted(run.config_id for run in again) == sorted(run.config_id for run in runs)


@every_way
def test_keeping_and_releasing_the_samples_of_several_runs(reader, make, way) -> None:
    runs = [sized_run(make, name=name) for name in ("one", "two")]
    for action, held in (("keep", True), ("release", False)):
        texts = in_bulk(reader, "runs", action, [run.name for run in runs])
        reader.execute(texts, f"{action}-samples-by-command", way)
        assert set(ProfileRun.objects.values_list("keep_raw", flat=True)) == {held}


@every_way
@pytest.mark.parametrize(("value", "tags"), [("it's $new", {"team": "it's $new"}), ("", {})])
def test_tagging_several_models(reader, make, way, value, tags) -> None:
    models = [make.model(name, tags={"team": "risk"}) for name in ("ridge", "lasso")]
    refs = [model.ref for model in models]
    texts = in_bulk(reader, "models", "tag", refs, key="team", value=value)
    reader.execute(texts, "set-a-tag-by-command", way)
    assert [model.tags for model in RegisteredModel.objects.all()] == [tags, tags]


@every_way
def test_applying_several_proposals(reader, make, alice, way) -> None:
    alice.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    runs = [provisional_run(make, models=[make.model(name)]) for name in ("ridge", "lasso")]
    for run in runs:
        models = [model.ref for model in run.models.all()]
        reader.browser.post(reverse("run_propose", args=[run.name]), {"models": models})
    numbers = [str(proposal.pk) for proposal in Proposal.objects.order_by("pk")]
    texts = in_bulk(reader, "review", "apply", numbers, although="on")
    reader.execute(texts, "apply-by-command", way)
    assert {proposal.state for proposal in Proposal.objects.all()} == {"applied"}
    assert {model.tags["requestedCpu"] for model in RegisteredModel.objects.all()} == {"0.4"}


def test_whatever_is_done_to_many_rows_has_its_command() -> None:
    assert set(IN_BULK) == set(ACTIONS)


def test_a_command_for_many_that_is_not_there_is_said(reader) -> None:
    url = f"{reverse('form_by_command', args=['bulk'])}?of=runs&action=explode"
    assert reader.browser.post(url).status_code == 404
