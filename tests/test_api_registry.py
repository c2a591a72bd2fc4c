"""What a program changes in the registry through the REST API."""

from __future__ import annotations

import pytest

from runs.models import (
    Dataset,
    InferenceConfig,
    RegisteredModel,
)
from tests.api_calls import SCORE, refused, send
from tests.page_rows import folder, queries_of, upload, zip_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed", "unthrottled")]


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
