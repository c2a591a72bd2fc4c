"""Measuring a service against itself: fresh starts in turns; the floor stored and read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from profiler import aa, noise_floor
from profiler.circumstances import host_capacity, host_facts
from profiler.cli import main
from profiler.measuring import warmup
from profiler.spec_reader import read_spec
from tests.compared_runs import run_of
from tests.engine_cli import Project


@pytest.fixture
def spec_path(tmp_path: Path, monkeypatch) -> Path:
    """A service as processes, measured briefly: what is tested is not how long."""
    monkeypatch.setenv("PROFILER_ALLOW_PROCESS_TARGET", "1")
    monkeypatch.setattr(aa, "REFERENCE_S", 0.5)
    monkeypatch.setattr(aa, "ATTEMPTS", 1)
    monkeypatch.setattr(warmup, "LEAST_S", 0.2)
    project = Project(tmp_path, kind="process")
    (tmp_path / "spec.json").write_text(json.dumps(project.spec))
    return tmp_path / "spec.json"


def test_a_service_against_itself_is_started_afresh_in_turns_and_leaves_a_floor(
    spec_path: Path, tmp_path: Path, capsys
) -> None:
    out, store = tmp_path / "aa.json", tmp_path / "floors"
    status = main(["aa", str(spec_path), "--pairs", "2", "--out", str(out), "--store", str(store)])

    found = json.loads(out.read_text())
    assert [(run["pair"], run["side"]) for run in found["runs"]] == [
        (1, "A"), (1, "B"), (2, "B"), (2, "A"),
    ]  # fmt: skip
    starts = {run["circumstances"]["startup_s"] for run in found["runs"]}
    assert len(starts) == 4
    assert all(run["measurement"]["requests"] > 50 for run in found["runs"])
    draws = [run["measurement"]["arrivals_draw"] for run in found["runs"]]
    assert draws == [[1, found["runs"][0]["measurement"]["cpu_millicores"], 0]] * 4
    if status == 1:  # too noisy a host here to believe four runs: then nothing is stored, and said
        assert not store.exists()
        assert "A noise floor needs 4" in capsys.readouterr().out
        return
    target = read_spec(spec_path, capacity=host_capacity()).target
    floor, _ = noise_floor.read(store, host_facts(), target.kind, target.service_cores)
    assert floor["metrics"]["latency_p95_ms"] > 0
    assert floor == found["noise_floor"]
    assert found["false_verdicts"]["with_floor"] == 0


def test_two_specs_must_be_of_one_target_and_the_size_within_its_limits(
    spec_path: Path, tmp_path: Path, capsys
) -> None:
    other = json.loads(spec_path.read_text()) | {"target": {"kind": "docker"}}
    (tmp_path / "other.json").write_text(json.dumps(other))
    arguments = ["aa", str(spec_path), "--out", str(tmp_path / "aa.json")]
    assert main([*arguments, "--against", str(tmp_path / "other.json")]) == 2
    assert "same kind of target" in capsys.readouterr().err
    assert main([*arguments, "--cpu-millicores", "900000"]) == 2
    assert "--cpu-millicores must be from 1" in capsys.readouterr().err


# ---- the stored floor ----------------------------------------------------------------------

CORES = (0, 1)
FACTS = {"host": "a.example.org", "kernel": "6.1", "cpu_model": "Xeon"}
FLOOR = {
    "schema_version": 1, **FACTS, "kind": "docker", "service_cores": [0, 1],
    "measured_at": "2026-11-01T10:00:00Z", "runs": 10, "metrics": {"latency_p95_ms": 0.04},
}  # fmt: skip


def test_a_floor_is_found_by_host_kind_and_cores(tmp_path: Path) -> None:
    aa.store(tmp_path, FLOOR)
    assert noise_floor.read(tmp_path, FACTS, "docker", CORES) == (FLOOR, "")
    for other in (("process", CORES), ("docker", (0,))):
        assert noise_floor.read(tmp_path, FACTS, *other) == (None, "not measured on this target")


def test_a_floor_of_another_kernel_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    aa.store(tmp_path, FLOOR)
    floor, why_not = noise_floor.read(tmp_path, FACTS | {"kernel": "6.2"}, "docker", CORES)
    assert floor is None
    assert "outdated: the kernel was 6.1 and is 6.2" in why_not


def test_a_spoilt_floor_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    noise_floor.path_of(tmp_path, FACTS["host"], "docker", CORES).write_text("{")
    floor, why_not = noise_floor.read(tmp_path, FACTS, "docker", CORES)
    assert floor is None
    assert "cannot be read" in why_not


def test_runs_that_may_not_be_believed_make_no_pair() -> None:
    rng = np.random.default_rng(1)
    bad = run_of(rng)
    bad.measurement["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    runs = [
        aa.Run(1, "A", run_of(rng)), aa.Run(1, "B", bad),
        aa.Run(2, "B", run_of(rng)), aa.Run(2, "A", run_of(rng)),
    ]  # fmt: skip
    found = aa.Alternation(against=False, runs=runs)
    assert found.believed_pairs == [(runs[3].measured, runs[2].measured)]
    assert found.comparison is None
