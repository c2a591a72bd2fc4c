"""What is wrong with a spec: every field, all problems at once, each with its place and advice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profiler.errors import InvalidSpec
from profiler.spec_reader import read_spec, read_spec_data
from tests.spec_files import GIB, HOST, SpecFiles

NAN = float("nan")
INFINITE = float("inf")


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    return SpecFiles(tmp_path)


CONTAINER = {"image": "service:1", "port": 8080}
OPEN = {"mode": "open", "rate_rps": 50}

#: place that is spoiled, its value, the place that is named (when another), words of the message
WRONG = [
    ("models", None, "models", "missing"),
    ("models", {}, "models", "must be a list"),
    ("models", ["ridge"], "models[0]", "must be an object"),
    ("models.0.name", None, "models[0].name", "missing"),
    ("models.0.name", 5, "models[0].name", "must be a string"),
    ("models.0.name", "", "models[0].name", "must not be empty"),
    ("models.0.name", "-ridge", "models[0].name", "begin with a letter or digit"),
    ("models.0.name", "a b", "models[0].name", "begin with a letter or digit"),
    ("models.0.name", "a" * 256, "models[0].name", "255 at most"),
    ("models.0.name", "ridge\n", "models[0].name", "begin with a letter or digit"),
    ("models.0.version", 0, "models[0].version", "from 1 to"),
    ("models.0.version", "1", "models[0].version", "whole number"),
    ("models.0.version", True, "models[0].version", "whole number"),
    ("models.0.version", 1.0, "models[0].version", "whole number"),
    ("models.0.path", "modle.pkl", "models[0].path", 'did you mean "model.pkl"?'),
    ("models.0.path", ["model.pkl"], "models[0].path", "must be a string"),
    ("models.0.path", "a\0b", "models[0].path", "there is no file"),
    ("models.0.path", "a" * 5000, "models[0].path", "cannot be read"),
    ("models.0.vresion", 1, "models[0].vresion", 'did you mean "version"?'),
    ("config", None, "config", "missing"),
    ("config", [], "config", "must be an object"),
    ("config.entry_script", None, "config.entry_script", "missing"),
    ("config.entry_script", "score.txt", "config.entry_script", "must end in .py"),
    ("config.entry_script", "my-score.py", "config.entry_script", "letters, digits"),
    ("config.entry_script", "../score.py", "config.entry_script", "inside source_directory"),
    ("config.entry_script", "/score.py", "config.entry_script", "inside source_directory"),
    ("config.entry_script", "scoer.py", "config.entry_script", 'did you mean "score.py"?'),
    ("config.source_directory", "nowhere", "config.source_directory", "there is no folder"),
    ("config.source_directory", "score.py", "config.source_directory", "is not a folder"),
    ("config.environment", "requirements.txt", "config.environment", "must be an object"),
    ("config.environment.pyhton", "3.11", "config.environment.pyhton", 'mean "python"?'),
    ("config.env", ["A=1"], "config.env", "must be an object"),
    ("config.env", {"A": 1}, "config.env.A", "must be a string"),
    ("config.env", {"1A": "x"}, "config.env.1A", "no digit first"),
    ("config.env", {"A-B": "x"}, "config.env.A-B", "letters, digits"),
    ("config.env", {"A": "x\0"}, "config.env.A", "NUL"),
    ("config.env", {"WORKER_COUNT": "2"}, "config.env.WORKER_COUNT", "give config.workers"),
    ("config.workers", 0, "config.workers", "from 1 to 64"),
    ("config.workers", True, "config.workers", "whole number"),
    ("config.gpu", "false", "config.gpu", "true or false"),
    ("config.gpu", 0, "config.gpu", "true or false"),
    ("config.egress", "yes", "config.egress", "true or false"),
    ("config.worker", 1, "config.worker", 'did you mean "workers"?'),
    ("config.port", 80, "config.port", "belongs to a container config"),
    ("config", {"image": "service:1"}, "config.port", "missing"),
    ("config", {"port": 80}, "config.image", "missing"),
    ("config", {**CONTAINER, "image": "no spaces please"}, "config.image", "registry/name:tag"),
    ("config", {**CONTAINER, "port": 0}, "config.port", "from 1 to 65535"),
    ("config", {**CONTAINER, "port": "80"}, "config.port", "whole number"),
    ("config", {**CONTAINER, "health_path": "live"}, "config.health_path", 'begins with "/"'),
    ("config", {**CONTAINER, "score_path": "/a b"}, "config.score_path", "%XX"),
    ("config", {**CONTAINER, "method": "post"}, "config.method", "capital letters"),
    ("config", {**CONTAINER, "headers": "a: b"}, "config.headers", "must be an object"),
    ("config", {**CONTAINER, "headers": {"a b": "c"}}, "config.headers.a b", "hyphens"),
    ("config", {**CONTAINER, "headers": {"a": "b\r\nc"}}, "config.headers.a", "line breaks"),
    ("config", {**CONTAINER, "headers": {"a": 1}}, "config.headers.a", "must be a string"),
    ("config", {**CONTAINER, "headers": {"Host": "x"}}, "config.headers.Host", "remove it"),
    ("config", {**CONTAINER, "workers": 2}, "config.workers", "belongs to a scored config"),
    ("dataset", None, "dataset", "missing"),
    ("dataset", "requests.txt", "dataset", "must be an object"),
    ("dataset.path", None, "dataset.path", "missing"),
    ("dataset.path", "request.txt", "dataset.path", 'did you mean "requests.txt"?'),
    ("dataset.content_type", "json", "dataset.content_type", "application/json"),
    ("dataset.method", "FETCH", "dataset.method", "must be one of"),
    ("dataset.request_path", 1, "dataset.request_path", 'begins with "/"'),
    ("dataset.headers", {"Content-Type": "a/b"}, "dataset.headers.Content-Type", "content_type"),
    ("dataset.format", "csv", "dataset.format", "unknown key"),
    ("target", None, "target", "missing"),
    ("target", "docker", "target", "must be an object"),
    ("target.kind", None, "target.kind", "missing"),
    ("target.kind", "dokcer", "target.kind", 'did you mean "docker"?'),
    ("target.kind", ["docker"], "target.kind", 'must be "docker" or "process"'),
    ("target.name", 5, "target.name", "must be a string"),
    ("target.service_cores", 2, "target.service_cores", "must be a list"),
    ("target.service_cores", [9], "target.service_cores", "(0, 1, 2, 3)"),
    ("target.service_cores", [True], "target.service_cores", "true is not one"),
    ("target.service_cores", [[]], "target.service_cores", "is not one"),
    ("target.service_cores", [0, 0], "target.service_cores", "twice"),
    ("target.driver_cores", [0, 1, 2, 3, 4], "target.driver_cores", "4 is not one"),
    ("target.gpus", [0], "target.gpus", "GPUs (none)"),
    ("target.max_cpu_millicores", 3001, "target.max_cpu_millicores", "a service core"),
    ("target.max_memory_bytes", 9 * GIB, "target.max_memory_bytes", "what this host has"),
    ("limits", 5, "limits", "must be an object"),
    ("limits.cpu_millicores", 99, "limits.cpu_millicores", "from 100 to 3000"),
    ("limits.cpu_millicores", 4000, "limits.cpu_millicores", "largest size of this target"),
    ("limits.cpu_millicores", 0.5, "limits.cpu_millicores", "whole number"),
    ("limits.cpu_millicores", NAN, "limits.cpu_millicores", "whole number"),
    ("limits.memory_bytes", "1g", "limits.memory_bytes", "whole number"),
    ("limits.memory_bytes", 1024, "limits.memory_bytes", "from 16777216"),
    ("limits.memory_bytes", 9 * GIB, "limits.memory_bytes", "largest size of this target"),
    ("limits.cpu", 1, "limits.cpu", "unknown key"),
    ("load", 50, "load", "must be an object"),
    ("load", [], "load", "has no stages"),
    ("load", {"stages": []}, "load.stages", "has no stages"),
    ("load", {"stages": [OPEN] * 101}, "load.stages", "100 at most"),
    ("load", {"stages": [OPEN], "rate_rps": 5}, "load.rate_rps", "belongs to a stage"),
    ("load", [OPEN, OPEN], "load[0].duration_s", "only the last stage"),
    ("load", ["open"], "load[0]", "must be an object"),
    ("load", {"rate_rps": 50}, "load.mode", "missing"),
    ("load", {"mode": "opne", "rate_rps": 5}, "load.mode", 'did you mean "open"?'),
    ("load", {"mode": "open"}, "load.rate_rps", "missing"),
    ("load", {**OPEN, "rate_rps": 0}, "load.rate_rps", "from 0.01"),
    ("load", {**OPEN, "rate_rps": NAN}, "load.rate_rps", "finite"),
    ("load", {**OPEN, "rate_rps": INFINITE}, "load.rate_rps", "finite"),
    ("load", {**OPEN, "rate_rps": "50"}, "load.rate_rps", "must be a number"),
    ("load", {**OPEN, "rate_rps": True}, "load.rate_rps", "must be a number"),
    (
        "load",
        {**OPEN, "arrivals": "bursty"},
        "load.arrivals",
        '"poisson", "constant" or "recorded"',
    ),
    ("load", {**OPEN, "concurrency": 2}, "load.concurrency", "belongs to a closed load"),
    ("load", {**OPEN, "duration_s": 1, "requests": 1}, "load.requests", "one of them"),
    ("load", {**OPEN, "duration_s": 0}, "load.duration_s", "from 0.1"),
    ("load", {**OPEN, "requests": 0}, "load.requests", "from 1"),
    ("load", {**OPEN, "order": "random"}, "load.order", '"sequential" or "shuffled"'),
    ("load", {**OPEN, "seed": -1}, "load.seed", "from 0"),
    ("load", {**OPEN, "seed": 1.5}, "load.seed", "whole number"),
    ("load", {**OPEN, "timeout_s": 0}, "load.timeout_s", "from 0.01"),
    ("load", {"mode": "closed", "concurrency": 0}, "load.concurrency", "from 1"),
    ("load", {"mode": "closed", "rate_rps": 5}, "load.rate_rps", "belongs to an open load"),
    ("load", {"mode": "closed", "concurency": 5}, "load.concurency", '"concurrency"?'),
    ("objective", [], "objective", "must be an object"),
    ("objective.percentile", 100, "objective.percentile", "from 50 to 99.99"),
    ("objective.percentile", "p99", "objective.percentile", "must be a number"),
    ("objective.latency_ms", 0, "objective.latency_ms", "from 0.001"),
    ("objective.latency_ms", -INFINITE, "objective.latency_ms", "finite"),
    ("objective.latency_ms", 10**400, "objective.latency_ms", "must be from"),
    ("objective.max_error_rate", 1, "objective.max_error_rate", "not a percentage"),
    ("objective.max_error_rate", -0.1, "objective.max_error_rate", "from 0 to 0.5"),
    ("objective.confidence", 95, "objective.confidence", "not a percentage"),
    ("objective.latency_ratio", 0.5, "objective.latency_ratio", "from 1 to 100"),
    ("objective.throughput_share", 95, "objective.throughput_share", "not a percentage"),
    ("objective.latency", 5, "objective.latency", "unknown key"),
    ("budget", 60, "budget", "must be an object"),
    ("budget.duration_s", 0, "budget.duration_s", "from 1 to 86400"),
    ("budget.duration_s", False, "budget.duration_s", "must be a number"),
    ("budget.build_s", NAN, "budget.build_s", "finite"),
    ("budget.ready_s", 0, "budget.ready_s", "from 1 to 86400"),
    ("budget.duration", 5, "budget.duration", 'did you mean "duration_s"?'),
    ("objectives", {}, "objectives", 'did you mean "objective"?'),
    ("", None, "", "unknown key"),
]


@pytest.mark.parametrize(("spoiled", "value", "place", "words"), WRONG)
def test_each_wrong_field_is_named(files, spoiled, value, place, words):
    problems = files.set(spoiled, value).problems()

    assert [found for found, _ in problems] == [place]
    assert words in problems[0][1]


def test_all_problems_come_at_once(files):
    files.set("models.0.version", 0).set("config.workers", "two").set("target.kind", "pod")
    files.set("limits.cpu_millicores", 1).set("load", {"mode": "open"}).set("budgets", {})
    files.set("dataset.path", "nothing.txt").set("objective.percentile", 5)

    assert {place for place, _ in files.problems()} == {
        "models[0].version",
        "config.workers",
        "target.kind",
        "limits.cpu_millicores",
        "load.rate_rps",
        "budgets",
        "dataset.path",
        "objective.percentile",
    }


def test_an_empty_object_is_told_all_it_needs(tmp_path):
    with pytest.raises(InvalidSpec) as refusal:
        read_spec_data({}, tmp_path, capacity=HOST)

    places = [problem.place for problem in refusal.value.problems]
    assert sorted(places) == ["config", "dataset", "models", "target"]


def test_the_rows_of_a_wrong_dataset_are_among_the_problems(files):
    (files.folder / "requests.jsonl").write_text('{"x": 1}\n{"x": }\n')
    files.set("dataset.path", "requests.jsonl").set("config.workers", 0)

    problems = files.problems()

    assert [place for place, _ in problems] == ["config.workers", "dataset"]
    assert "requests.jsonl: row 2: column 7" in problems[1][1]


def test_one_model_twice_is_refused(files):
    files.data["models"] *= 2

    assert files.problems() == [
        ("models[1].name", "ridge:1 is listed twice; remove one or change its version")
    ]


def test_a_relative_bound_has_no_meaning_beside_an_absolute_one(files):
    problems = files.set("objective", {"latency_ms": 5, "latency_ratio": 1.5}).problems()

    assert [place for place, _ in problems] == ["objective.latency_ratio"]


def test_the_driver_may_not_share_the_services_cores(files):
    files.set("target", {"kind": "docker", "service_cores": [0, 1], "driver_cores": [1]})

    assert [place for place, _ in files.problems()] == ["target.driver_cores"]


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (CONTAINER, "config.image"),
        (
            {"entry_script": "score.py", "environment": {"base_image": "x"}},
            "config.environment.base_image",
        ),
    ],
)
def test_a_process_target_runs_no_image(files, config, place):
    problems = files.set("config", config).set("target.kind", "process").problems()

    assert [found for found, _ in problems] == [place]
    assert "needs a docker target" in problems[0][1]


@pytest.mark.parametrize("place", ["models.0.path", "dataset.path", "config.source_directory"])
def test_a_confined_spec_cannot_leave_its_folder(tmp_path, place):
    inner = tmp_path / "inner"
    inner.mkdir()
    files = SpecFiles(inner)
    (tmp_path / "secret").mkdir()
    (inner / "link").symlink_to(tmp_path / "secret")

    for way_out in ("../secret", "/etc", "link"):
        problems = files.set(place, way_out).problems(confined=True)
        assert "leads out of the folder of the spec" in problems[0][1]


# --- The file itself ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'{"models": [],}', "line 1, column 15"),
        (b'{"models": []\n "config": 1}', "line 2, column 2"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'"text"', "must be an object"),
        (b'{"models": "\xff"}', "byte 13 is not UTF-8"),
        (b'{"load": 1, "load": 2}', '"load" is given twice'),
        (b"[" * 100_000, "is not a spec"),
        (b'{"models": ' + b"9" * 5000 + b"}", "is not a spec"),
    ],
)
def test_a_file_that_is_no_spec_is_refused_with_the_place(tmp_path, content, words):
    path = tmp_path / "spec.json"
    path.write_bytes(content)

    with pytest.raises(InvalidSpec) as refusal:
        read_spec(path, capacity=HOST)

    assert words in refusal.value.message


def test_a_spec_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InvalidSpec, match="cannot be read"):
            read_spec(path, capacity=HOST)


def test_what_a_message_repeats_can_be_stored_and_printed(files):
    files.set("target.kind", "\ud800\0").set("\ud800\0", 1)

    text = json.dumps(files.problems(), ensure_ascii=False)

    assert text.encode() and "\0" not in text
