"""Environments from a conda file: what pip can install of it, the rest refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.environment import read_environment
from profiler.environment.conda import pip_version
from profiler.errors import InvalidSpec
from profiler.spec import Environment


def environment(folder: Path, conda: str, **more: str) -> Environment:
    (folder / "conda.yml").write_text(conda)
    return read_environment({"conda": "conda.yml", **more}, folder)


def problems(folder: Path, conda: str, **more: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as refusal:
        environment(folder, conda, **more)
    return [(problem.place, problem.message) for problem in refusal.value.problems]


def dependency(item: str) -> str:
    return f"dependencies:\n  - {item}\n"


def test_python_packages_and_pip_section_are_taken(tmp_path):
    (tmp_path / "more.txt").write_text("shap\n")
    conda = """
name: service
channels: [conda-forge, defaults]
dependencies:
  - python=3.11
  - pip=24.0
  - conda-forge::scikit-learn=1.5
  - numpy>=1.26,<3
  - typing_extensions
  - pip:
      - azureml-defaults
      - -r more.txt
"""

    assert environment(tmp_path, conda) == Environment(
        ("scikit-learn==1.5.*", "numpy>=1.26,<3", "typing-extensions", "azureml-defaults", "shap"),
        "3.11",
    )


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("", ""),
        ("*", ""),
        ("=1.26", "==1.26.*"),
        ("=1.26.*", "==1.26.*"),
        ("=1.26*", "==1.26.*"),
        ("==1.26.4", "==1.26.4"),
        ("1.26.4", "==1.26.4"),
        ("1.26.*", "==1.26.*"),
        (">=1.2,<2", ">=1.2,<2"),
        (" >=1.2, <2", ">=1.2,<2"),
        (">=1.2.*", ">=1.2"),
        ("!=1.3.*", "!=1.3.*"),
        ("~=1.2", "~=1.2"),
        ("=1.26.4=py311h64a7726_0", "==1.26.4"),
        ("==1.26.4=*_cpu", "==1.26.4"),
    ],
)
def test_versions_are_translated(conda, pip):
    assert pip_version(conda) == pip


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("numpy=1.2|1.3", "pip has no `|`"),
        ("numpy=>1.2", "is not understood"),
        ("numpy=", "is not understood"),
        ("'numpy[version=1.2]'", "write it as name=version"),
        ("'!numpy'", "write it as name=version"),
        ("python", None),
        ("python>=3.9", "leaves the version open; write one, such as python=3.11"),
        ("pytorch=2.1", "add `torch` under pip:"),
        ("cudatoolkit=11.8", "use a base image that has CUDA"),
        ("libgcc-ng=13.2", "libgcc-ng is not known to be the same package on PyPI"),
        ("my_own_thing", "if PyPI has it, add it under pip:"),
        ("5", "neither a package nor a pip: section"),
        ("[numpy]", "neither a package nor a pip: section"),
        ("{pipp: [numpy]}", "neither a package nor a pip: section"),
        ("pip: numpy", "must be a list of requirements"),
        ("pip: [5]", "must be a list of requirements"),
        ("pip: [-e .]", 'pip: "-e ." is an editable install'),
        ("pip: [a b]", "is not a requirement"),
    ],
)
def test_each_wrong_dependency_is_named(tmp_path, item, words):
    if words is None:
        assert environment(tmp_path, dependency(item)) == Environment()
        return

    [(place, message)] = problems(tmp_path, dependency(item))

    assert place == "environment.conda.dependencies"
    assert words in message


@pytest.mark.parametrize(
    ("conda", "place", "words"),
    [
        ("", "environment.conda.dependencies", "missing"),
        ("dependencies: numpy", "environment.conda.dependencies", "must be a list"),
        ("- numpy", "environment.conda", "must be an object"),
        ("dependencies: [numpy\n", "environment.conda", "conda.yml line 2, column 1 is not YAML"),
        ("dependencies: []\nchanels: []", "environment.conda.chanels", '"channels"?'),
        ("dependencies: []\nvariables: {A: b}", "environment.conda.variables", "config.env"),
        ("a: !!python/object:os.system x", "environment.conda", "is not YAML"),
        ("[" * 5000, "environment.conda", "is not YAML"),
        ("a: \x07", "environment.conda", "is not YAML"),
    ],
)
def test_a_file_that_is_no_conda_environment_is_refused(tmp_path, conda, place, words):
    [(found, message)] = problems(tmp_path, conda)

    assert found == place
    assert words in message


def test_aliases_that_unfold_into_a_huge_value_are_refused_at_once(tmp_path):
    levels = "".join(f"  - &l{i + 1} [{', '.join([f'*l{i}'] * 10)}]\n" for i in range(30))

    found = problems(tmp_path, "dependencies:\n  - &l0 [x]\n" + levels)

    assert len(found) == 31
    assert all(len(message) < 200 for _, message in found)


def test_python_may_be_said_twice_but_not_differently(tmp_path):
    conda = dependency("python=3.11")

    assert environment(tmp_path, conda, python="3.11").python == "3.11"
    [(place, message)] = problems(tmp_path, conda, python="3.12")
    assert place == "environment.python"
    assert "is 3.12, but the conda file says 3.11" in message


def test_a_python_that_cannot_run_the_server_is_refused(tmp_path):
    [(place, message)] = problems(tmp_path, dependency("python=3.6.2"))

    assert place == "environment.conda.dependencies"
    assert "use 3.9 to 3.14" in message
