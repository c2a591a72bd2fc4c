"""What a program changes through the REST API: the registry, runs, tags and proposals."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from runs.applying import apply_size
from runs.models import (
    ApiToken,
    Dataset,
    InferenceConfig,
    KeyedAnswer,
    ProfileRun,
    Proposal,
    RegisteredModel,
)
from runs.sweeper import drop_staged
from tests.measured_runs import mendable_run, provisional_run, sized_run
from tests.page_rows import folder, queries_of, upload, zip_of

pytestmark = pytest.mark.django_db
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture(autouse=True)
def unthrottled():
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(autouse=True)
def processes(settings):
    settings.PROFILER_ALLOW_PROCESS_TARGET = True


def send(client, path: str, data: dict | None = None, method: str = "post", **headers: str):
    return getattr(client, method)(
        f"/api/v1/{path}", data or {}, content_type="application/json", headers=headers
    )


def refused(answer, status: int, code: str) -> dict:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert set(answer.json()) == {"code", "message", "fields"}
    return answer.json()


@pytest.fixture
def inputs(make) -> dict:
    target = make.target(name="here")
    make.model("ridge")
    make.config("score")
    make.dataset("requests")
    return {"models": ["ridge:1"], "config": "score", "dataset": "requests", "target": target.name}


# ---- the registry --------------------------------------------------------------------------


def test_a_model_is_registered_listed_and_shown(signed_in) -> None:
    fields = {"name": "ridge", "files": upload("model.pkl"), "tags": "team=risk"}
    made = signed_in.post("/api/v1/models/", fields)
    assert made.status_code == 201, made.content
    data = made.json()
    assert (data["ref"], data["tags"]) == ("ridge:1", {"team": "risk"})
    assert data["files"]["paths"] == ["model.pkl"]
    assert made["Location"].endswith("/api/v1/models/ridge:1/")
    assert signed_in.get(made["Location"]).json() == data
    signed_in.post("/api/v1/models/", {**fields, "files": upload("model.pkl", "better")})
    listed = signed_in.get("/api/v1/models/", {"tag": "team=risk"}).json()["results"]
    assert [row["ref"] for row in listed] == ["ridge:2"]
    versions = signed_in.get("/api/v1/models/", {"name": "ridge"}).json()["results"]
    assert [row["ref"] for row in versions] == ["ridge:2", "ridge:1"]
    assert signed_in.get("/api/v1/models/ridge/").json()["version"] == 2


def test_a_dataset_and_configs_are_registered_as_on_the_pages(signed_in) -> None:
    rows = upload("requests.jsonl", '{"a": 1}\n{"a": 2}\n')
    data = signed_in.post("/api/v1/datasets/", {"name": "rows", "files": rows}).json()
    assert (data["ref"], data["rows"], data["file_format"]) == ("rows:1", 2, "jsonl")
    sent = {"name": "score", "kind": "scored", "requirements": "numpy"}
    files = folder({"service/score.py": SCORE, "service/tools/x.py": ""})
    data = signed_in.post("/api/v1/configs/", {**sent, **files}).json()
    assert data["definition"]["environment"]["pip"] == ["numpy"]
    assert data["files"]["paths"] == ["score.py", "tools/x.py"]
    files = {"files": zip_of({"score.py": SCORE})}
    assert signed_in.post("/api/v1/configs/", {**sent, **files}).json()["ref"] == "score:2"
    container = {"name": "own", "kind": "container", "image": "img:1", "port": "80"}
    data = signed_in.post("/api/v1/configs/", container).json()
    assert (data["definition"]["image"], data["files"]) == ("img:1", None)


@pytest.mark.parametrize(
    ("path", "fields", "field", "words"),
    [
        ("models/", {"name": "a b", "files": upload("m")}, "name", "a space"),
        ("models/", {"name": "ridge"}, "files", "Choose a file"),
        ("models/", {"name": "ridge", "files": upload("m"), "tags": "x"}, "tags", "Line 1"),
        ("datasets/", {"name": "d", "files": upload("d.jsonl", "{")}, "files", "JSON"),
        ("configs/", {"name": "c", "kind": "scored", "files": upload("score.py", "def init(:")},
         "entry_script", "parse"),
        ("configs/", {"name": "c", "kind": "container", "image": "x"}, "port", "needs it"),
    ],
)  # fmt: skip
def test_what_the_form_refuses_the_api_refuses_too(signed_in, path, fields, field, words) -> None:
    body = refused(signed_in.post(f"/api/v1/{path}", fields), 400, "invalid")
    assert words in " ".join(body["fields"][field])
    assert words in body["message"]
    assert not (
        RegisteredModel.objects.exists()
        or Dataset.objects.exists()
        or InferenceConfig.objects.exists()
    )


def test_an_unsafe_path_is_refused(signed_in) -> None:
    fields = {"name": "m", "unpack": "on", "files": zip_of({"../evil": "x"})}
    refused(signed_in.post("/api/v1/models/", fields), 400, "invalid")


@pytest.mark.parametrize("path", ["models/none/", "models/ridge:9/", "datasets/x:y/", "configs/c/"])
def test_what_is_not_there_is_said(signed_in, make, path: str) -> None:
    make.model("ridge")
    refused(signed_in.get(f"/api/v1/{path}"), 404, "not_found")


def test_tags_are_set_and_taken_away_and_properties_added(signed_in, make, alice) -> None:
    model = make.model("ridge", tags={"team": "risk", "old": "1"})
    change = {"tags": {"team": "fraud", "old": None}, "properties": {"trained": "2026"}}
    data = send(signed_in, "models/ridge:1/", change, "patch").json()
    assert (data["tags"], data["properties"]) == ({"team": "fraud"}, {"trained": "2026"})
    assert set(model.tag_events.values_list("key", "actor")) >= {("team", alice.pk)}
    change = {"tags": {"team": "x"}, "properties": {"trained": "2027"}}
    body = refused(send(signed_in, "models/ridge:1/", change, "patch"), 400, "invalid")
    assert "immutable" in body["message"]
    model.refresh_from_db()
    assert model.tags == {"team": "fraud"}


@pytest.mark.parametrize(
    "change", [{"tags": {"k": "x" * 5001}}, {"tags": ["k"]}, {"tags": {"": "v"}}]
)
def test_wrong_tags_are_refused(signed_in, make, change: dict) -> None:
    make.model("ridge")
    refused(send(signed_in, "models/ridge:1/", change, "patch"), 400, "invalid")


@pytest.mark.parametrize("kind", ["model", "dataset", "config", "target"])
def test_ten_rows_take_as_many_queries_as_one(signed_in, make, kind: str) -> None:
    getattr(make, kind)(name="first")
    one = queries_of(lambda: signed_in.get(f"/api/v1/{kind}s/"))
    for number in range(9):
        getattr(make, kind)(name=f"more-{number}")
    assert queries_of(lambda: signed_in.get(f"/api/v1/{kind}s/")) == one


def test_targets_say_what_they_have_and_who_works_there(signed_in, make) -> None:
    run = make.run(target=make.target(name="here"))
    [target] = signed_in.get("/api/v1/targets/").json()["results"]
    assert (target["name"], target["has_worker"]) == ("here", False)
    assert target["open_runs"] == [{"name": run.name, "state": "queued"}]


# ---- starting a run ------------------------------------------------------------------------


def test_a_run_is_started_with_the_words_of_a_spec(signed_in, inputs, alice) -> None:
    asked = {
        **inputs, "name": "first", "load": {"mode": "open", "rate_rps": 50},
        "objective": {"percentile": 99, "latency_ms": 80}, "limits": {"cpu_millicores": 500},
        "concurrency": {"workers": [2]},
    }  # fmt: skip
    made = send(signed_in, "runs/", asked)
    assert made.status_code == 201, made.content
    run = ProfileRun.objects.get(name="first")
    assert (made.json()["state"], run.created_by) == ("queued", alice)
    assert (run.load, run.objective) == (asked["load"], asked["objective"])
    assert (run.limits, run.concurrency) == (asked["limits"], asked["concurrency"])
    assert [model.ref for model in run.models.all()] == ["ridge:1"]
    assert made["Location"].endswith("/api/v1/runs/first/")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"models": ["ridge:7"]}, "models"),
        ({"config": "none"}, "config"),
        ({"dataset": ""}, "dataset"),
        ({"target": "elsewhere"}, "target"),
        ({"name": "a b"}, "name"),
        ({"name": "compare"}, "name"),
        ({"load": {"mode": "open"}}, "load.rate_rps"),
        ({"load": {"mode": "sideways"}}, "load.mode"),
        ({"objective": {"percentile": 200}}, "objective.percentile"),
        ({"objective": "fast"}, "objective"),
        ({"limits": {"cpu_millicores": 10**9}}, "limits.cpu_millicores"),
        ({"concurrency": {"workers": [0]}}, "concurrency.workers"),
        ({"concurrency": {"workers": ["two"]}}, "concurrency.workers[0]"),
        ({"policy": "none"}, "policy"),
        ({"question": "why"}, "question"),
        ({"objectives": {}}, "objectives"),
    ],
)
def test_a_wrong_wish_is_refused_at_its_place(signed_in, inputs, change, place: str) -> None:
    body = refused(send(signed_in, "runs/", {**inputs, **change}), 400, "invalid")
    assert list(body["fields"]) == [place]
    assert not ProfileRun.objects.exists()


def test_all_problems_are_told_at_once(signed_in, inputs) -> None:
    asked = {**inputs, "models": ["a", "b"], "config": "none"}
    body = refused(send(signed_in, "runs/", asked), 400, "invalid")
    assert body["fields"] == {
        "models": ["There is no a.", "There is no b."], "config": ["There is no none."],
    }  # fmt: skip


def test_a_process_target_has_to_be_allowed(signed_in, inputs, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = False
    body = refused(send(signed_in, "runs/", inputs), 400, "invalid")
    assert "PROFILER_ALLOW_PROCESS_TARGET" in body["fields"]["target"][0]


def test_what_is_no_object_is_refused(signed_in) -> None:
    answer = signed_in.post("/api/v1/runs/", "[1]", content_type="application/json")
    refused(answer, 400, "invalid")
    answer = signed_in.post("/api/v1/runs/", "{", content_type="application/json")
    refused(answer, 400, "parse_error")
    answer = signed_in.post("/api/v1/runs/", "x", content_type="text/plain")
    refused(answer, 415, "unsupported_media_type")


def test_a_body_that_is_too_large_is_refused(signed_in, inputs, settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    refused(send(signed_in, "runs/", inputs), 413, "too_large")


def test_a_body_with_a_nul_is_refused(signed_in, inputs) -> None:
    for load in ({"mode": "open\0"}, {"\0": 1}, {"times": ["\0"]}):
        refused(send(signed_in, "runs/", {**inputs, "load": load}), 400, "parse_error")


def test_asking_again_under_the_same_key_starts_no_second_run(signed_in, inputs, bob) -> None:
    first = send(signed_in, "runs/", inputs, **{"Idempotency-Key": "k1"})
    again = send(signed_in, "runs/", inputs, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["name"] == first.json()["name"]
    assert ProfileRun.objects.count() == 1
    other = {**inputs, "memory_probe": True}
    refused(send(signed_in, "runs/", other, **{"Idempotency-Key": "k1"}), 409, "refused")
    assert send(signed_in, "runs/", inputs, **{"Idempotency-Key": "k2"}).status_code == 201
    signed_in.force_login(bob)
    assert send(signed_in, "runs/", inputs, **{"Idempotency-Key": "k1"}).status_code == 201
    assert ProfileRun.objects.count() == 3


def test_two_at_once_under_one_key_get_the_one_run(signed_in, inputs, alice) -> None:
    from runs.api.asking import RunRequestSerializer

    started = []
    for _ in range(2):
        asked = RunRequestSerializer(data=inputs)
        asked.is_valid(raise_exception=True)
        started.append(asked)
    runs = {asked.start(alice, "k1", "digest").pk for asked in started}
    assert len(runs) == 1


def test_a_key_writes_a_size_once(signed_in, make, bob) -> None:
    model = make.model("ridge")
    run, newer = (make.finished_run(models=[model]) for _ in range(2))
    keyed = {"Idempotency-Key": "k1"}
    first = send(signed_in, f"runs/{run.name}/apply/", **keyed)
    apply_size(newer, [model], bob)
    again = send(signed_in, f"runs/{run.name}/apply/", **keyed)
    assert (again.status_code, again.json()) == (200, first.json())
    model.refresh_from_db()
    assert model.tags["profile.run"] == newer.name
    refused(send(signed_in, f"runs/{newer.name}/apply/", **keyed), 409, "refused")
    signed_in.force_login(bob)
    send(signed_in, f"runs/{run.name}/apply/", **keyed)
    model.refresh_from_db()
    assert model.tags["profile.run"] == run.name


def test_what_was_refused_leaves_its_key_unused(signed_in, make) -> None:
    run = provisional_run(make, models=[make.model("ridge")])
    keyed = {"Idempotency-Key": "k1"}
    refused(send(signed_in, f"runs/{run.name}/apply/", **keyed), 409, "confirmation_needed")
    confirmed = send(signed_in, f"runs/{run.name}/apply/", {"confirmed": True}, **keyed)
    assert confirmed.status_code == 200


def test_a_key_mends_once(signed_in, make) -> None:
    run = mendable_run(make)
    asked, keyed = {"fix": "threads-over-quota"}, {"Idempotency-Key": "k1"}
    first = send(signed_in, f"runs/{run.name}/mend/", asked, **keyed)
    again = send(signed_in, f"runs/{run.name}/mend/", asked, **keyed)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["name"] == first.json()["name"]
    assert InferenceConfig.objects.filter(name=run.config.name).count() == 2


def test_a_key_proposes_and_comments_once(signed_in, make) -> None:
    run = make.finished_run(models=[make.model("ridge")])
    asked = {"run": run.name}
    made = [send(signed_in, "proposals/", asked, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 200]
    path = f"proposals/{Proposal.objects.get().pk}/comment/"
    for _ in range(2):
        said = send(signed_in, path, {"text": "Well?"}, **{"Idempotency-Key": "k2"})
    assert [event["kind"] for event in said.json()["events"]] == ["proposed", "commented"]


def test_keys_are_forgotten_after_a_month(alice) -> None:
    KeyedAnswer.objects.once(alice, "old", "d", dict)
    long_ago = timezone.now() - timedelta(days=31)
    KeyedAnswer.objects.update(at=long_ago)
    KeyedAnswer.objects.once(alice, "new", "d", dict)
    drop_staged()
    assert [row.key for row in KeyedAnswer.objects.all()] == ["new"]


# ---- following, cancelling, applying -------------------------------------------------------


def test_the_status_says_how_far_it_is_and_when_to_ask_again(signed_in, make) -> None:
    target = make.target()
    first, second = make.run(target=target), make.run(target=target)
    status = signed_in.get(f"/api/v1/runs/{second.name}/status/").json()
    assert (status["state"], status["queue_position"], status["exit_status"]) == ("queued", 2, None)
    assert status["poll_after_s"] > 0
    send(signed_in, f"runs/{first.name}/cancel/")
    status = signed_in.get(f"/api/v1/runs/{first.name}/status/").json()
    assert (status["is_finished"], status["exit_status"]) == (True, 3)


def test_a_run_is_cancelled_and_once_more_changes_nothing(signed_in, make, alice) -> None:
    run = make.run()
    for _ in range(2):
        answer = send(signed_in, f"runs/{run.name}/cancel/")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    run.refresh_from_db()
    assert run.cancel_requested_by == alice
    done = make.finished_run()
    body = refused(send(signed_in, f"runs/{done.name}/cancel/"), 409, "refused")
    assert "already succeeded" in body["message"]


def test_a_run_that_does_not_stop_is_stopped_by_force(signed_in, make, alice) -> None:
    run = make.run()
    run.begin(run.attempt)
    path = f"runs/{run.name}/cancel/"
    body = refused(send(signed_in, path, {"force": True}), 409, "refused")
    assert "not asked to stop yet" in body["message"]
    assert send(signed_in, path).json()["state"] == "running"
    assert send(signed_in, path).status_code == 200
    for _ in range(2):
        assert send(signed_in, path, {"force": True}).json()["state"] == "cancelled"
    run.refresh_from_db()
    assert run.cancel_forced_by == alice


def test_a_run_is_asked_for_again(signed_in, make, alice) -> None:
    run = make.run(objective={"percentile": 99, "latency_ms": 20})
    path = f"runs/{run.name}/again/"
    first = send(signed_in, path, **{"Idempotency-Key": "k1"})
    assert first.status_code == 201
    assert first["Location"].endswith(f"/api/v1/runs/{first.json()['name']}/")
    again = ProfileRun.objects.exclude(pk=run.pk).get()
    assert (again.objective, again.created_by) == (run.objective, alice)
    once_more = send(signed_in, path, **{"Idempotency-Key": "k1"})
    assert (once_more.status_code, once_more.json()["name"]) == (200, again.name)
    other = f"runs/{again.name}/again/"
    refused(send(signed_in, other, **{"Idempotency-Key": "k1"}), 409, "refused")
    assert send(signed_in, path).status_code == 201
    refused(send(signed_in, "runs/none/again/"), 404, "not_found")


def test_what_would_be_refused_by_now_is_not_asked_for_again(signed_in, make, settings) -> None:
    run = make.run()
    settings.PROFILER_ALLOW_PROCESS_TARGET = False
    body = refused(send(signed_in, f"runs/{run.name}/again/"), 409, "refused")
    assert "PROFILER_ALLOW_PROCESS_TARGET" in body["message"]
    assert ProfileRun.objects.count() == 1


# ---- many at once --------------------------------------------------------------------------


def test_runs_are_cancelled_together_and_each_says_what_happened(signed_in, make) -> None:
    waiting, done = make.run(), make.finished_run()
    names = [done.name, "none", waiting.name]
    answer = send(signed_in, "bulk/runs/cancel/", {"rows": names})
    assert answer.status_code == 200, answer.content
    assert [(one["row"], one["done"]) for one in answer.json()] == [
        (done.name, False), ("none", False), (waiting.name, True),
    ]  # fmt: skip
    assert [one["message"] for one in answer.json()] == [
        "Not cancelled, already succeeded.", "There is no such run.",
        "Being cancelled; what it measured so far is kept.",
    ]  # fmt: skip
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"


def test_asking_for_several_again_under_a_key_starts_each_once(signed_in, make) -> None:
    rows = {"rows": [make.run().name, make.run().name]}
    for _ in range(2):
        answer = send(signed_in, "bulk/runs/again/", rows, **{"Idempotency-Key": "k1"})
        assert all(one["done"] for one in answer.json())
    assert ProfileRun.objects.count() == 4


def test_several_models_get_a_tag_and_lose_it(signed_in, make, alice) -> None:
    rows = {"rows": [make.model("a").ref, make.model("b").ref]}
    send(signed_in, "bulk/models/tag/", {**rows, "key": "team", "value": "risk"})
    assert [model.tags for model in RegisteredModel.objects.all()] == [{"team": "risk"}] * 2
    send(signed_in, "bulk/models/tag/", {**rows, "key": "team"})
    assert [model.tags for model in RegisteredModel.objects.all()] == [{}] * 2
    [one, _] = send(signed_in, "bulk/models/tag/", rows).json()
    assert one == {"row": "a:1", "done": False, "message": "No tag was set, it needs a key."}


def test_approved_proposals_are_applied_together(signed_in, make, alice) -> None:
    runs = [make.finished_run(how, models=[make.model(how)]) for how in ("verified", "provisional")]
    numbers = [
        send(signed_in, "proposals/", {"run": run.name}).json()["number"] for run in runs
    ]  # fmt: skip
    sure, unsure = send(signed_in, "bulk/review/apply/", {"rows": numbers}).json()
    assert (sure["done"], unsure["done"]) == (True, False)
    assert "speaks against it" in unsure["message"]
    asked = {"rows": numbers, "although": True}
    again, late = send(signed_in, "bulk/review/apply/", asked).json()
    assert (again["done"], late["done"]) == (False, True)
    assert "is applied" in again["message"]


@pytest.mark.parametrize(
    ("path", "rows", "status", "code"),
    [
        ("bulk/runs/explode/", ["a"], 404, "not_found"),
        ("bulk/runs/compare/", ["a"], 404, "not_found"),
        ("bulk/ships/cancel/", ["a"], 404, "not_found"),
        ("bulk/runs/cancel/", [], 400, "invalid"),
        ("bulk/runs/cancel/", ["a"] * 201, 400, "invalid"),
        ("bulk/runs/cancel/", "a", 400, "invalid"),
    ],
)
def test_what_cannot_be_done_to_many_is_refused(signed_in, path, rows, status, code) -> None:
    refused(send(signed_in, path, {"rows": rows}), status, code)


def test_a_size_is_applied(signed_in, make) -> None:
    run = make.finished_run(models=[make.model("ridge")])
    data = send(signed_in, f"runs/{run.name}/apply/").json()
    assert data["models"] == ["ridge:1"]
    assert RegisteredModel.objects.get().tags["requestedCpu"] == data["tags"]["requestedCpu"]
    body = refused(send(signed_in, f"runs/{run.name}/apply/", {"models": ["x:1"]}), 400, "invalid")
    assert body["fields"] == {"models": ["x:1 is not a model of this run."]}


def test_what_is_not_proven_needs_a_confirmation(signed_in, make) -> None:
    run = make.finished_run("provisional")
    path = f"runs/{run.name}/apply/"
    refused(send(signed_in, path), 409, "confirmation_needed")
    assert send(signed_in, path, {"confirmed": True}).status_code == 200
    sized = sized_run(make, models=[make.model("other")])
    path = f"runs/{sized.name}/apply/"
    refused(send(signed_in, path, {"measurement": 3}), 409, "confirmation_needed")
    refused(send(signed_in, path, {"measurement": 99}), 409, "refused")
    tags = send(signed_in, path, {"measurement": 3, "confirmed": True}).json()["tags"]
    assert tags["profile.standing"] == "measured"


def test_a_declined_size_cannot_be_applied(signed_in, make) -> None:
    run = make.finished_run("declined")
    refused(send(signed_in, f"runs/{run.name}/apply/"), 409, "refused")


def test_a_run_without_a_fix_has_nothing_to_mend(signed_in, make) -> None:
    run = make.finished_run()
    refused(send(signed_in, f"runs/{run.name}/mend/", {"fix": "none"}), 409, "refused")


# ---- exports -------------------------------------------------------------------------------


def test_results_raw_samples_and_the_log_are_exported(signed_in, make) -> None:
    run = sized_run(make)
    result = signed_in.get(f"/api/v1/runs/{run.name}/result/").json()
    assert result["advice"]["cpu_millicores"] == 400
    assert len(result["measurements"]) == 6
    raw = signed_in.get(f"/api/v1/runs/{run.name}/raw/csv/")
    names = zipfile.ZipFile(io.BytesIO(raw.getvalue())).namelist()
    assert any(name.endswith("requests.csv") for name in names)
    log = signed_in.get(f"/api/v1/runs/{run.name}/log/")
    assert log["Content-Type"].startswith("text/plain")
    refused(signed_in.get(f"/api/v1/runs/{run.name}/raw/xls/"), 404, "not_found")
    refused(signed_in.get(f"/api/v1/runs/{make.run().name}/result/"), 404, "not_found")


# ---- proposals -----------------------------------------------------------------------------


@pytest.fixture
def carol(django_user_model):
    user = django_user_model.objects.create_user("carol", password="horse staple correct")
    user.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    return user


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


# ---- who may -------------------------------------------------------------------------------

WRITES = (
    ("models/", "post"), ("datasets/", "post"), ("configs/", "post"), ("runs/", "post"),
    ("models/ridge:1/", "patch"), ("runs/x/cancel/", "post"), ("runs/x/apply/", "post"),
    ("runs/x/mend/", "post"), ("runs/x/again/", "post"), ("bulk/runs/cancel/", "post"),
    ("bulk/review/apply/", "post"), ("proposals/", "post"), ("proposals/1/comment/", "post"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_a_viewer_changes_nothing(signed_in, alice, path: str, method: str) -> None:
    alice.groups.add(Group.objects.get_or_create(name="viewer")[0])
    body = refused(send(signed_in, path, {}, method), 403, "permission_denied")
    assert "takes the role contributor" in body["message"]


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_a_token_that_may_only_read_changes_nothing(client, alice, path: str, method: str) -> None:
    _, text = ApiToken.objects.make(user=alice, name="ci")
    answer = send(client, path, {}, method, Authorization=f"Bearer {text}")
    assert "may only read" in refused(answer, 403, "permission_denied")["message"]


def test_a_token_that_may_write_does_what_its_user_may(client, alice, make) -> None:
    make.model("ridge")
    _, text = ApiToken.objects.make(user=alice, name="ci", scope="write")
    answer = send(
        client, "models/ridge:1/", {"tags": {"a": "b"}}, "patch", Authorization=f"Bearer {text}"
    )
    assert answer.json()["tags"] == {"a": "b"}


def test_a_page_of_another_site_cannot_write_with_the_visitors_session(alice, make) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = send(browser, f"runs/{make.run().name}/cancel/")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "permission_denied")
