"""What the pages show as a command, in Python and for curl does what their buttons do: each text is
taken from its page and executed against the live server, and then the effect must be there."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from runs.models import InferenceConfig, ProfileRun, Proposal, StagedUpload
from tests.live_site import Site, site_for
from tests.measured_runs import sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db(transaction=True)
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"

every_way = pytest.mark.parametrize("way", ["cli", "python", "curl"])


@pytest.fixture(autouse=True)
def processes(settings):
    from django.core.cache import cache

    cache.clear()
    settings.PROFILER_ALLOW_PROCESS_TARGET = True


class Ways(HTMLParser):
    """The texts of a page by their ids, and where its forms ask for theirs."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.asked_at: list[str] = []
        self._id = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        if tag == "pre" and (given.get("id") or "").startswith("by-command-"):
            self._id = given["id"]
            self.texts[self._id] = ""
        if "by-command/" in (given.get("hx-post") or ""):
            self.asked_at.append(given["hx-post"])

    def handle_endtag(self, tag: str) -> None:
        self._id = "" if tag == "pre" else self._id

    def handle_data(self, data: str) -> None:
        if self._id:
            self.texts[self._id] += data


class Reader:
    """A signed-in person who copies from pages and pastes into a shell."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        place = urlsplit(site.url)
        self._as_live = {"SERVER_NAME": place.hostname, "SERVER_PORT": str(place.port)}

    def page(self, path: str) -> Ways:
        answer = self.browser.get(path, **self._as_live)
        assert answer.status_code == 200, (path, answer.status_code)
        return Ways(answer.content.decode())

    def texts(self, path: str) -> dict[str, str]:
        return self.page(path).texts

    def of_form(self, path: str, what: str, fields: dict) -> dict[str, str]:
        """The texts of a form that is filled in so, asked for as its page's script does."""
        [url] = [url for url in self.page(path).asked_at if f"by-command/{what}/" in url]
        answer = self.browser.post(url, fields, **self._as_live)
        assert answer.status_code == 200, answer.content
        return Ways(answer.content.decode()).texts

    def execute(self, texts: dict[str, str], title: str, way: str) -> str:
        text = texts[f"by-command-{title}-{way}"]
        assert self.site.token not in text
        command = [sys.executable, "-c", text] if way == "python" else ["bash", "-ec", text]
        done = self.site.execute(command)
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def site(live_server, alice, tmp_path) -> Site:
    folder = tmp_path / "work"
    (folder / "service" / "tools").mkdir(parents=True)
    (folder / "model.pkl").write_bytes(b"weights")
    (folder / "requests.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (folder / "score.py").write_text(SCORE)
    (folder / "service" / "score.py").write_text(SCORE)
    (folder / "service" / "tools" / "empty.py").write_text("")
    return site_for(alice, live_server.url, folder)


def provisional_run(make, **fields: object) -> ProfileRun:
    """Its size was not verified, so using it needs a confirmation."""
    run = sized_run(make, **fields)
    run.advice = {**run.advice, "standing": "provisional", "reasons": ["The time ran out."]}
    run.save(update_fields=["advice"])
    return run


@pytest.fixture
def reader(site, signed_in) -> Reader:
    return Reader(signed_in, site)


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
def test_registering_a_config_with_a_conda_file(reader, site, alice, way) -> None:
    conda = "dependencies:\n  - python=3.11\n  - pip:\n      - numpy\n"
    (site.folder / "conda.yml").write_text(conda)
    fields = {
        "name": "score", "kind": "scored", "environment_kind": "conda",
        "conda_file": SimpleUploadedFile("conda.yml", conda.encode()),
        **staged(alice, "config", {"score.py": SCORE}),
    }  # fmt: skip
    texts = reader.of_form(reverse("config_register"), "config", fields)
    reader.execute(texts, "register-by-command", way)
    assert InferenceConfig.objects.get().definition["environment"]["conda"] == "conda.yml"


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


def test_a_folder_of_many_files_is_sent_by_curl_as_an_archive(reader, site, alice) -> None:
    files = {f"service/f{number}.py": "" for number in range(20)} | {"service/score.py": SCORE}
    for path, text in files.items():
        (site.folder / path).write_text(text)
    fields = {"name": "ridge", **staged(alice, "model", files, is_folder=True)}
    texts = reader.of_form(reverse("model_register"), "model", fields)
    curl = texts["by-command-register-by-command-curl"]
    assert curl.startswith("zip -qr service.zip service\ncurl ")
    with zipfile.ZipFile(site.folder / "service.zip", "w") as archive:
        for path in files:
            archive.write(site.folder / path, path)
    shown = {"by-command-register-by-command-curl": curl.partition("\n")[2]}
    reader.execute(shown, "register-by-command", "curl")
    from runs.models import RegisteredModel

    assert len(RegisteredModel.objects.get().files.paths) == 21


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
def test_exporting_raw_samples(reader, site, make, way) -> None:
    run = sized_run(make)
    reader.execute(reader.texts(run.get_absolute_url()), "export-by-command", way)
    assert zipfile.ZipFile(site.folder / f"{run.name}-raw-csv.zip").namelist()


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
