"""`python -m profiler compare`: which measurements belong together, the table, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from profiler.cli import main
from profiler.comparing import RunResult, comparisons
from tests.compared_runs import run_of


def result_of(seed: int, *, verified: int | None = None, **options: object) -> dict:
    """A RESULT with a measurement at the largest size and, if asked for, a verified one."""
    rng = np.random.default_rng(seed)
    run = run_of(rng, requests=200, **options)
    measurements = [run.measurement]
    if verified:
        small = run_of(rng, requests=200, **options).measurement
        measurements.append({**small, "phase": "verifying", "cpu_millicores": verified})
    return {"measurements": measurements, "circumstances": run.circumstances}


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, result: object) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(result))
        return str(path)

    return write


def test_two_results_are_told_apart_and_the_verdict_is_no_failure(write, tmp_path, capsys) -> None:
    base, new = write("base", result_of(1)), write("new", result_of(2, slower=1.5))
    out = tmp_path / "comparison.json"
    assert main(["compare", base, new, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Verdict: worse.\np95 latency is worse: +" in told
    assert "No noise floor of this target is known" in told
    stored = json.loads(out.read_text())["measuring"]
    assert stored["verdict"] == "worse"
    assert stored["metrics"][1]["is_primary"]


def test_several_results_a_side_are_compared_by_runs(write, capsys) -> None:
    base = [write(f"a{n}", result_of(n)) for n in range(3)]
    new = [write(f"b{n}", result_of(10 + n)) for n in range(3)]
    assert main(["compare", "--base", *base, "--new", *new]) == 0
    assert "(3 and 3 runs)" in capsys.readouterr().out


def test_verified_sizes_are_compared_only_where_they_are_the_same() -> None:
    base, same, other = (
        RunResult.from_json(name, result_of(1, verified=size))
        for name, size in (("base", 300), ("same", 300), ("other", 400))
    )
    assert [phase for phase, _ in comparisons([base], [same])] == ["measuring", "verifying"]
    assert [phase for phase, _ in comparisons([base], [other])] == ["measuring"]


def test_the_floor_that_the_runs_carry_is_used_on_one_host_only() -> None:
    floor = {"measured_at": "2026-11-01T00:00:00Z", "runs": 10, "metrics": {"latency_p95_ms": 0.9}}
    base, new = (
        RunResult.from_json(name, result_of(seed, slower=slower, noise_floor=floor))
        for name, seed, slower in (("base", 1, 1.0), ("new", 2, 1.5))
    )
    assert dict(comparisons([base], [new]))["measuring"].verdict == "no difference shown"
    elsewhere = RunResult.from_json("b", result_of(2, slower=1.5, noise_floor=floor, host="b"))
    assert dict(comparisons([base], [elsewhere]))["measuring"].verdict == "worse"


@pytest.mark.parametrize(
    ("content", "why"),
    [("[", "is not JSON"), ("{}", "no list of measurements"),
     ('{"measurements": []}', "no measurement at the largest size")],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(write, tmp_path, capsys, content, why) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(content)
    assert main(["compare", write("base", result_of(1)), str(bad)]) == 2
    assert why in capsys.readouterr().err


def test_a_missing_file_and_a_single_one_are_refused(write, tmp_path, capsys) -> None:
    base = write("base", result_of(1))
    assert main(["compare", base, str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["compare", base]) == 2
    assert "base and new" in capsys.readouterr().err
