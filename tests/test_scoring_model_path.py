"""`Model.get_model_path` in services without azureml-core, and its absence in services with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.services.scoring.layout import SHIM


def answer(code: str, *, cwd: Path, path: list[Path]) -> subprocess.CompletedProcess:
    environment = {"PYTHONPATH": os.pathsep.join(map(str, path)), "AML_APP_ROOT": str(cwd)}
    return subprocess.run(
        [sys.executable, "-S", "-c", f"from azureml.core.model import Model\nprint({code})"],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def app_root(tmp_path):
    for version in ("1", "2", "10"):
        folder = tmp_path / "azureml-models" / "ridge" / version
        folder.mkdir(parents=True)
        (folder / f"ridge-{version}.pkl").touch()
    return tmp_path


def get(app_root: Path, arguments: str) -> str:
    done = answer(f"Model.get_model_path({arguments})", cwd=app_root, path=[SHIM])
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_highest_version_is_meant_where_none_is_given(app_root):
    assert get(app_root, "'ridge'") == f"{app_root}/azureml-models/ridge/10/ridge-10.pkl"


def test_a_version_can_be_given_as_number_or_text(app_root):
    assert get(app_root, "'ridge', 2").endswith("ridge/2/ridge-2.pkl")
    assert get(app_root, "model_name='ridge', version='1'").endswith("ridge/1/ridge-1.pkl")


def test_a_folder_beside_the_script_is_found_by_its_name(app_root):
    (app_root / "local-model").mkdir()

    assert get(app_root, "'local-model'") == "local-model"


def test_a_model_or_version_that_is_not_there_says_what_is(app_root):
    assert "Models here: ridge" in get(app_root, "'forest'")
    assert "it has: 1, 2, 10" in get(app_root, "'ridge', 3")


def test_an_installed_azureml_core_is_used_instead_of_ours(tmp_path):
    core = tmp_path / "site-packages" / "azureml" / "core"
    core.mkdir(parents=True)
    (core / "__init__.py").touch()
    (core / "model.py").write_text("class Model:\n    whose = 'the real one'\n")
    # The way that Microsoft's own packages share the name.
    (core.parent / "__init__.py").write_text(
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    )

    done = answer("Model.whose", cwd=tmp_path, path=[tmp_path / "site-packages", SHIM])

    assert done.stdout.strip() == "the real one"


def test_ours_is_found_beside_other_packages_of_that_name(app_root):
    other = app_root / "site-packages" / "azureml"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    )

    done = answer("Model.get_model_path('ridge', 1)", cwd=app_root, path=[other.parent, SHIM])

    assert done.stdout.strip().endswith("ridge-1.pkl")
