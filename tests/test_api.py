"""The REST API: what it says of runs, who may ask, and one shape for every error."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from runs.models import ApiToken, Proposal
from tests.compared_runs import record_result
from tests.measured_runs import failed_run, sized_run
from tests.page_rows import queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unthrottled")]


def ask(client, path: str, **query: str) -> dict:
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


# ---- runs and measurements -----------------------------------------------------------------


def test_a_run_says_what_it_was_asked_and_what_came_of_it(signed_in, make) -> None:
    run = sized_run(make, models=[make.model("ridge")])
    data = ask(signed_in, f"runs/{run.name}/")
    assert (data["state"], data["standing"]) == ("succeeded", "verified")
    assert data["advice"]["cpu_millicores"] == 400
    assert data["models"] == ["ridge:1"]
    assert list(data["inputs"]["models"]) == ["ridge:1"]
    assert data["objective"] == {"percentile": 95, "latency_ms": 50}
    assert data["created_at"].endswith("Z")
    assert data["links"]["measurements"].endswith(f"/api/v1/runs/{run.name}/measurements/")
    assert data["error"] is None


def test_a_run_tells_what_was_found_of_memory_start_up_and_causes(signed_in, make) -> None:
    run = sized_run(make)
    parts = {
        "diagnoses": [{"code": "swapping"}],
        "memory": {"needed_bytes": 1},
        "startup": {"points": []},
        "latency_model": {"why_not": "too little"},
    }
    run.result = parts
    run.save()
    data = ask(signed_in, f"runs/{run.name}/")
    assert {name: data[name] for name in parts} == parts
    queued = ask(signed_in, f"runs/{make.run().name}/")
    assert [queued[name] for name in parts] == [None] * 4


def test_a_failed_run_says_why(signed_in, make) -> None:
    run = failed_run(make, "ScriptFailed", "init() raised KeyError", "Traceback ...")
    error = ask(signed_in, f"runs/{run.name}/")["error"]
    assert error == {
        "code": "ScriptFailed",
        "message": "init() raised KeyError",
        "log_tail": "Traceback ...",
    }


def test_measurements_come_with_whether_they_may_be_believed(signed_in, make) -> None:
    run = sized_run(make)
    results = ask(signed_in, f"runs/{run.name}/measurements/")["results"]
    assert [row["ordinal"] for row in results] == [1, 2, 3, 4, 5, 6]
    slow = results[2]
    assert (slow["outcome"], slow["validity"]["valid"]) == ("failed", True)
    assert slow["outcome_reasons"]
    assert slow["outcome_findings"][0]["docs"] == "docs/validity.md#percentile-over-bound"
    assert slow["latency_estimates"] == ["p999"]
    assert slow["latency_ms"]["p95"] == pytest.approx(90)
    assert "document" not in slow
    whole = ask(signed_in, f"runs/{run.name}/measurements/3/")
    assert whole["document"]["windows"]


def test_the_list_is_filtered_as_the_page_is_and_read_by_cursor(signed_in, make) -> None:
    runs = [make.run(models=[make.model(f"m{n}")]) for n in range(3)]
    make.finished_run()
    page = ask(signed_in, "runs/", state="queued", limit="2")
    assert [row["name"] for row in page["results"]] == [runs[2].name, runs[1].name]
    rest = signed_in.get(page["next"]).json()
    assert [row["name"] for row in rest["results"]] == [runs[0].name]
    assert rest["next"] is None


def test_ten_runs_take_as_many_queries_as_one(signed_in, make) -> None:
    make.finished_run()
    one = queries_of(lambda: ask(signed_in, "runs/"))
    for _ in range(4):
        make.finished_run()
    assert queries_of(lambda: ask(signed_in, "runs/")) == one


def test_measured_sizes_are_listed_as_they_could_be_used(signed_in, make) -> None:
    run = sized_run(make)
    row = run.measurements.get(ordinal=2)
    row.valid = False
    row.save()
    sizes = {one["cpu_millicores"]: one for one in ask(signed_in, f"runs/{run.name}/sizes/")}
    assert list(sizes) == [200, 300, 400, 500, 1000]
    assert (sizes[400]["standing"], sizes[400]["doubts"]) == ("verified", [])
    assert sizes[300]["standing"] == "measured"
    assert "objective was not kept" in sizes[300]["doubts"][0]
    assert "cannot be believed" in sizes[500]["refused"]
    assert sizes[500]["memory_bytes"] is None


def test_runs_are_compared(signed_in, make) -> None:
    base, slower = record_result(make, 1), record_result(make, 2, slower=1.5)
    data = ask(signed_in, "compare/", runs=f"{slower.name},{base.name}", base=base.name)
    assert data["base"] == base.name
    [against] = data["runs"]
    assert against["run"] == slower.name
    assert against["comparisons"]["measuring"]["verdict"] == "worse"


# ---- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("runs/none/", 404, "not_found"),
        ("runs/none/measurements/", 404, "not_found"),
        ("runs/none/measurements/1/", 404, "not_found"),
        ("nothing/", 404, "not_found"),
        ("runs/?state=asleep", 400, "invalid"),
        ("runs/?cursor=spoilt", 404, "not_found"),
        ("compare/?runs=a", 400, "invalid"),
        ("compare/?runs=a,b", 400, "invalid"),
    ],
)
def test_every_error_has_one_shape(signed_in, path: str, status: int, code: str) -> None:
    answer = signed_in.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.json()["code"] == code
    assert answer.json()["message"]


def test_a_wrong_parameter_is_named(signed_in) -> None:
    fields = signed_in.get("/api/v1/runs/?state=asleep").json()["fields"]
    assert "asleep" in fields["state"][0]


def test_what_an_address_does_not_take_is_refused(signed_in) -> None:
    refused = signed_in.post("/api/v1/compare/", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")


def test_a_bug_is_told_in_the_same_shape_without_its_details(signed_in, make, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("runs.api.views.compare_runs", broken)
    answer = signed_in.get("/api/v1/compare/?runs=a,b")
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "secret" not in answer.content.decode()


def test_too_many_requests_are_refused(signed_in, monkeypatch) -> None:
    from rest_framework.throttling import UserRateThrottle

    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    codes = [signed_in.get("/api/v1/runs/").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    answer = signed_in.get("/api/v1/runs/")
    assert answer.json()["code"] == "throttled"
    assert answer["Retry-After"]


# ---- who may ask ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["runs/", "runs/x/", "compare/", "schema/", "nothing/"])
def test_strangers_are_refused(client, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def with_token(client, text: str):
    return client.get("/api/v1/runs/", headers={"Authorization": f"Bearer {text}"})


def test_a_token_lets_a_program_in_and_is_kept_as_a_hash_only(client, alice) -> None:
    token, text = ApiToken.objects.make(user=alice, name="ci")
    assert with_token(client, text).status_code == 200
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert text not in str(vars(token))
    assert text.split("_", 2)[2] not in str(vars(token))


def test_a_wrong_expired_or_orphaned_token_is_refused(client, alice) -> None:
    _, text = ApiToken.objects.make(user=alice, name="ci")
    assert with_token(client, text + "x").status_code == 401
    assert with_token(client, "nonsense").json()["code"] == "authentication_failed"
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert with_token(client, text).status_code == 401
    ApiToken.objects.update(expires_at=None)
    alice.is_active = False
    alice.save()
    assert with_token(client, text).status_code == 401


def test_the_command_prints_a_token_that_works(client, alice, capsys) -> None:
    call_command("make_token", "alice", "--days", "7")
    text = capsys.readouterr().out.strip()
    assert with_token(client, text).status_code == 200
    days = (ApiToken.objects.get().expires_at - timezone.now()).days
    assert days in (6, 7)
    with pytest.raises(CommandError, match="There is no user eve"):
        call_command("make_token", "eve")


def test_an_administrator_makes_a_token_and_sees_it_once(client, root, alice) -> None:
    client.force_login(root)
    answer = client.post(
        "/admin/runs/apitoken/add/",
        {"user": alice.pk, "name": "ci", "scope": "write", "expires_at_0": "", "expires_at_1": ""},
        follow=True,
    )
    [text] = re.findall(r"mp_[0-9a-f]{12}_[\w-]{40,}", answer.content.decode())
    assert text not in client.get("/admin/runs/apitoken/").content.decode()
    client.logout()
    assert with_token(client, text).status_code == 200


# ---- the OpenAPI document ------------------------------------------------------------------


def test_the_document_is_valid_and_names_every_endpoint(signed_in) -> None:
    schema = ask(signed_in, "schema/")
    found = {path.removeprefix("/api/v1/"): set(on) for path, on in schema["paths"].items()}
    get, post = {"get"}, {"post"}
    assert found == {
        "runs/": get | post,
        "runs/{name}/": get,
        "runs/{name}/measurements/": get,
        "runs/{name}/measurements/{ordinal}/": get,
        "runs/{name}/sizes/": get,
        "runs/{name}/status/": get,
        "runs/{name}/cancel/": post,
        "runs/{name}/again/": post,
        "runs/{name}/apply/": post,
        "runs/{name}/mend/": post,
        "runs/{name}/log/": get,
        "runs/{name}/result/": get,
        "runs/{name}/raw/{form}/": get,
        "runs/{name}/raw/{form}/{ordinal}/{series}/": get,
        "runs/{name}/report/": get,
        "models/": get | post,
        "models/{ref}/": get | {"patch"},
        "datasets/": get | post,
        "datasets/{ref}/": get,
        "configs/": get | post,
        "configs/{ref}/": get,
        "targets/": get,
        "proposals/": get | post,
        "proposals/{number}/": get,
        "proposals/{number}/{action}/": post,
        "bulk/{listing}/{action}/": post,
        "lists/{listing}/{form}/": get,
        "compare/": get,
        "compare/report/": get,
    }
    validate_schema(schema)
    errors = {"400", "401", "403", "404", "405", "409", "429", "500"}
    for path in schema["paths"].values():
        for operation in path.values():
            assert errors <= set(operation["responses"])


def test_what_a_form_takes_is_in_the_document(signed_in) -> None:
    body = ask(signed_in, "schema/")["paths"]["/api/v1/models/"]["post"]["requestBody"]
    fields = body["content"]["multipart/form-data"]["schema"]["properties"]
    assert fields["files"] == {
        "type": "array", "items": {"type": "string", "format": "binary"},
    }  # fmt: skip
    assert "One a line" in fields["tags"]["description"]


def test_answers_are_as_the_document_says(signed_in, make) -> None:
    run = sized_run(make, models=[make.model("ridge")])
    asked = {"run": run.name}
    signed_in.post("/api/v1/proposals/", asked, content_type="application/json")
    number = Proposal.objects.get().pk
    schema = ask(signed_in, "schema/")
    for path, component in (
        (f"runs/{run.name}/status/", "RunStatus"),
        ("models/", "PaginatedModelList"),
        ("models/ridge:1/", "Model"),
        (f"datasets/{run.dataset.ref}/", "Dataset"),
        (f"configs/{run.config.ref}/", "Config"),
        ("targets/", "PaginatedTargetList"),
        ("proposals/", "PaginatedProposalList"),
        (f"proposals/{number}/", "ProposalDetail"),
        (f"runs/{run.name}/", "RunDetail"),
        (f"runs/{run.name}/measurements/", "PaginatedMeasurementList"),
        (f"runs/{run.name}/measurements/1/", "MeasurementDetail"),
        ("runs/", "PaginatedRunList"),
    ):
        wanted = {**schema["components"]["schemas"][component], "components": schema["components"]}
        Draft202012Validator(wanted).validate(ask(signed_in, path))
