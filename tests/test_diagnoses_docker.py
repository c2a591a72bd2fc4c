"""A cause beside threads on a real container: one class of rows that takes the cpu."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine_cli import Project

pytestmark = pytest.mark.docker

#: Burns the milliseconds of cpu that a row asks for, by the thread's own clock.
AS_ASKED = """
    import json
    import time

    def init():
        pass

    def run(raw_data):
        until = time.thread_time() + json.loads(raw_data)["ms"] / 1000
        while time.thread_time() < until:
            pass
        return {}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.score(AS_ASKED)
    project.spec["limits"]["cpu_millicores"] = 1000
    project.spec["load"] = {"mode": "open", "rate_rps": 100, "arrivals": "constant"}
    project.spec["objective"] = {"percentile": 95, "latency_ms": 150}
    # Told of the measurement at the largest size: no smaller one has to be found.
    project.spec["budget"]["duration_s"] = 20
    return project


def test_one_class_of_rows_that_takes_the_cpu_is_named(project):
    dear, cheap = {"body": {"ms": 40}, "label": "dear"}, {"body": {"ms": 1}, "label": "cheap"}
    lines = [json.dumps(row) + "\n" for row in [dear, *[cheap] * 9] * 4]
    (project.folder / "rows.requests.jsonl").write_text("".join(lines))
    project.spec["dataset"] = {"path": "rows.requests.jsonl"}

    (cause,) = [
        found
        for found in project.run().result["diagnoses"]
        if found["code"] == "one-class-takes-cpu"
    ]

    assert cause["numbers"]["class"] == "dear"
    assert 0.5 <= cause["numbers"]["cpu_share"] <= 0.9
    assert cause["numbers"]["request_share"] == pytest.approx(0.1, abs=0.02)
