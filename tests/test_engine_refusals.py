"""What is refused before anything is started: every problem at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine_cli import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_sound_spec_passes_the_check(project):
    ended = project.check()

    assert ended.status == 0, ended.output


def test_a_script_that_does_not_parse_is_refused_with_its_line(project):
    project.score("def init():\n    pass\n\ndef run(raw_data)\n    return 1\n")

    ended = project.run()

    assert ended.status == 2
    assert ended.error["code"] == "InvalidSpec"
    assert "line 4" in ended.error["message"]


def test_a_script_without_init_is_refused(project):
    project.score("def run(raw_data):\n    return 1\n")

    ended = project.run()

    assert ended.status == 2
    assert "init()" in ended.error["message"]


def test_a_model_file_that_is_missing_is_refused_by_name(project):
    project.spec["models"] = [{"name": "ridge", "version": 1, "path": "gone.pkl"}]

    ended = project.run()

    assert ended.status == 2
    assert "gone.pkl" in ended.error["message"]


def test_an_empty_dataset_is_refused(project):
    project.rows([])

    ended = project.run()

    assert ended.status == 2
    assert "no rows" in ended.error["message"]


def test_all_problems_are_said_at_once_with_their_places(project):
    project.spec["limits"] = {"cpu_millicores": "many", "memory_bytes": -1}
    project.spec["objective"]["percentile"] = 101
    project.spec["budgets"] = {}
    project.spec["target"] = {"kind": "moon"}

    ended = project.run()

    assert ended.status == 2
    for place in ("limits.cpu_millicores", "limits.memory_bytes", "objective.percentile",
                  "budgets", "target.kind"):  # fmt: skip
        assert place in ended.error["message"]


def test_a_spec_that_is_not_json_is_refused_without_a_traceback(project):
    (project.folder / "spec.json").write_text("{")
    project.spec = {}
    ended = project.check()

    assert ended.status == 2
    assert "Traceback" not in ended.output


def test_a_result_path_that_cannot_be_written_is_refused_first(project):
    (project.folder / "result.json").mkdir()

    process = project.start()
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "is a folder" in output
