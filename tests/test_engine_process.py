"""The engine on a plain process: measured, but with no limit enforced, so never verified."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import psutil
import pytest

from profiler import aa
from profiler.circumstances import host_capacity, host_facts
from profiler.raw.folder import read_folder
from tests.documented_result import undocumented
from tests.engine_cli import Ended, Project

ALLOWED = {"PROFILER_ALLOW_PROCESS_TARGET": "1"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, kind="process")


BURN = """
    import json, time

    def init():
        pass

    def run(raw_data):
        end = time.process_time() + json.loads(raw_data)["ms"] / 1000
        while time.process_time() < end:
            pass
        return "done"
"""


#: As `aa` would leave it on this host, but for how wide it is.
FLOOR = {
    "schema_version": 1,
    **{name: host_facts()[name] for name in ("host", "kernel", "cpu_model")},
    "kind": "process",
    "service_cores": list(host_capacity().service_cores),
    "measured_at": "2026-11-01T10:00:00Z",
    "runs": 10,
    "models": [],
    "cpu_millicores": 1000,
    "metrics": {"latency_p95_ms": 9.0},
}


@pytest.fixture(scope="module")
def burned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ended]:
    """A run with its raw data: 3 and 15 ms of CPU, four short rows to a long one."""
    project = Project(tmp_path_factory.mktemp("burned"), kind="process")
    project.score(BURN)
    kinds = [("long", 15) if number % 5 == 0 else ("short", 3) for number in range(100)]
    lines = [json.dumps({"body": {"ms": ms}, "label": label}) for label, ms in kinds]
    (project.folder / "rows.requests.jsonl").write_text("\n".join(lines))
    project.spec["dataset"] = {"path": "rows.requests.jsonl"}
    project.spec["load"] |= {"order": "shuffled"}
    project.keeps_raw = True
    data = project.folder / "data"
    aa.store(data / "noise-floor", FLOOR)
    return project, project.run_believed(env=ALLOWED | {"PROFILER_DATA_DIR": str(data)})


def test_the_noise_floor_of_its_target_is_used_by_validity(burned):
    _, ended = burned

    assert ended.result["circumstances"]["noise_floor"] == FLOOR
    found = ended.result["measurements"][-1]["warning_findings"]
    (told,) = [one["text"] for one in found if one["code"] == "kept-within-noise"]
    assert "less than the 900.0% by which identical runs differ" in told


def test_a_process_is_measured_and_its_size_is_provisional_because_nothing_was_enforced(burned):
    project, ended = burned

    assert ended.status == 0, ended.output
    advice = ended.result["advice"]
    assert advice["standing"] == "provisional"
    assert any("could not be enforced" in reason for reason in advice["reasons"])
    assert "could not be enforced" in ended.result["latency_model"]["why_not"]
    assert undocumented(ended.result) == []
    measurement = ended.result["measurements"][0]
    assert measurement["requests"] > 50
    assert measurement["errors"] == 0
    assert measurement["cpu_seconds_per_request"] > 0
    assert measurement["memory_working_set_peak_bytes"] > 10 << 20
    assert measurement["throttled_fraction"] is None
    left = [p for p in psutil.process_iter(["cmdline"]) if str(project.folder) in str(p.info)]
    assert left == []
    assert measured_time(project.raw, measurement) == (
        measurement["requests"] + measurement["aborted"] + measurement["void_requests"]
    )


def measured_time(raw: Path, measurement: dict) -> int:
    """How many requests the kept raw data holds of a measurement's measured time."""
    found = next(one for one in read_folder(raw) if one.series == "requests")
    due = np.concatenate([part["scheduled_ns"] for part in found.parts(pytest.fail)])
    return int(((due >= found.start_ns) & (due < measurement["ended_ns"])).sum())


def test_the_class_of_rows_that_costs_five_times_as_much_is_named(burned):
    """The rows' own cost, and whatever the server adds to each."""
    _, ended = burned
    payload = ended.result["measurements"][-1]["payload"]
    long, short = payload["classes"]
    assert [one["name"] for one in payload["classes"]] == ["long", "short"]
    assert long["latency_ms"]["p50"] > 3 * short["latency_ms"]["p50"]
    assert long["request_share"] == pytest.approx(0.2, abs=0.05)
    cost_s, cheap_s = (one["cpu_seconds_per_request"]["value"] for one in (long, short))
    assert cost_s - cheap_s == pytest.approx(0.012, rel=0.25)
    assert payload["sentence"].startswith('Rows labelled "long" are ')


def test_the_process_target_must_be_allowed(project):
    ended = project.run(env={"PROFILER_ALLOW_PROCESS_TARGET": "0"})

    assert ended.status == 1
    assert ended.error["code"] == "TargetUnavailable"
    assert "PROFILER_ALLOW_PROCESS_TARGET=1" in ended.error["message"]


def test_a_requirement_that_does_not_exist_is_named(project):
    project.spec["config"]["environment"] = {"pip": ["model-profiler-no-such-package==9.9"]}

    ended = project.run(env=ALLOWED)

    assert ended.status == 1
    assert ended.error["code"] == "EnvironmentFailed"
    assert "model-profiler-no-such-package" in ended.error["message"]
