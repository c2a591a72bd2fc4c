"""What a program does with runs through the REST API, one or many."""

from __future__ import annotations

import io
import zipfile

import pytest

from runs.models import (
    ProfileRun,
    RegisteredModel,
)
from tests.api_calls import refused, send
from tests.measured_runs import sized_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed", "unthrottled")]


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
