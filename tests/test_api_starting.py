"""Runs that a program starts through the REST API, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.applying import apply_size
from runs.models import (
    InferenceConfig,
    KeyedAnswer,
    ProfileRun,
    Proposal,
)
from runs.sweeper import drop_staged
from tests.api_calls import refused, send
from tests.measured_runs import mendable_run, provisional_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed", "unthrottled")]


@pytest.fixture
def inputs(make) -> dict:
    target = make.target(name="here")
    make.model("ridge")
    make.config("score")
    make.dataset("requests")
    return {"models": ["ridge:1"], "config": "score", "dataset": "requests", "target": target.name}


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
