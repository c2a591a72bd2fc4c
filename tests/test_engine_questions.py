"""Other questions than the size, asked of real containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profiler.arrivals.schedule import arrivals
from profiler.raw.folder import read_folder
from profiler.spec import Stage
from tests.engine_cli import Project

pytestmark = pytest.mark.docker

#: 5 ms of cpu a request: half a core pays for 100 a second.
SCORE = """
    import time

    def init():
        pass

    def run(raw_data):
        until = time.process_time() + 0.005
        while time.process_time() < until:
            pass
        return len(raw_data)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.score(SCORE)
    project.spec["limits"]["cpu_millicores"] = 500
    return project


@pytest.mark.long
def test_the_highest_rate_of_a_size_is_found_and_verified_at_that_rate(project):
    project.spec["question"] = "rate"
    project.spec["peak_rps"] = 400
    project.spec["budget"]["duration_s"] = 180
    project.spec["load"] = {"mode": "open", "rate_rps": 60, "arrivals": "constant"}
    project.spec["objective"] = {"percentile": 90, "latency_ms": 100, "confidence": 0.8}

    ended = project.run_believed()

    assert ended.status == 0, ended.output
    assert ended.output.index("not measured yet") < ended.output.index("measuring")
    advice = ended.result["advice"]
    assert advice["standing"] == "verified", advice
    assert (advice["cpu_millicores"], advice["memory_bytes"]) == (500, 512 << 20)
    # Half a core pays for no more, and some of it is the server's.
    assert 10 < advice["capacity_rps"] < 100
    assert advice["replicas"] == -(-400 // advice["capacity_rps"])
    memory = ended.result["memory"]
    assert memory["largest_rows"][0]["peak_bytes"] > 0 and memory["missing"] == []
    assert "Memory stays as given" in advice["explanation"]
    verifying = [m for m in ended.result["measurements"] if m["phase"] == "verifying"][-1]
    assert verifying["nominal_rps"] == advice["capacity_rps"]
    assert (verifying["cpu_millicores"], verifying["outcome"]) == (500, "passed")
    above = [m for m in ended.result["measurements"] if m["nominal_rps"] > advice["capacity_rps"]]
    # The last word on the next rate: a probe may have passed it, and the proof not.
    nearest = min(reversed(above), key=lambda m: m["nominal_rps"])
    assert nearest["outcome"] != "passed"
    assert nearest["nominal_rps"] <= 1.051 * advice["capacity_rps"]


def test_the_curve_measures_every_size_of_the_grid_and_advises_the_smallest(project):
    # 5 ms of cpu and what serving it costs, 30 times a second, are about 200m.
    project.spec["question"] = "curve"
    project.spec["budget"]["duration_s"] = 240  # half a minute is enough where the host is quiet
    project.spec["load"] = {"mode": "open", "rate_rps": 30, "seed": 3}
    project.spec["objective"] = {"percentile": 90, "latency_ms": 200, "confidence": 0.8}
    project.keeps_raw = True

    ended = project.run_believed()

    assert ended.status == 0, ended.output
    measured = {m["cpu_millicores"]: m["outcome"] for m in ended.result["measurements"]
                if m["phase"] in ("measuring", "sizing")}  # fmt: skip
    assert sorted(measured) == [100, 200, 300, 400, 500]
    assert measured[100] == "failed"
    assert measured[400] == measured[500] == "passed"
    advice = ended.result["advice"]
    assert advice["standing"] == "verified", advice
    assert advice["cpu_millicores"] in (200, 300)
    draws = [tuple(m["arrivals_draw"]) for m in ended.result["measurements"]]
    assert len(set(draws)) == len(draws), "proven under the arrivals it was chosen for"
    sent_as_drawn(project.raw, draws, Stage("open", rate_rps=30), seed=3)


def sent_as_drawn(raw: Path, draws: list[tuple[int, ...]], stage: Stage, seed: int) -> None:
    """Each measurement's requests were due at the gaps of its own draw."""
    recorded = [one for one in read_folder(raw) if one.series == "requests"]
    assert len(recorded) == len(draws)
    for one in recorded:
        sent = np.concatenate([part["scheduled_ns"] for part in one.parts(pytest.fail)])
        seeded = replace(stage, requests=len(sent))
        due = arrivals(seeded, seed, 0, draw=draws[one.ordinal])
        assert np.array_equal(np.diff(sent), np.diff(due))
