"""Threads that do not go with the quota on real containers: found, mended, the gain measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine_cli import Project

pytestmark = pytest.mark.docker

#: BLAS is told to use as many threads as OMP_NUM_THREADS says, whatever cores there are; of itself
#: it would use no more than those.
MATRICES = """
    import os

    import numpy
    from threadpoolctl import threadpool_limits

    def init():
        global a, limits
        limits = threadpool_limits(int(os.environ["OMP_NUM_THREADS"]))
        a = numpy.random.default_rng(0).random((220, 220))

    def run(raw_data):
        b = a
        for _ in range(6):
            b = b @ a
            b /= b.max()
        return len(raw_data)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.spec["config"]["environment"] = {"pip": ["numpy==2.2.6", "threadpoolctl==3.6.0"]}
    project.spec["limits"]["cpu_millicores"] = 600
    project.spec["policy"] = {"floors": {"cpu_millicores": 200}}  # fewer sizes to try
    project.spec["load"] = {"mode": "open", "rate_rps": 20}
    project.spec["objective"] = {"percentile": 90, "latency_ms": 100, "confidence": 0.8}
    project.score(MATRICES)
    return project


@pytest.mark.long
def test_too_many_threads_are_found_mended_and_the_gain_is_measured(project):
    project.rows(["{}", "[]", "[1]"])
    project.spec["config"]["env"] = {"OMP_NUM_THREADS": "2"}

    result = project.run().result

    (found,) = [d for d in result["diagnoses"] if d["code"] == "threads-over-quota"]
    assert found["fix"]["env"]["OMP_NUM_THREADS"] == "1"
    assert found["remeasured"]["outcome"] == "passed", found
    assert found["saving"]["makes_possible"] or found["saving"]["latency_at_percentile_ms"] > 0
    fixed = [m for m in result["measurements"] if m["variant"] == found["fix"]]
    assert found["remeasured"]["ordinal"] in {m["ordinal"] for m in fixed}
    assert {m["phase"] for m in fixed} <= {"measuring", "sizing"}  # measured, not verified


@pytest.mark.long
def test_the_best_of_several_threads_is_advised_and_verified(project):
    project.spec["config"]["threads"] = [2, 1]
    project.spec["budget"]["duration_s"] = 150  # two services are searched

    result = project.run_believed().result

    advice = result["advice"]
    assert (advice["standing"], advice["threads"]) == ("verified", 1), advice
    verifying = [m for m in result["measurements"] if m["phase"] == "verifying"]
    assert {m["variant"]["env"]["OMP_NUM_THREADS"] for m in verifying} == {"1"}
    assert "2 threads" in advice["explanation"]
