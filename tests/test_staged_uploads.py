"""Files are sent once: by themselves or with a form, and found again until they are registered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import Dataset, InferenceConfig, ProfileRun, RegisteredModel, StagedUpload
from tests.page_rows import folder, upload, zip_of
from tests.rows import SCORE

pytestmark = pytest.mark.django_db


def stage(client, purpose: str = "model", **files: object):
    return client.post(f"/uploads/{purpose}/", files)


def staged_in(response) -> str:
    """The hidden field that a page sends with its form."""
    html = response.content.decode()
    marker = '<input type="hidden" name="staged" value="'
    return html.partition(marker)[2].partition('"')[0]


def test_a_file_sent_by_itself_is_registered_without_being_sent_again(
    signed_in, alice, data_dir, django_capture_on_commit_callbacks
) -> None:
    answer = stage(signed_in, files=upload("ridge.pkl", b"weights"))
    assert answer.status_code == 201
    assert "ridge.pkl" in answer.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        done = signed_in.post("/models/register/", {"name": "ridge", "staged": staged_in(answer)})
    assert done.url == "/models/ridge/1/"
    model = RegisteredModel.objects.get()
    assert (model.files.name, model.files.open().read()) == ("ridge.pkl", b"weights")
    assert not StagedUpload.objects.exists()
    assert list((data_dir / "staged").iterdir()) == []


def test_a_folder_keeps_its_structure(signed_in) -> None:
    answer = stage(signed_in, **folder({"weights/a.bin": b"a", "weights/deep/b.bin": b"b"}))
    signed_in.post("/models/register/", {"name": "net", "staged": staged_in(answer)})
    files = RegisteredModel.objects.get().files
    assert (files.name, files.paths) == ("weights", ["a.bin", "deep/b.bin"])


def test_an_archive_can_be_unpacked_when_it_is_registered(signed_in) -> None:
    answer = stage(signed_in, files=zip_of({"weights/a.bin": b"a"}))
    sent = {"name": "net", "staged": staged_in(answer), "unpack": "on"}
    signed_in.post("/models/register/", sent)
    assert RegisteredModel.objects.get().files.paths == ["a.bin"]


def test_a_large_file_is_taken_from_where_it_was_received(signed_in, settings) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = stage(signed_in, files=upload("big.bin", b"x" * 1000))
    signed_in.post("/models/register/", {"name": "big", "staged": staged_in(answer)})
    assert RegisteredModel.objects.get().files.total_bytes == 1000
    assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []


def test_what_was_sent_is_there_when_the_page_is_loaded_again(signed_in, client, bob) -> None:
    answer = stage(signed_in, files=upload("ridge.pkl"))
    again = signed_in.get("/models/register/")
    assert staged_in(again) == staged_in(answer)
    assert staged_in(signed_in.get("/datasets/register/")) == ""
    client.force_login(bob)
    assert staged_in(client.get("/models/register/")) == ""


def test_files_outlive_an_error_elsewhere_in_the_form(signed_in) -> None:
    refused = signed_in.post(
        "/models/register/", {"name": "a b", "files": upload("ridge.pkl", b"weights")}
    )
    assert "need not be chosen again" in refused.content.decode()
    signed_in.post("/models/register/", {"name": "ridge", "staged": staged_in(refused)})
    assert RegisteredModel.objects.get().files.open().read() == b"weights"


def test_files_that_were_refused_are_not_kept(signed_in) -> None:
    sent = {"name": "a b", "files": upload("r.csv", "a,b\n1,2\n")}
    page = signed_in.post("/datasets/register/", sent)
    assert staged_in(page) == ""
    assert not StagedUpload.objects.exists()


def test_other_files_take_the_place_of_staged_ones(signed_in) -> None:
    answer = stage(signed_in, files=upload("old.pkl", b"old"))
    sent = {"name": "m", "staged": staged_in(answer), "files": upload("new.pkl", b"new")}
    signed_in.post("/models/register/", sent)
    assert RegisteredModel.objects.get().files.open().read() == b"new"


def test_somebody_elses_files_cannot_be_registered(client, alice, bob) -> None:
    client.force_login(alice)
    key = staged_in(stage(client, files=upload("secret.pkl")))
    client.force_login(bob)
    page = client.post("/models/register/", {"name": "mine", "staged": key})
    assert "no longer kept" in str(page.context["form"].errors["files"])
    client.post(f"/uploads/{key}/discard/")
    assert StagedUpload.objects.filter(uuid=key).exists()
    assert not RegisteredModel.objects.exists()


def test_staged_files_can_be_removed(signed_in, data_dir) -> None:
    key = staged_in(stage(signed_in, files=upload("ridge.pkl")))
    assert signed_in.post(f"/uploads/{key}/discard/").status_code == 204
    assert signed_in.post(f"/uploads/{key}/discard/").status_code == 204
    assert list((data_dir / "staged").iterdir()) == []
    assert staged_in(signed_in.get("/models/register/")) == ""


def test_what_is_not_registered_within_a_day_is_removed(signed_in, data_dir) -> None:
    key = staged_in(stage(signed_in, files=upload("ridge.pkl")))
    fresh = staged_in(stage(signed_in, files=upload("fresh.pkl")))
    long_ago = timezone.now() - timedelta(days=1, minutes=1)
    StagedUpload.objects.filter(uuid=key).update(created_at=long_ago)
    page = signed_in.post("/models/register/", {"name": "late", "staged": key})
    assert "choose them again" in str(page.context["form"].errors["files"])
    assert StagedUpload.objects.drop_outdated() == 1
    assert [path.name for path in (data_dir / "staged").iterdir()] == [fresh]


@pytest.mark.parametrize(
    ("purpose", "files", "status", "said"),
    [
        ("model", {}, 422, "Choose a file"),
        ("model", {"files": upload("big.bin", b"x" * 200)}, 422, "at most 100 B"),
        ("model", {"folder": [upload("a")], "folder_paths": "[]"}, 422, "zip archive"),
        ("spaceship", {"files": upload("a")}, 404, ""),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(
    signed_in, settings, data_dir, purpose, files, status, said
) -> None:
    settings.PROFILER_MAX_UPLOAD_BYTES = 100
    answer = stage(signed_in, purpose, **files)
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert not (data_dir / "staged").exists() or not list((data_dir / "staged").iterdir())


def test_a_viewer_sends_nothing(client, bob, settings) -> None:
    settings.DEFAULT_ROLE = "viewer"
    client.force_login(bob)
    assert stage(client, files=upload("a")).status_code == 403


def test_a_dataset_is_looked_at_from_what_was_sent(signed_in) -> None:
    key = staged_in(stage(signed_in, "dataset", files=upload("r.jsonl", '{"a": 1}\n{"a": 2}\n')))
    looked = signed_in.post("/datasets/register/", {"staged": key, "check": "1"})
    assert "2 rows, 2 different" in looked.content.decode()
    signed_in.post("/datasets/register/", {"name": "requests", "staged": key})
    assert Dataset.objects.get().rows == 2


# --- A look at sources before they are kept -------------------------------------------------------
def look(client, **fields: object) -> str:
    sent = {"kind": "scored", "environment_kind": "pip", "check": "1", **fields}
    return client.post("/configs/register/", sent).content.decode()


def test_sources_are_checked_and_shown_before_they_have_a_name(signed_in) -> None:
    key = staged_in(stage(signed_in, "config", files=upload("score.py", SCORE)))
    html = look(signed_in, staged=key, requirements="numpy==2.1\nrequests")
    assert "This can be served" in html
    assert '<span class="k">def</span>' in html
    assert "2 packages" in html
    unpinned = html.partition("Without a version")[2]
    assert "requests" in unpinned
    assert "numpy" not in unpinned.partition("Pin them")[0]
    assert not InferenceConfig.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"files": upload("score.py", "def init(:\n")}, "does not parse: line 1"),
        ({"files": upload("score.py", "def init(): pass\n")}, "has no run()"),
        ({"files": upload("score.py", SCORE), "requirements": "num py"}, "Requirements"),
        (
            {"files": upload("score.py", SCORE), "requirements": "-r other.txt"},
            "no file &quot;other.txt&quot; in the sources",
        ),
        (
            {"files": upload("score.py", SCORE), "requirements": "numpy==2.1\nNumPy==1.0"},
            "contradicts &quot;numpy==2.1&quot;",
        ),
        ({"files": upload("score.py", SCORE.replace("def run", "async def run"))}, "is async"),
        ({}, "Choose a file"),
        ({"kind": "container", "image": "a b"}, "A container needs it"),
    ],
)
def test_what_cannot_be_served_is_said_before_it_is_kept(signed_in, fields, said) -> None:
    html = look(signed_in, **fields)
    assert "This cannot be served yet" in html
    assert said in html


# --- Single files beside --------------------------------------------------------------------------
CONDA = "dependencies:\n  - python=3.11\n  - pip:\n      - numpy\n"


def kept_in(response, field: str) -> dict[str, str]:
    """What the checked box below a field sends."""
    html = response.content.decode()
    key = html.partition(f'name="{field}_sent" value="')[2].partition('"')[0]
    return {f"{field}_sent": key}


@pytest.mark.parametrize(
    ("kind", "field", "name", "text"),
    [
        ("conda", "conda_file", "conda.yml", CONDA),
        ("dockerfile", "dockerfile", "Dockerfile", "FROM scratch\n"),
    ],
)
def test_a_file_beside_the_sources_outlives_an_error_elsewhere(
    signed_in, data_dir, kind, field, name, text, django_capture_on_commit_callbacks
) -> None:
    asked = {"kind": "scored", "environment_kind": kind, "name": "a b"}
    sent = {"files": upload("score.py", SCORE), field: upload(name, text)}
    refused = signed_in.post("/configs/register/", {**asked, **sent})
    assert f'Take <b class="value">{name}</b>' in refused.content.decode()
    kept = {"staged": staged_in(refused), **kept_in(refused, field)}
    anew = signed_in.get("/configs/register/")
    assert kept == {"staged": staged_in(anew), **kept_in(anew, field)}
    again = {**asked, "name": "score", **kept}
    with django_capture_on_commit_callbacks(execute=True):
        assert signed_in.post("/configs/register/", again).status_code == 302
    config = InferenceConfig.objects.get()
    assert config.definition["environment"][kind] == name
    assert config.files.open(name).read().decode() == text
    assert list((data_dir / "staged").iterdir()) == []


def test_a_kept_file_can_be_left_out_or_replaced(signed_in) -> None:
    asked = {"kind": "scored", "environment_kind": "conda", "name": "a b"}
    sent = {"files": upload("score.py", SCORE), "conda_file": upload("conda.yml", CONDA)}
    refused = signed_in.post("/configs/register/", {**asked, **sent})
    asked |= {"name": "score", "staged": staged_in(refused)}
    without = signed_in.post("/configs/register/", asked)
    assert "Choose it" in str(without.context["form"].errors["conda_file"])
    better = {"conda_file": upload("better.yml", CONDA), **kept_in(refused, "conda_file")}
    assert signed_in.post("/configs/register/", {**asked, **better}).status_code == 302
    environment = InferenceConfig.objects.get().definition["environment"]
    assert environment["conda"] == "better.yml"


@pytest.mark.parametrize("key", ["x", "00000000-0000-0000-0000-000000000000", "bobs"])
def test_a_kept_file_that_is_gone_or_not_ones_own_is_asked_for_again(signed_in, bob, key) -> None:
    if key == "bobs":
        staged = StagedUpload.objects.stage(
            owner=bob, purpose="conda_file", files=[("c.yml", upload("c.yml", CONDA))],
            is_folder=False,
        )  # fmt: skip
        key = str(staged.uuid)
    asked = {"kind": "scored", "environment_kind": "conda", "name": "score"}
    sent = {"files": upload("score.py", SCORE), "conda_file_sent": key}
    page = signed_in.post("/configs/register/", {**asked, **sent})
    assert "no longer kept" in str(page.context["form"].errors["conda_file"])
    assert not InferenceConfig.objects.exists()


def test_recorded_times_outlive_an_error_elsewhere(
    signed_in, make, settings, data_dir, django_capture_on_commit_callbacks
) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    asked = {
        "config": make.config().pk, "dataset": make.dataset().pk, "target": make.target().pk,
        "load_mode": "recorded", "objective_kind": "relative",
    }  # fmt: skip
    sent = {"name": "a b", "arrivals_file": upload("times.txt", "0\n1\n3\n")}
    refused = signed_in.post("/runs/new/", {**asked, **sent})
    assert 'Take <b class="value">times.txt</b>' in refused.content.decode()
    kept = kept_in(refused, "arrivals_file")
    # Wrong once more, and the file is still there.
    refused = signed_in.post("/runs/new/", {**asked, "name": "c d", **kept})
    assert kept_in(refused, "arrivals_file") == kept
    assert kept_in(signed_in.get("/runs/new/"), "arrivals_file") == kept
    load = {"mode": "open", "arrivals": "recorded", "times_s": [0, 1]}
    recorded = make.run(load=load, target=make.target())
    clone = signed_in.get(f"/runs/new/?clone={recorded.name}")
    assert kept_in(clone, "arrivals_file") == {"arrivals_file_sent": ""}
    recorded.delete()
    told = signed_in.post("/runs/new/told/", {**asked, **kept}).content.decode()
    assert "3 recorded arrivals" in told
    with django_capture_on_commit_callbacks(execute=True):
        assert signed_in.post("/runs/new/", {**asked, "name": "good", **kept}).status_code == 302
    assert ProfileRun.objects.get().load["times_s"] == [0, 1, 3]
    assert not StagedUpload.objects.exists()
    assert list((data_dir / "staged").iterdir()) == []


def test_recorded_times_that_were_refused_are_not_kept(signed_in) -> None:
    sent = {"load_mode": "recorded", "arrivals_file": upload("times.txt", "soon\n")}
    page = signed_in.post("/runs/new/", sent)
    assert "Line 1" in str(page.context["form"].errors["arrivals_file"])
    assert not StagedUpload.objects.exists()
