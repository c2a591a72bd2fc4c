"""A sound spec: what it means, what it leaves to defaults, and that it can be written back."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.errors import RunFailed
from profiler.spec import (
    Budget,
    ContainerConfig,
    Environment,
    Limits,
    Load,
    Objective,
    ScoredConfig,
    Stage,
)
from profiler.spec_reader import Capacity, read_spec_data, spec_to_json
from tests.spec_files import GIB, HOST, SpecFiles


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    return SpecFiles(tmp_path)


def test_only_four_keys_are_needed(files):
    spec = files.read()

    assert spec.models[0].path == files.folder / "model.pkl"
    assert spec.config == ScoredConfig("score.py", files.folder, Environment())
    assert spec.dataset.path == files.folder / "requests.txt"
    assert spec.limits == Limits(3000, 8 * GIB)
    assert spec.load == Load((Stage("closed", concurrency=1),))
    assert spec.objective == Objective()
    assert spec.budget == Budget()


def test_every_key_is_taken(files):
    files.set("config.environment", {"pip": ["numpy==2.1"], "python": "3.12"})
    files.set("config.env", {"MODE": "fast"}).set("config.workers", 2).set("config.egress", True)
    files.set("limits", {"cpu_millicores": 1500, "memory_bytes": GIB})
    files.set(
        "load",
        {"mode": "open", "rate_rps": 50, "arrivals": "constant", "seed": 7, "order": "shuffled"},
    )
    files.set("objective", {"percentile": 99, "latency_ms": 50, "confidence": 0.9})
    files.set("budget", {"duration_s": 120, "build_s": 60})
    spec = files.read()

    assert spec.config.environment == Environment(("numpy==2.1",), "3.12")
    assert (spec.config.env, spec.config.workers, spec.config.egress) == ({"MODE": "fast"}, 2, True)
    assert spec.limits == Limits(1500, GIB)
    assert spec.load == Load((Stage("open", 50.0, "constant"),), "shuffled", 7)
    assert spec.objective == Objective(percentile=99.0, latency_ms=50.0, confidence=0.9)
    assert spec.budget == Budget(120.0, 60.0)


def test_null_is_the_same_as_not_given(files):
    files.set("limits", None).set("objective", {"latency_ms": None}).set("config.env", None)

    assert files.read().limits == Limits(3000, 8 * GIB)


def test_a_load_may_be_a_list_of_stages(files):
    first = {"mode": "closed", "concurrency": 4, "duration_s": 10}
    second = {"mode": "open", "rate_rps": 20, "requests": 500}
    expected = (
        Stage("closed", concurrency=4, duration_s=10.0),
        Stage("open", rate_rps=20.0, requests=500),
    )

    assert files.set("load", [first, second]).read().load == Load(expected)
    options = {"stages": [first, second], "seed": 3, "timeout_s": 5}
    assert files.set("load", options).read().load == Load(expected, seed=3, timeout_s=5.0)


def test_a_scored_service_is_posted_to_score(files):
    dataset = files.read().dataset

    assert (dataset.method, dataset.request_path, dataset.headers) == ("POST", "/score", {})


def test_requests_go_where_the_container_says_unless_the_dataset_says_otherwise(files):
    config = {"image": "tritonserver:24.08", "port": 8000, "score_path": "/v2", "method": "PUT"}
    files.set("config", {**config, "headers": {"X-Key": "a", "X-Team": "b"}})
    spec = files.read()
    assert isinstance(spec.config, ContainerConfig)
    assert (spec.dataset.method, spec.dataset.request_path) == ("PUT", "/v2")
    assert spec.dataset.headers == {"X-Key": "a", "X-Team": "b"}

    files.set("dataset.request_path", "/v3").set("dataset.headers", {"x-key": "c"})
    spec = files.read()
    assert (spec.dataset.method, spec.dataset.request_path) == ("PUT", "/v3")
    assert spec.dataset.headers == {"x-key": "c", "X-Team": "b"}


def test_limits_default_to_the_largest_size_of_the_target(files):
    files.set("target.max_cpu_millicores", 2000).set("target.max_memory_bytes", GIB)

    assert files.read().limits == Limits(2000, GIB)


@pytest.mark.parametrize(
    ("given", "service", "driver"),
    [
        ({}, (0, 1, 2), (3,)),
        ({"service_cores": [0, 1]}, (0, 1), (2, 3)),
        ({"driver_cores": [0]}, (1, 2), (0,)),
        ({"service_cores": [3], "driver_cores": [0]}, (3,), (0,)),
        ({"service_cores": [0, 1, 2, 3]}, (0, 1, 2, 3), (0, 1, 2, 3)),
    ],
)
def test_cores_are_shared_out(files, given, service, driver):
    target = files.set("target", {"kind": "docker", **given}).read().target

    assert (target.service_cores, target.driver_cores) == (service, driver)
    assert target.max_cpu_millicores == 1000 * len(service)


def test_a_host_with_one_core_shares_it(files):
    one = Capacity(service_cores=(0,), driver_cores=(0,), memory_bytes=GIB)

    target = files.set("target.driver_cores", [0]).read(one).target

    assert (target.service_cores, target.driver_cores) == ((0,), (0,))


def test_a_folder_that_is_named_as_a_dot_keeps_its_own_name(files):
    assert files.set("models.0.path", ".").read().models[0].path.name == files.folder.name


def test_a_config_that_wants_a_gpu_is_refused_by_a_target_that_has_none(files):
    with pytest.raises(RunFailed) as refusal:
        files.set("config.gpu", True).read()

    assert refusal.value.code == "NoGpu"
    assert "choose a target" in refusal.value.message


def test_a_config_that_wants_a_gpu_is_taken_where_there_is_one(files):
    host = Capacity((0,), (1,), GIB, gpus=(0, 1))

    assert files.set("config.gpu", True).read(host).target.gpus == (0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"load": {"mode": "open", "rate_rps": 5}, "objective": {"latency_ms": 5}},
        {"load": [{"mode": "closed", "requests": 5}, {"mode": "open", "rate_rps": 1}]},
        {"config": {"image": "a/b:c", "port": 80, "headers": {"a": "b"}, "gpu": False}},
        {"target": {"kind": "docker", "name": "lab", "service_cores": [1], "gpus": []}},
        {"config.environment": {"pip": ["a>1", "b"], "python": "3.11", "base_image": "x"}},
        {"dataset": {"path": "requests.txt", "content_type": "text/plain", "headers": {"a": "b"}}},
    ],
)
def test_a_resolved_spec_reads_as_itself(files, changes):
    for place, value in changes.items():
        files.set(place, value)
    spec = files.read()

    data = spec_to_json(spec, files.folder)

    assert read_spec_data(data, files.folder, capacity=HOST, confined=True) == spec
