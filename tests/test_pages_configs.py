"""The inference configs of the registry: list, one config with its sources, register."""

from __future__ import annotations

import pytest

from runs.models import InferenceConfig, StoredFiles
from tests.page_rows import folder, queries_of, upload, zip_of
from tests.rows import SCORE

pytestmark = pytest.mark.django_db

REGISTER = "/configs/register/"
CONDA = "dependencies:\n  - python=3.11\n  - numpy=2.1\n  - pip:\n      - requests==2.32.0\n"


def register(client, **fields: object):
    scored = {"name": "score", "kind": "scored", "environment_kind": "pip"}
    return client.post(REGISTER, {**scored, **fields})


def test_a_single_score_py_is_enough(signed_in, alice) -> None:
    answer = register(signed_in, files=upload("score.py", SCORE))
    assert answer.url == "/configs/score/1/"
    config = InferenceConfig.objects.get()
    assert config.definition == {"entry_script": "score.py"}
    assert (config.kind, config.files.is_folder, config.files.paths) == (
        "scored",
        True,
        ["score.py"],
    )
    assert config.created_by == alice


def test_all_of_a_scored_config_is_kept(signed_in) -> None:
    register(
        signed_in,
        **folder({"service/serve.py": SCORE, "service/lib/__init__.py": ""}),
        entry_script="serve.py",
        requirements="numpy==2.1\n# a comment\n\nrequests",
        python="3.11",
        base_image="team/base:1",
        workers="2",
        env="OMP_NUM_THREADS=1\nFLAGS=a=b",
        gpu="2",
        egress="on",
    )
    config = InferenceConfig.objects.get()
    assert config.definition == {
        "entry_script": "serve.py",
        "environment": {
            "pip": ["numpy==2.1", "requests"],
            "python": "3.11",
            "base_image": "team/base:1",
        },
        "workers": 2,
        "env": {"OMP_NUM_THREADS": "1", "FLAGS": "a=b"},
        "gpu": 2,
        "egress": True,
    }
    assert config.files.name == "service"
    assert config.files.paths == ["lib/__init__.py", "serve.py"]


def test_a_conda_file_is_kept_among_the_sources(signed_in) -> None:
    register(
        signed_in,
        files=upload("score.py", SCORE),
        environment_kind="conda",
        conda_file=upload("conda.yml", CONDA),
    )
    config = InferenceConfig.objects.get()
    assert config.definition["environment"] == {"conda": "conda.yml"}
    assert config.files.paths == ["conda.yml", "score.py"]
    html = signed_in.get("/configs/score/1/").content.decode()
    assert "requests==2.32.0" in html


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("pip", "requirements.txt", "numpy==2.1\n"),
        ("conda", "environment.yml", CONDA),
        ("dockerfile", "Dockerfile", "FROM python:3.11\n"),
    ],
)
def test_an_environment_among_the_sources_is_found_by_its_usual_name(
    signed_in, kind, name, content
) -> None:
    sources = zip_of({"svc/score.py": SCORE, f"svc/{name}": content})
    register(signed_in, files=sources, environment_kind=kind)
    config = InferenceConfig.objects.get()
    assert config.definition["environment"] == {kind: name}
    assert config.files.name == "svc"


def filled_in(client, ref: str) -> dict:
    """What the form sends when it is opened for the next version of a config."""
    page = client.get(REGISTER, {"of": ref})
    form = page.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


ENVIRONMENTS = [
    {"environment_kind": "pip", "requirements": "numpy==2.1\nrequests", "python": "3.11"},
    {"environment_kind": "conda", "conda_file": ("ours.yml", CONDA)},
    {"environment_kind": "dockerfile", "dockerfile": ("Dockerfile.gpu", "FROM scratch\n")},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: one["environment_kind"])
def test_the_next_version_begins_as_the_last_one_was(signed_in, environment) -> None:
    files = {key: upload(*one) for key, one in environment.items() if isinstance(one, tuple)}
    sources = folder({"service/serve.py": SCORE, "service/lib/deep/data.bin": b"\x00"})
    register(
        signed_in, **sources, entry_script="serve.py", workers="2", env="A=b\nC=d=e", gpu="1",
        egress="on", **{**environment, **files},
    )  # fmt: skip
    first = InferenceConfig.objects.get()
    asked = filled_in(signed_in, "score:1")
    html = signed_in.get(REGISTER, {"of": "score"}).content.decode()
    assert 'Take the sources of <b class="value">score:1</b>' in html
    looked_at = signed_in.post(REGISTER, {**asked, "check": "1"}).content.decode()
    assert "This can be served" in looked_at
    assert signed_in.post(REGISTER, {**asked, "workers": "3"}).url == "/configs/score/2/"
    second = InferenceConfig.objects.get(version=2)
    assert second.definition == {**first.definition, "workers": 3}
    assert second.files.manifest == first.files.manifest


def test_the_sources_of_another_config_give_way_to_files_or_are_left_out(signed_in) -> None:
    register(signed_in, files=upload("score.py", SCORE))
    asked = filled_in(signed_in, "score:1")
    other = SCORE + "# better\n"
    signed_in.post(REGISTER, {**asked, "files": upload("score.py", other)})
    assert InferenceConfig.objects.get(version=2).files.open("score.py").read() == other.encode()
    for gone in ({"sources_of": ""}, {"sources_of": "score:9"}):
        page = signed_in.post(REGISTER, {**asked, **gone})
        assert "Choose a file" in str(page.context["form"].errors["files"])
    assert signed_in.get(REGISTER, {"of": "no-such"}).status_code == 404


def test_a_file_that_is_sent_takes_the_place_of_the_one_among_former_sources(signed_in) -> None:
    files = {"files": upload("score.py", SCORE), "conda_file": upload("conda.yml", CONDA)}
    register(signed_in, environment_kind="conda", **files)
    newer = CONDA.replace("2.1", "2.2")
    asked = filled_in(signed_in, "score:1") | {"conda_file": upload("conda.yml", newer)}
    assert signed_in.post(REGISTER, asked).url == "/configs/score/2/"
    second = InferenceConfig.objects.get(version=2)
    assert second.files.open("conda.yml").read().decode() == newer


def test_the_next_version_of_a_container_is_filled_in(signed_in) -> None:
    container = {
        "kind": "container",
        "image": "a:1",
        "port": "80",
        "method": "PUT",
        "headers": "X: y",
    }
    register(signed_in, **container)
    asked = filled_in(signed_in, "score:1")
    signed_in.post(REGISTER, {**asked, "image": "a:2"})
    first, second = InferenceConfig.objects.order_by("version")
    assert second.definition == {**first.definition, "image": "a:2"}


def test_the_only_script_needs_no_name(signed_in) -> None:
    register(signed_in, files=upload("serve.py", SCORE))
    assert InferenceConfig.objects.get().definition["entry_script"] == "serve.py"


def test_a_container_of_ones_own(signed_in) -> None:
    answer = register(
        signed_in,
        kind="container",
        image="team/ranker:2.4",
        port="8080",
        score_path="/invocations",
        method="POST",
        headers="X-Tenant: eu",
    )
    assert answer.url == "/configs/score/1/"
    config = InferenceConfig.objects.get()
    assert config.files is None
    assert config.definition == {
        "image": "team/ranker:2.4",
        "port": 8080,
        "score_path": "/invocations",
        "method": "POST",
        "headers": {"X-Tenant": "eu"},
    }
    html = signed_in.get("/configs/score/1/").content.decode()
    assert "team/ranker:2.4" in html
    assert "POST /invocations" in html


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"files": upload("score.py", "def init(:\n")}, "entry_script", "line 1"),
        ({"files": upload("score.py", "def init(): pass\n")}, "entry_script", "has no run()"),
        ({"files": upload("notes.txt", "x")}, "entry_script", "no .py file"),
        (
            {"files": [upload("a.py", SCORE), upload("b.py", SCORE)]},
            "entry_script",
            "a.py, b.py: say which",
        ),
        ({"entry_script": "other.py"}, "entry_script", "other.py"),
        ({"entry_script": "../score.py"}, "entry_script", "inside source_directory"),
        ({"requirements": "numpy=="}, "requirements", "not a requirement"),
        ({"requirements": "-r /etc/passwd"}, "requirements", "/etc/passwd"),
        ({"environment_kind": "conda"}, "conda_file", "put conda.yml"),
        (
            {
                "environment_kind": "conda",
                "conda_file": upload("c.yml", "dependencies:\n  - gcc_linux-64\n"),
            },
            "conda_file",
            "gcc-linux-64",
        ),
        (
            {"environment_kind": "dockerfile", "dockerfile": upload("Dockerfile", "RUN x\n")},
            "dockerfile",
            "no FROM line",
        ),
        (
            {"environment_kind": "dockerfile", "dockerfile": upload("score.py", "FROM x\n")},
            "dockerfile",
            "already",
        ),
        ({"base_image": "not an image"}, "base_image", "image"),
        ({"python": "2.7"}, "python", "2.7"),
        ({"workers": "0"}, "workers", "1"),
        ({"env": "WORKER_COUNT=2"}, "env", "WORKER_COUNT"),
        ({"env": "1X=2"}, "env", "1X"),
        ({"kind": "container"}, "image", "needs it"),
        ({"kind": "container", "image": "a b", "port": "80"}, "image", "not valid"),
        ({"kind": "container", "image": "a", "port": "0"}, "port", "1"),
        ({"kind": "container", "image": "a", "port": "1", "headers": "Host: x"}, "headers", "Host"),
        (
            {"kind": "container", "image": "a", "port": "1", "score_path": "score"},
            "score_path",
            "begins with",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_at_its_field(
    signed_in, data_dir, fields, place, said
) -> None:
    files = fields.get("files", upload("score.py", SCORE))
    for file in (files if isinstance(files, list) else [files], fields.values()):
        for one in file:
            if hasattr(one, "seek"):
                one.seek(0)
    page = register(signed_in, **{"files": files, **fields})
    assert page.status_code == 200
    assert said in page.context["form"].errors[place].as_text()
    assert not InferenceConfig.objects.exists()
    assert not StoredFiles.objects.exists()
    assert not (data_dir / "blobs").exists()


def test_all_problems_are_said_at_once(signed_in) -> None:
    page = register(
        signed_in,
        files=upload("score.py", "x = 1\n"),
        requirements="numpy==",
        env="WORKER_COUNT=1",
    )
    assert set(page.context["form"].errors) == {"entry_script", "requirements", "env"}


def test_the_page_shows_the_script_highlighted_by_classes(signed_in, make) -> None:
    make.config(script=SCORE + "\n# <script>alert(1)</script>\n", pip=["numpy==2.1"])
    html = signed_in.get("/configs/score/1/").content.decode()
    assert '<span class="k">def</span>' in html
    assert "&lt;script&gt;alert" in html
    assert "style=" not in html


def test_other_sources_can_be_seen_and_none_outside(signed_in) -> None:
    register(
        signed_in,
        **folder({"s/score.py": SCORE, "s/lib/names.py": "NAME = 1\n", "s/x.bin": b"\0\1"}),
    )
    assert "NAME" in signed_in.get("/configs/score/1/?file=lib/names.py").content.decode()
    assert "Not text" in signed_in.get("/configs/score/1/?file=x.bin").content.decode()
    for outside in ("../../etc/passwd", "/etc/passwd", "missing.py"):
        assert signed_in.get("/configs/score/1/", {"file": outside}).status_code == 404


def test_twice_the_configs_and_runs_take_no_more_queries(signed_in, make) -> None:
    dataset, target, model = make.dataset(), make.target(), make.model()
    first = make.config("first")

    def add(numbers: range) -> None:
        for number in numbers:
            make.config(f"c-{number}")
            make.run(models=[model], config=first, dataset=dataset, target=target)

    def both() -> None:
        signed_in.get("/configs/")
        signed_in.get("/configs/first/1/")

    add(range(10))
    ten = queries_of(both)
    add(range(10, 20))
    assert queries_of(both) == ten


def test_the_list_can_be_filtered_by_kind(signed_in, make) -> None:
    make.config("scored-one")
    register(signed_in, name="container-one", kind="container", image="a:1", port="80")
    page = signed_in.get("/configs/?kind=container")
    assert [row.record.name for row in page.context["table"].page] == ["container-one"]
