"""What the pages show as a command, in Python and for curl does what their buttons do: each text is
taken from its page and executed against the live server, and then the effect must be there."""

from __future__ import annotations

import zipfile
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from runs.models import InferenceConfig, Proposal, StagedUpload
from tests.command_reader import SCORE, Reader, every_way, reader_for
from tests.measured_runs import provisional_run, sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(live_server, signed_in, alice, tmp_path, settings) -> Reader:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    return reader_for(signed_in, alice, live_server.url, tmp_path / "work")


def staged(user, purpose: str, files: dict[str, str], is_folder: bool = False) -> dict[str, str]:
    """The form's field for files that were sent ahead."""
    sent = [(path, SimpleUploadedFile(path, text.encode())) for path, text in files.items()]
    upload = StagedUpload.objects.stage(
        owner=user, purpose=purpose, files=sent, is_folder=is_folder
    )
    return {"staged": str(upload.uuid)}


# ---- registering ---------------------------------------------------------------------------


@every_way
def test_registering_a_model(reader, make, alice, way) -> None:
    fields = {
        "name": "ridge", "framework": "ScikitLearn", "description": "it's \"good\" $HOME",
        "tags": "team=risk\nnote=a=b", "properties": "x=1",
    }  # fmt: skip
    fields |= staged(alice, "model", {"model.pkl": "weights"})
    texts = reader.of_form(reverse("model_register"), "model", fields)
    reader.execute(texts, "register-by-command", way)
    model = type(make.model("other")).objects.get(name="ridge")
    assert (model.tags, model.properties) == ({"team": "risk", "note": "a=b"}, {"x": "1"})
    assert (model.description, model.framework) == (fields["description"], "ScikitLearn")
    assert (model.files.name, model.files.is_folder) == ("model.pkl", False)


@every_way
def test_registering_what_nothing_was_filled_into(reader, make, way) -> None:
    texts = reader.of_form(reverse("model_register"), "model", {})
    reader.execute(texts, "register-by-command", way)
    assert make.model("my-name").version == 2


@every_way
def test_registering_a_dataset(reader, make, alice, way) -> None:
    fields = {"name": "rows", "content_type": "application/json"}
    fields |= staged(alice, "dataset", {"requests.jsonl": '{"a": 1}\n{"a": 2}\n'})
    texts = reader.of_form(reverse("dataset_register"), "dataset", fields)
    reader.execute(texts, "register-by-command", way)
    assert type(make.dataset("other")).objects.get(name="rows").rows == 2


@every_way
def test_registering_a_config_from_a_folder(reader, alice, way) -> None:
    files = {"service/score.py": SCORE, "service/tools/empty.py": ""}
    fields = {
        "name": "score", "kind": "scored", "environment_kind": "pip", "workers": "2",
        "requirements": "numpy\nscipy>=1", "env": "OMP_NUM_THREADS=1", "egress": "on",
        **staged(alice, "config", files, is_folder=True),
    }  # fmt: skip
    texts = reader.of_form(reverse("config_register"), "config", fields)
    reader.execute(texts, "register-by-command", way)
    config = InferenceConfig.objects.get()
    assert config.files.paths == ["score.py", "tools/empty.py"]
    assert config.definition == {
        "entry_script": "score.py", "environment": {"pip": ["numpy", "scipy>=1"]}, "workers": 2,
        "env": {"OMP_NUM_THREADS": "1"}, "egress": True,
    }  # fmt: skip


@every_way
def test_registering_a_config_with_a_conda_file(reader, alice, way) -> None:
    conda = "dependencies:\n  - python=3.11\n  - pip:\n      - numpy\n"
    (reader.site.folder / "conda.yml").write_text(conda)
    fields = {
        "name": "score", "kind": "scored", "environment_kind": "conda",
        "conda_file": SimpleUploadedFile("conda.yml", conda.encode()),
        **staged(alice, "config", {"score.py": SCORE}),
    }  # fmt: skip
    texts = reader.of_form(reverse("config_register"), "config", fields)
    reader.execute(texts, "register-by-command", way)
    assert InferenceConfig.objects.get().definition["environment"]["conda"] == "conda.yml"


@every_way
def test_registering_the_next_version_of_a_config(reader, make, way) -> None:
    first = make.config("score", pip=["numpy==2.1"])
    fields = {
        "name": "score", "kind": "scored", "environment_kind": "pip", "workers": "2",
        "requirements": "numpy==2.1", "sources_of": "score:1",
    }  # fmt: skip
    path = f"{reverse('config_register')}?of=score:1"
    texts = reader.of_form(path, "config", fields)
    reader.execute(texts, "register-by-command", way)
    second = InferenceConfig.objects.get(version=2)
    assert second.files.manifest == first.files.manifest
    assert second.definition == {**first.definition, "workers": 2}


def test_a_kept_conda_file_is_in_the_command(reader, alice) -> None:
    conda = SimpleUploadedFile("conda.yml", b"dependencies: []")
    kept = StagedUpload.objects.stage(
        owner=alice, purpose="conda_file", files=[("conda.yml", conda)], is_folder=False
    )
    fields = {"kind": "scored", "environment_kind": "conda", "conda_file_sent": str(kept.uuid)}
    texts = reader.of_form(reverse("config_register"), "config", fields)
    assert "--conda-file conda.yml" in texts["by-command-register-by-command-cli"]


@every_way
def test_registering_a_container(reader, way) -> None:
    fields = {
        "name": "own", "kind": "container", "image": "registry/img:1", "port": "80",
        "headers": "X-Tenant: eu", "method": "POST",
    }  # fmt: skip
    texts = reader.of_form(reverse("config_register"), "config", fields)
    reader.execute(texts, "register-by-command", way)
    definition = InferenceConfig.objects.get().definition
    assert (definition["image"], definition["port"]) == ("registry/img:1", 80)
    assert definition["headers"] == {"X-Tenant": "eu"}


def test_a_folder_of_many_files_is_sent_by_curl_as_an_archive(reader, alice) -> None:
    files = {f"service/f{number}.py": "" for number in range(20)} | {"service/score.py": SCORE}
    for path, text in files.items():
        (reader.site.folder / path).write_text(text)
    fields = {"name": "ridge", **staged(alice, "model", files, is_folder=True)}
    texts = reader.of_form(reverse("model_register"), "model", fields)
    curl = texts["by-command-register-by-command-curl"]
    assert curl.startswith("zip -qr service.zip service\ncurl ")
    with zipfile.ZipFile(reader.site.folder / "service.zip", "w") as archive:
        for path in files:
            archive.write(reader.site.folder / path, path)
    shown = {"by-command-register-by-command-curl": curl.partition("\n")[2]}
    reader.execute(shown, "register-by-command", "curl")
    from runs.models import RegisteredModel

    assert len(RegisteredModel.objects.get().files.paths) == 21


# ---- tags and properties -------------------------------------------------------------------


@every_way
def test_setting_a_tag(reader, make, way) -> None:
    model = make.model("ridge", tags={"team": "risk"})
    fields = {"tag-key": "team", "tag-value": 'it\'s = "new"'}
    texts = reader.of_form(model.get_absolute_url(), "tag", fields)
    reader.execute(texts, "set-a-tag-by-command", way)
    model.refresh_from_db()
    assert model.tags == {"team": 'it\'s = "new"'}


@every_way
def test_removing_a_tag(reader, make, way) -> None:
    model = make.model("ridge", tags={"it's": "old", "team": "risk"})
    texts = reader.texts(model.get_absolute_url())
    reader.execute(texts, "remove-a-tag-by-command", way)
    model.refresh_from_db()
    assert model.tags == {"team": "risk"}


@every_way
def test_adding_a_property(reader, make, way) -> None:
    model = make.model("ridge")
    fields = {"property-key": "trained", "property-value": "2026"}
    texts = reader.of_form(model.get_absolute_url(), "property", fields)
    reader.execute(texts, "add-a-property-by-command", way)
    model.refresh_from_db()
    assert model.properties == {"trained": "2026"}


# ---- review --------------------------------------------------------------------------------


@every_way
def test_proposing_a_size(reader, make, bob, way) -> None:
    bob.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    base = sized_run(make, models=[make.model("ridge")])
    run = sized_run(make, models=[make.model("ridge")])
    fields = {
        "models": ["ridge:2"], "reviewers": ["bob"], "baseline": base.name,
        "text": "Look:\n* @bob", "as_properties": "on",
    }  # fmt: skip
    path = f"{reverse('run_propose', args=[run.name])}?measurement=3"
    reader.execute(reader.of_form(path, "propose", fields), "propose-by-command", way)
    proposal = Proposal.objects.get()
    assert (proposal.run, proposal.baseline, proposal.as_properties) == (run, base, True)
    assert proposal.size["measurement"] == 3
    assert [user.username for user in proposal.reviewers.all()] == ["bob"]
    assert proposal.events.get().text == fields["text"]


@every_way
def test_a_proposal_is_decided_applied_and_reverted(reader, make, alice, way) -> None:
    alice.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    model = make.model("ridge", tags={"requestedCpu": "4"})
    # Provisional, so that something speaks against it.
    run = provisional_run(make, models=[model])
    reader.browser.post(reverse("run_propose", args=[run.name]), {"models": ["ridge:1"]})
    proposal = Proposal.objects.get()
    for action, state in (
        ("comment", "open"), ("request-changes", "changes_requested"), ("ask-again", "open"),
        ("approve", "approved"), ("apply", "applied"), ("revert", "reverted"),
    ):  # fmt: skip
        texts = reader.texts(proposal.get_absolute_url())
        reader.execute(texts, f"{TITLES.get(action, action)}-by-command", way)
        proposal.refresh_from_db()
        assert proposal.state == state, action
        model.refresh_from_db()
        assert model.tags["requestedCpu"] == ("0.4" if action == "apply" else "4")
    assert proposal.events.count() == 7


TITLES = {"apply": "apply-as-tags"}


@every_way
def test_withdrawing_a_proposal(reader, make, way) -> None:
    run = sized_run(make, models=[make.model("ridge")])
    reader.browser.post(reverse("run_propose", args=[run.name]), {"models": ["ridge:1"]})
    proposal = Proposal.objects.get()
    reader.execute(reader.texts(proposal.get_absolute_url()), "withdraw-by-command", way)
    proposal.refresh_from_db()
    assert proposal.state == "withdrawn"


# ---- who sees them -------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["model", "dataset", "config", "run", "tag", "apply", "propose"])
def test_a_viewer_sees_none(reader, make, alice, what: str) -> None:
    alice.groups.add(Group.objects.get_or_create(name="viewer")[0])
    run = make.run()
    assert "cancel-by-command" not in str(reader.texts(run.get_absolute_url()))
    answer = reader.browser.post(reverse("form_by_command", args=[what]))
    assert answer.status_code == 403


def test_a_form_that_is_not_there_is_said(reader) -> None:
    assert reader.browser.post(reverse("form_by_command", args=["dance"])).status_code == 404


def test_texts_are_escaped(reader, make) -> None:
    model = make.model("ridge")
    fields = {"tag-key": "</pre><script>", "tag-value": "&amp;"}
    url = next(url for url in reader.page(model.get_absolute_url()).asked_at if "/tag/" in url)
    html = reader.browser.post(url, fields).content.decode()
    assert "<script>" not in html
    assert "&lt;/pre&gt;&lt;script&gt;=&amp;amp;" in html


def test_showing_them_asks_the_database_for_nothing_more(reader, make) -> None:
    run = sized_run(make, models=[make.model(f"m{number}") for number in range(2)])
    few = queries_of(lambda: reader.texts(run.get_absolute_url()))
    run = sized_run(make, models=[make.model(f"n{number}") for number in range(9)])
    ask: Callable[[], object] = lambda: reader.texts(run.get_absolute_url())  # noqa: E731
    assert queries_of(ask) == few
