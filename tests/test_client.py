"""The client against a live server: the command in processes of its own, and the Python client."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import yaml
from django.contrib.auth.models import Group

from profiler_client import Client, NotReached, Refused
from profiler_client.client import StillRunning
from profiler_client.output import yaml_lines
from profiler_client.uploads import Multipart, chosen
from runs.models import ApiToken, Dataset, InferenceConfig, ProfileRun, Proposal, RegisteredModel
from tests.http_answers import OK_AND_CLOSE
from tests.live_site import ROOT, Site, site_for
from tests.measured_runs import failed_run, sized_run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("processes_allowed", "unthrottled"),
]
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def site(live_server, alice, tmp_path) -> Site:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(b"weights")
    (folder / "requests.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (folder / "service" / "tools").mkdir(parents=True)
    (folder / "service" / "score.py").write_text(SCORE)
    (folder / "service" / "tools" / "empty.py").write_text("")
    return site_for(alice, live_server.url, folder)


@pytest.fixture
def client(site):
    with Client(site.url, site.token, timeout_s=20) as client:
        yield client


def said(done: subprocess.CompletedProcess[str], status: int = 0) -> str:
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout


def asked(site: Site, *arguments: str) -> dict:
    return json.loads(said(site.run(*arguments, "-o", "json")))


# ---- from nothing to an applied size -------------------------------------------------------


def test_everything_is_registered_and_a_run_started_followed_and_cancelled(site, make) -> None:
    make.target(name="here")
    tags = ("--tag", "team=risk", "--tag", "note=a=b", "--property", "trained=2026")
    model = asked(site, "model", "register", "-n", "ridge", "-p", "model.pkl", *tags)
    assert (model["ref"], model["tags"]) == ("ridge:1", {"team": "risk", "note": "a=b"})
    data = asked(site, "dataset", "register", "-n", "rows", "-f", "requests.jsonl")
    assert (data["ref"], data["rows"]) == ("rows:1", 2)
    config = asked(
        site, "config", "register", "-n", "score", "--source", "service",
        "--requirement", "numpy", "--env", "OMP_NUM_THREADS=1",
    )  # fmt: skip
    assert config["files"]["paths"] == ["score.py", "tools/empty.py"]
    assert config["definition"]["environment"]["pip"] == ["numpy"]
    run = asked(
        site, "model", "profile", "-n", "first", "-m", "ridge:1", "--ic", "score", "--idi", "rows",
        "--target", "here", "--rate", "20", "--percentile", "99", "--latency-ms", "80",
        "--cc", "0.5", "--gb", "1", "--duration-s", "30", "--workers", "2",
    )  # fmt: skip
    row = ProfileRun.objects.get()
    assert (run["name"], row.load) == ("first", {"mode": "open", "rate_rps": 20.0})
    assert row.objective == {"percentile": 99.0, "latency_ms": 80.0}
    assert row.limits == {"cpu_millicores": 500, "memory_bytes": 2**30}
    assert (row.budget, row.concurrency) == ({"duration_s": 30.0}, {"workers": [2]})
    assert row.created_by.username == "alice"
    listed = said(site.run("run", "list"))
    assert "first" in listed
    assert "queued" in listed
    assert asked(site, "run", "cancel", "first")["state"] == "cancelled"
    waited = site.run("run", "wait", "first", "-o", "json")
    assert json.loads(said(waited, 3))["state"] == "cancelled"
    assert "first: cancelled" in waited.stderr


def test_a_run_is_waited_for_to_its_end(site, make) -> None:
    run = make.run()
    ending = threading.Timer(1.0, lambda: run.request_cancel(None))
    ending.start()
    done = site.run("run", "wait", run.name)
    ending.join()
    said(done, 3)
    assert f"{run.name}: queued, number 1" in done.stderr


def test_waiting_ends_with_how_the_run_did(site, make) -> None:
    verified = make.finished_run()
    said(site.run("run", "wait", verified.name))
    failed = failed_run(make, "ScriptFailed", "init() raised KeyError")
    done = site.run("run", "wait", failed.name)
    said(done, 1)
    assert "init() raised KeyError" in done.stderr


def test_waiting_too_long_is_given_up(client, make) -> None:
    run = make.run()
    with pytest.raises(StillRunning, match="still queued"):
        client.wait(run.name, timeout_s=0)


def test_a_size_is_applied_tagged_and_shown(site, make) -> None:
    run = sized_run(make, models=[make.model("ridge")])
    sizes = asked(site, "run", "sizes", run.name)
    other = next(one["measurement"] for one in sizes if one["standing"] == "measured")
    done = site.run("run", "apply", run.name, "--measurement", str(other))
    said(done, 1)
    assert "--confirmed" in done.stderr
    asked(site, "run", "apply", run.name, "--measurement", str(other), "--confirmed")
    assert asked(site, "run", "apply", run.name)["tags"]["profile.standing"] == "verified"
    asked(site, "model", "update", "ridge:1", "--add-tag", "a=b", "--add-property", "c=d")
    model = asked(site, "model", "show", "ridge")
    assert (model["tags"]["a"], model["properties"]["c"]) == ("b", "d")
    assert "a" not in asked(site, "model", "update", "ridge:1", "--remove-tag", "a")["tags"]
    assert "verified" in said(site.run("model", "list"))


def test_a_proposal_goes_all_its_way(site, make, live_server, django_user_model, settings) -> None:
    settings.SIZING_REVIEW = "required"
    carol = django_user_model.objects.create_user("carol", password="x")
    carol.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    reviewer = site_for(carol, live_server.url, site.folder)
    run = make.finished_run(models=[make.model("ridge", tags={"requestedCpu": "4"})])
    number = str(asked(site, "proposal", "create", run.name, "--reviewer", "carol")["number"])
    done = site.run("proposal", "approve", number)
    said(done, 1)
    assert "takes the role reviewer" in done.stderr
    asked(site, "proposal", "comment", number, "-t", "Please look, @carol")
    assert number in said(reviewer.run("proposal", "list", "--box", "waiting"))
    asked(reviewer, "proposal", "request-changes", number, "-t", "Why?")
    asked(site, "proposal", "ask-again", number, "-t", "Because.")
    asked(reviewer, "proposal", "approve", number)
    assert asked(site, "proposal", "apply", number)["state"] == "applied"
    assert RegisteredModel.objects.get().tags["requestedCpu"] == "0.5"
    assert asked(site, "proposal", "revert", number)["state"] == "reverted"
    assert RegisteredModel.objects.get().tags["requestedCpu"] == "4"
    said(site.run("proposal", "withdraw", number), 1)
    assert Proposal.objects.get().events.count() == 7


def test_runs_are_compared_and_exported(site, make) -> None:
    one, two = sized_run(make), sized_run(make)
    assert "p95" in said(site.run("run", "compare", one.name, two.name, "--base", two.name))
    assert asked(site, "run", "compare", one.name, two.name)["base"] == one.name
    said(site.run("run", "export", one.name))
    result = json.loads((site.folder / f"{one.name}.json").read_text())
    assert result["advice"]["cpu_millicores"] == 400
    said(site.run("run", "export", one.name, "--format", "csv", "--out", "raw.zip"))
    assert zipfile.ZipFile(site.folder / "raw.zip").namelist()
    said(site.run("run", "export", one.name, "--out", "nowhere/x.json"), 2)
    said(site.run("run", "log", one.name))


def test_runs_are_stopped_by_force_repeated_and_reported(site, make) -> None:
    run = make.run()
    run.begin(run.attempt)
    done = site.run("run", "report", run.name)
    said(done, 1)
    assert "not ended" in done.stderr
    done = site.run("run", "cancel", run.name, "--force")
    said(done, 1)
    assert "not asked to stop yet" in done.stderr
    assert asked(site, "run", "cancel", run.name)["state"] == "running"
    assert asked(site, "run", "cancel", run.name, "--force")["state"] == "cancelled"
    again = ("run", "again", run.name, "--key", "nightly")
    assert asked(site, *again)["name"] == asked(site, *again)["name"] != run.name
    said(site.run("run", "report", run.name))
    assert run.name in (site.folder / f"{run.name}-report.html").read_text()
    said(site.run("run", "report", run.name, "--out", "nowhere/x.html"), 2)
    assert not list(site.folder.glob("*.part"))


def test_of_several_each_says_what_happened_and_one_refused_is_a_failure(site, make) -> None:
    for name in ("one", "two"):
        make.run(name=name)
    make.finished_run(name="three")
    said(site.run("run", "cancel", "one", "two", "--force"), 2)
    outcomes = json.loads(said(site.run("run", "cancel", "one", "three", "-o", "json"), 1))
    assert [one["done"] for one in outcomes] == [True, False]
    assert "three  no    Not cancelled, already succeeded." in said(
        site.run("run", "cancel", "two", "three"), 1
    )
    assert {run.state for run in ProfileRun.objects.filter(name__in=["one", "two"])} == {
        "cancelled"
    }
    model = make.model("ridge").ref
    tagged = site.run("model", "update", model, "none:1", "--add-tag", "a=b", "-o", "json")
    assert [one["done"] for one in json.loads(said(tagged, 1))] == [True, False]


# ---- what is printed -----------------------------------------------------------------------


def test_lists_come_as_table_json_and_yaml(site, make) -> None:
    for number in range(3):
        make.model(f"model-{number}", tags={"team": "risk", "odd": "yes: [1]"})
    table = said(site.run("model", "list", "--tag", "team=risk"))
    assert [line.split()[0] for line in table.splitlines()] == [
        "model", "model-2:1", "model-1:1", "model-0:1",
    ]  # fmt: skip
    as_json = asked(site, "model", "list")
    assert yaml.safe_load(said(site.run("model", "list", "-o", "yaml"))) == as_json
    as_table = said(site.run("model", "show", "model-1"))
    assert '{"odd": "yes: [1]", "team": "risk"}' in as_table or "risk" in as_table


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": [1, 2.5, None, True]}, "c": [], "d": {}},
        [{"a": "x", "b": ["y", {"z": "no"}]}, [["n"]]],
        "text: with # marks", "null", "", " a", "a ", "1", "-", "ä", "two\nlines", 0, None,
        {"key: odd": "2026-11-21", "yes": "off", "1": 1},
    ],
)  # fmt: skip
def test_yaml_is_read_back_as_it_was(value: object) -> None:
    assert yaml.safe_load("\n".join(yaml_lines(value))) == value


def test_only_as_many_runs_are_listed_as_asked_for(site, make) -> None:
    for _ in range(3):
        make.run()
    assert len(asked(site, "run", "list", "--limit", "2")) == 2


def test_more_rows_than_a_page_holds_are_all_there(client, alice) -> None:
    from tests.rows import Rows

    make = Rows(alice)
    files = make.files()
    for number in range(205):
        make.model(f"m{number}", files=files)
    assert len({model["ref"] for model in client.models()}) == 205


# ---- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "show", "none"), ""),
        (("model", "show", "none"), "There is no none."),
        (("proposal", "show", "7"), ""),
    ],
)
def test_what_is_not_there_is_said(site, arguments, words) -> None:
    done = site.run(*arguments)
    said(done, 1)
    assert done.stderr.startswith("Error: ")
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model", "register", "-n", "m", "-p", "gone.pkl"), "There is no gone.pkl."),
        (("model", "register", "-n", "m"), "Missing option"),
        (("model", "register", "-n", "a b", "-p", "model.pkl"), "name: It holds a space"),
        (("model", "register", "-n", "m", "-p", "model.pkl", "--tag", "x"), "KEY=VALUE"),
        (("dataset", "register", "-n", "d", "-f", "service/score.py"), "files: "),
        (("config", "register", "-n", "c"), "--source, --sources-of and --image"),
        (("config", "register", "-n", "c", "--image", "x"), "port: A container needs it."),
        (("model", "update", "m"), "Nothing to do"),
        (("model", "profile", "--ic", "a", "--idi", "b"), "config: There is no a."),
        (("model", "profile", "--ic", "a", "--idi", "b", "--load", "{"), "not JSON"),
        (("model", "profile", "--ic", "a", "--idi", "b", "--load", "@x"), "cannot be read"),
        (("model", "profile", "--ic", "a", "--idi", "b", "--load", "{}", "--rate", "1"), "one of"),
        (("model", "profile", "--ic", "a", "--idi", "b", "--workers", "two"), "whole numbers"),
        (("run", "list", "--state", "asleep"), "state: "),
        (("run", "compare", "a"), "from 2 to 8"),
        (("run", "dance"), "No such command"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(site, arguments, words) -> None:
    done = site.run(*arguments)
    said(done, 2)
    assert words in done.stderr


def test_who_may_not_is_told_why(site, alice, live_server, tmp_path) -> None:
    nobody = Site(site.url, "", site.folder)
    done = nobody.run("run", "list")
    said(done, 1)
    assert "make_token" in done.stderr
    wrong = Site(site.url, "mp_wrong_token", site.folder)
    said(wrong.run("run", "list"), 1)
    reader = site_for(alice, live_server.url, site.folder, scope="read")
    said(reader.run("run", "list"))
    done = reader.run("model", "register", "-n", "m", "-p", "model.pkl")
    said(done, 1)
    assert "may only read" in done.stderr


def test_a_server_that_is_not_there_is_said(site, monkeypatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = site.run("run", "list", "--server", address)
    said(done, 1)
    assert "cannot be reached" in done.stderr
    done = site.run("run", "list", MODEL_PROFILER_URL="not an address")
    said(done, 1)
    assert "MODEL_PROFILER_URL" in done.stderr


def test_a_server_that_is_no_model_profiler_is_said(site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(OK_AND_CLOSE)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NotReached, match="not in JSON"):
            Client(f"http://127.0.0.1:{server.getsockname()[1]}", "x").run("a")
        thread.join()


# ---- starting once -------------------------------------------------------------------------


def test_a_start_whose_answer_is_lost_is_asked_again_and_starts_no_second_run(site, make) -> None:
    """A proxy swallows the first answer: the server has started the run, the client cannot know."""
    make.target(name="here")
    make.config("score")
    make.dataset("rows")
    port = int(site.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        passed = threading.Thread(target=_lose_the_first_answer, args=(proxy, port))
        passed.start()
        client = Client(f"http://127.0.0.1:{proxy.getsockname()[1]}", site.token)
        run = client.start_run(config="score", dataset="rows", target="here")
        passed.join()
    assert ProfileRun.objects.get().name == run["name"]


def _lose_the_first_answer(proxy: socket.socket, port: int) -> None:
    for attempt in range(2):
        connection, _ = proxy.accept()
        with connection, socket.create_connection(("127.0.0.1", port)) as server:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            top, _, body = head.partition(b"\r\n\r\n")
            length = int(top.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            server.sendall(top.replace(b"keep-alive", b"close") + b"\r\n\r\n" + body)
            answer = b""
            while piece := server.recv(65536):
                answer += piece
            if attempt:
                connection.sendall(answer)


def test_a_key_starts_a_run_once(site, make) -> None:
    make.target(name="here")
    make.config("score")
    make.dataset("rows")
    start = ("model", "profile", "--ic", "score", "--idi", "rows", "--key", "nightly")
    assert asked(site, *start)["name"] == asked(site, *start)["name"]
    done = site.run(*start, "--memory-probe")
    said(done, 1)
    assert "under this key" in done.stderr
    assert ProfileRun.objects.count() == 1


# ---- the Python client ---------------------------------------------------------------------


def test_everything_the_command_does_python_does(client, site, make) -> None:
    model = client.register_model("ridge", site.folder / "model.pkl", tags={"a": "b"})
    several = [site.folder / "model.pkl", site.folder / "requests.jsonl"]
    assert client.register_model("two", several)["files"]["is_folder"]
    assert client.register_dataset("rows", site.folder / "requests.jsonl")["rows"] == 2
    config = client.register_config("own", image="img:1", port=80, headers={"X-A": "b"})
    assert config["definition"]["headers"] == {"X-A": "b"}
    assert client.model("ridge") == model
    assert [row["ref"] for row in client.datasets()] == ["rows:1"]
    assert [row["ref"] for row in client.configs(kind="container")] == ["own:1"]
    assert client.update_model("ridge", tags={"a": "c"}, remove_tags=["x"])["tags"] == {"a": "c"}
    run = sized_run(make)
    assert client.run(run.name)["advice"]["cpu_millicores"] == 400
    assert len(list(client.measurements(run.name))) == 6
    assert (RegisteredModel.objects.count(), Dataset.objects.count()) >= (2, 1)
    assert InferenceConfig.objects.filter(name="own").exists()


def test_a_refusal_has_code_message_and_places(client) -> None:
    with pytest.raises(Refused) as refusal:
        client.start_run(config="none", dataset="none")
    assert (refusal.value.status, refusal.value.code) == (400, "invalid")
    assert set(refusal.value.fields) == {"config", "dataset", "target"}


def test_names_with_odd_characters_stay_one_part_of_the_address(client) -> None:
    with pytest.raises(Refused) as refusal:
        client.run("../models")
    assert refusal.value.status == 404


def test_a_large_file_is_not_held_in_memory(tmp_path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(3 << 20)
    body = Multipart({"name": "x"}, chosen(large)[1])
    pieces = [len(piece) for piece in body]
    assert sum(pieces) == len(body)
    assert max(pieces) <= 1 << 20


def test_a_file_whose_name_has_quotes_arrives_under_it(client, tmp_path) -> None:
    odd = tmp_path / 'mo"del ü.pkl'
    odd.write_bytes(b"x")
    assert client.register_model("odd", odd)["files"]["paths"] == [odd.name]


# ---- on its own ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=False)
def test_it_installs_alone(tmp_path) -> None:
    import shutil

    shutil.copytree(ROOT / "profiler_client", tmp_path / "source")
    where = tmp_path / "installed"
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(where))
    install = [sys.executable, "-m", "pip", "install", *options, str(tmp_path / "source")]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    script = (
        "import sys, profiler_client.commands\n"
        "print(profiler_client.__file__)\n"
        "print({'django', 'runs', 'profiler'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(where)}, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout.splitlines() == [f"{where}/profiler_client/__init__.py", "set()"]
    assert (Path(where) / "bin" / "model-profiler").exists()


def test_tokens_that_were_there_may_only_read(alice) -> None:
    assert ApiToken.objects.make(user=alice, name="old")[0].scope == "read"
