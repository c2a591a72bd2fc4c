"""The models of the registry: list, one model with tags and properties, register."""

from __future__ import annotations

import pytest
from django.urls import reverse

from runs.models import RegisteredModel, StoredFiles, TagEvent
from tests.page_rows import folder, queries_of, upload, zip_of

pytestmark = pytest.mark.django_db

REGISTER = "/models/register/"


def names_on(page) -> list[str]:
    return [row.record.name for row in page.context["table"].page.object_list]


# --- List -----------------------------------------------------------------------------------------
def test_the_list_shows_the_latest_version_of_each_name(signed_in, make) -> None:
    for name in ("ridge", "ridge", "lasso"):
        make.model(name)
    page = signed_in.get("/models/")
    assert [(r.record.name, r.record.version) for r in page.context["table"].page] == [
        ("lasso", 1),
        ("ridge", 2),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=RIDGE", ["ridge"]),
        ("q=platform", ["lasso"]),
        ("tag=owner&sort=name", ["lasso", "ridge"]),
        ("tag=owner%3Drisk", ["ridge"]),
        ("tag=owner%3Dris", []),
        ("tag=profile.run%3Da-1", ["lasso"]),
        ("framework=Onnx", ["lasso"]),
        ("q=ridge&framework=Onnx", []),
        ("sort=name", ["lasso", "ridge"]),
        ("sort=-name", ["ridge", "lasso"]),
        ("sort=-name&sort=nonsense", ["ridge", "lasso"]),
        ("sort=name&page=99", ["lasso", "ridge"]),
    ],
)
def test_the_list_can_be_searched_filtered_and_sorted(signed_in, make, query, found) -> None:
    make.model("ridge", tags={"owner": "risk"})
    make.model("lasso", framework="Onnx", tags={"owner": "platform", "profile.run": "a-1"})
    page = signed_in.get(f"/models/?{query}")
    assert page.status_code == 200
    assert names_on(page) == found


def test_the_list_is_cut_into_pages_that_keep_the_search(signed_in, make) -> None:
    for number in range(30):
        make.model(f"ridge-{number:02}")
    page = signed_in.get("/models/?q=ridge&sort=name&page=2")
    assert names_on(page) == [f"ridge-{number:02}" for number in range(25, 30)]
    assert "q=ridge&amp;sort=name&amp;page=1" in page.content.decode()


def test_twice_the_models_take_no_more_queries(signed_in, make) -> None:
    for number in range(10):
        make.model(f"ridge-{number}", tags={"requestedCpu": "0.5"})
    ten = queries_of(lambda: signed_in.get("/models/"))
    for number in range(10, 20):
        make.model(f"ridge-{number}")
    assert queries_of(lambda: signed_in.get("/models/")) == ten


def test_a_size_in_the_tags_is_shown_as_a_size(signed_in, make) -> None:
    make.model(tags={"requestedCpu": "0.5", "requestedMemoryInGb": "0.15625"})
    assert "500m, 160 MiB" in signed_in.get("/models/").content.decode()


@pytest.mark.parametrize("cpu", ["plenty", "NaN", "Infinity", "1e999999", ""])
def test_a_size_tag_that_makes_no_sense_is_no_size(signed_in, make, cpu) -> None:
    make.model(tags={"requestedCpu": cpu, "requestedMemoryInGb": "1"})
    assert "not sized yet" in signed_in.get("/models/").content.decode()


# --- One model ------------------------------------------------------------------------------------
def test_a_model_shows_versions_tags_properties_files_and_runs(signed_in, make) -> None:
    make.model()
    model = make.model(tags={"owner": "risk"}, properties={"commit": "9b1e44c0"})
    run = make.run(models=[model])
    html = signed_in.get("/models/ridge/2/").content.decode()
    for shown in ("owner", "risk", "by hand", "commit", "9b1e44c0", "model.txt", run.name):
        assert shown in html
    older = signed_in.get("/models/ridge/1/").content.decode()
    assert "Version 2 is newer" in older
    assert run.name not in older


def test_a_model_that_is_not_there_is_not_found(signed_in) -> None:
    assert signed_in.get("/models/ridge/1/").status_code == 404


def test_twice_the_runs_tags_and_versions_take_no_more_queries(signed_in, make) -> None:
    config, dataset, target = make.config(), make.dataset(), make.target()

    def add(numbers: range) -> None:
        for number in numbers:
            model = make.model(tags={"owner": "risk"})
            first.set_tags({f"tag-{number}": "x"}, make.owner)
            make.run(models=[first, model], config=config, dataset=dataset, target=target)

    first = make.model()
    add(range(10))
    ten = queries_of(lambda: signed_in.get("/models/ridge/1/"))
    add(range(10, 20))
    assert queries_of(lambda: signed_in.get("/models/ridge/1/")) == ten


def test_a_tag_is_set_changed_and_removed_with_its_history_kept(signed_in, make, alice) -> None:
    make.model()
    for value in ("risk", "a=b=c"):
        signed_in.post("/models/ridge/1/tags/", {"tag-key": "owner", "tag-value": value})
    assert RegisteredModel.objects.get().tags == {"owner": "a=b=c"}
    signed_in.post("/models/ridge/1/tags/remove/", {"key": "owner"})
    assert RegisteredModel.objects.get().tags == {}
    changes = TagEvent.objects.order_by("pk").values_list("old", "new", "actor", "source")
    assert list(changes) == [
        (None, "risk", alice.pk, "by hand"),
        ("risk", "a=b=c", alice.pk, "by hand"),
        ("a=b=c", None, alice.pk, "by hand"),
    ]


def test_a_tag_needs_a_key(signed_in, make) -> None:
    make.model()
    page = signed_in.post("/models/ridge/1/tags/", {"tag-key": "", "tag-value": "x"})
    assert page.context["tag_form"].errors["key"]
    assert RegisteredModel.objects.get().tags == {}


def test_a_standing_cannot_be_claimed(signed_in, make) -> None:
    """On the page, by a program, or while registering: only a run proves a size."""
    make.model()
    said = "cannot be set by hand"
    page = signed_in.post(
        "/models/ridge/1/tags/", {"tag-key": "profile.standing", "tag-value": "verified"}
    )
    assert said in page.context["tag_form"].errors["key"][0]
    refused = signed_in.patch(
        "/api/v1/models/ridge:1/", {"tags": {"profile.standing": "verified"}},
        content_type="application/json",
    )  # fmt: skip
    assert (refused.status_code, said in refused.content.decode()) == (400, True)
    form = signed_in.post("/models/register/", {"name": "x", "tags": "profile.standing=verified"})
    assert said in form.context["form"].errors["tags"][0]
    assert RegisteredModel.objects.get().tags == {}


def test_the_address_of_a_refused_form_leads_back_to_the_model(signed_in, make) -> None:
    make.model()
    for address in ("/models/ridge/1/tags/", "/models/ridge/1/properties/"):
        assert signed_in.get(address).url == "/models/ridge/1/"
    assert signed_in.get("/models/ridge/1/tags/remove/").status_code == 405


def test_a_property_is_added_once_and_never_changed(signed_in, make) -> None:
    make.model()
    address = "/models/ridge/1/properties/"
    signed_in.post(address, {"property-key": "commit", "property-value": "9b1e44c0"})
    page = signed_in.post(address, {"property-key": "commit", "property-value": "other"})
    assert "immutable" in page.content.decode()
    assert RegisteredModel.objects.get().properties == {"commit": "9b1e44c0"}


def test_what_a_user_wrote_is_shown_as_text(signed_in, make) -> None:
    make.model(description="<script>alert(1)</script>", tags={"<b>": "<img src=x>"})
    for page in ("/models/", "/models/ridge/1/"):
        html = signed_in.get(page).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x>" not in html


# --- Register -------------------------------------------------------------------------------------
def test_a_file_is_registered_with_the_next_version(signed_in, alice, make) -> None:
    make.model("ridge")
    answer = signed_in.post(
        REGISTER,
        {
            "name": "ridge",
            "files": upload("model.pkl", b"new weights"),
            "framework": "ScikitLearn",
            "framework_version": "1.8.0",
            "tags": "owner=risk\nformula=a=b",
            "properties": "commit=9b1e44c0",
        },
    )
    assert answer.url == "/models/ridge/2/"
    model = RegisteredModel.objects.get(version=2)
    assert (model.files.name, model.files.is_folder) == ("model.pkl", False)
    assert model.files.open().read() == b"new weights"
    assert model.tags == {"owner": "risk", "formula": "a=b"}
    assert model.properties == {"commit": "9b1e44c0"}
    assert model.created_by == alice
    assert model.tag_events.count() == 2


def test_a_folder_keeps_its_name_and_structure(signed_in) -> None:
    files = {
        "weights/config.json": "{}",
        "weights/layers/0.bin": b"0",
        "weights/__pycache__/x.pyc": b"junk",
    }
    signed_in.post(REGISTER, {"name": "resnet", **folder(files)})
    stored = RegisteredModel.objects.get().files
    assert (stored.name, stored.is_folder) == ("weights", True)
    assert stored.paths == ["config.json", "layers/0.bin"]


def test_several_files_are_kept_as_a_folder_named_model(signed_in) -> None:
    signed_in.post(
        REGISTER, {"name": "two", "files": [upload("a.bin", b"a"), upload("b.bin", b"b")]}
    )
    stored = RegisteredModel.objects.get().files
    assert (stored.name, stored.paths) == ("model", ["a.bin", "b.bin"])


def test_an_archive_is_a_file_unless_it_is_to_be_unpacked(signed_in) -> None:
    files = {"weights/a.bin": b"a", "weights/deep/b.bin": b"b"}
    signed_in.post(REGISTER, {"name": "kept", "files": zip_of(files)})
    signed_in.post(REGISTER, {"name": "unpacked", "files": zip_of(files), "unpack": "on"})
    kept, unpacked = (RegisteredModel.objects.get(name=n).files for n in ("kept", "unpacked"))
    assert (kept.name, kept.is_folder) == ("files.zip", False)
    assert (unpacked.name, unpacked.paths) == ("weights", ["a.bin", "deep/b.bin"])


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "-ridge"}, "name", "begins with"),
        ({"name": "my ridge"}, "name", "a space"),
        ({"name": "ridgé"}, "name", "é"),
        ({"name": "../etc"}, "name", "begins with"),
        ({"name": "r" * 256}, "name", "256 characters"),
        ({"files": None}, "files", "Choose a file"),
        ({"tags": "owner"}, "tags", "Line 1: write it as"),
        ({"tags": "a=1\na=2"}, "tags", "Line 2: a is there twice"),
        ({"tags": f"a={'x' * 5001}"}, "tags", "5,000"),
        ({"properties": "=x"}, "properties", "Line 1"),
        ({"unpack": "on"}, "files", "not a zip archive"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_the_reason(
    signed_in, fields, place, said
) -> None:
    sent = {"name": "ridge", "files": upload("model.pkl"), **fields}
    page = signed_in.post(
        REGISTER, {key: value for key, value in sent.items() if value is not None}
    )
    assert page.status_code == 200
    assert said in str(page.context["form"].errors[place])
    assert not RegisteredModel.objects.exists()
    assert not StoredFiles.objects.exists()


@pytest.mark.parametrize(
    "path", ["../../evil.py", "/etc/passwd", "weights/../../evil", "weights/\x00", ""]
)
def test_paths_that_leave_the_folder_are_refused(signed_in, path) -> None:
    page = signed_in.post(
        REGISTER,
        {"name": "evil", "folder": [upload("evil.py")], "folder_paths": f'["{path}"]'},
    )
    assert page.context["form"].errors["files"]
    assert not RegisteredModel.objects.exists()


def test_an_archive_that_leaves_its_folder_is_refused(signed_in) -> None:
    evil = zip_of({"../evil.py": "x"})
    page = signed_in.post(REGISTER, {"name": "evil", "files": evil, "unpack": "on"})
    assert "not allowed" in str(page.context["form"].errors["files"])
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize("paths", ["", "[]", "{", '["a/b", "a/c"]', '"a"'])
def test_a_folder_without_its_paths_is_to_be_sent_as_an_archive(signed_in, paths) -> None:
    page = signed_in.post(REGISTER, {"name": "x", "folder": [upload("a")], "folder_paths": paths})
    assert "zip archive" in str(page.context["form"].errors["files"])


def test_more_than_is_allowed_is_refused_before_anything_is_stored(
    signed_in, settings, data_dir
) -> None:
    settings.PROFILER_MAX_UPLOAD_BYTES = 10
    page = signed_in.post(REGISTER, {"name": "big", "files": upload("model.pkl", b"x" * 11)})
    assert "That is 11 B, and at most 10 B" in str(page.context["form"].errors["files"])
    assert not RegisteredModel.objects.exists()
    assert not (data_dir / "blobs").exists()


def test_the_page_of_a_new_version_knows_the_name(signed_in) -> None:
    assert (
        'value="ridge"' in signed_in.get(reverse("model_register") + "?name=ridge").content.decode()
    )
