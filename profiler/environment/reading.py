"""The `environment` of a scored config: from pip, a conda file, a base image or a Dockerfile."""

from __future__ import annotations

import re
from pathlib import Path

from profiler.environment.conda import read_conda
from profiler.environment.python_version import wrong_python
from profiler.environment.requirement_lines import RequirementLines, read_small_file
from profiler.spec import Environment
from profiler.spec_fields import Folder, Problems, Table, shown

KEYS = ("pip", "conda", "base_image", "dockerfile", "python")

_PYTHON = re.compile(r"3\.(\d{1,2})(\.\d{1,2})?")
IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9._-]+)*(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?"
)
IMAGE_ADVICE = 'write an image as "name", "name:tag" or "registry/name:tag"'


def read_environment(
    data: object, base: Path, *, confined: bool = False, place: str = "environment"
) -> Environment:
    """The checked environment; files are relative to `base`.

    Raises InvalidSpec with every problem. `confined` refuses files outside `base`.
    """
    problems = Problems()
    environment = environment_of(data, Folder(base, confined), place, problems)
    problems.raise_if_any()
    return environment


def environment_of(data: object, folder: Folder, place: str, problems: Problems) -> Environment:
    """The environment as far as it can be read, what is wrong noted in `problems`."""
    table = Table.of(data, place, problems, KEYS)
    if table is None:
        return Environment()
    _refuse_combinations(table)
    python = _read_python(table)
    pip = _read_pip(table, folder)
    conda_path = table.path("conda", folder, "file")
    if conda_path is not None:
        conda = read_conda(conda_path, folder, table.at("conda"), problems)
        pip = conda.pip
        python = _agreed_python(table, python, conda.python)
    return Environment(
        pip=pip,
        python=python,
        base_image=table.text("base_image", pattern=IMAGE, advice=IMAGE_ADVICE),
        dockerfile=_read_dockerfile(table, folder),
    )


def _refuse_combinations(table: Table) -> None:
    if table.has("pip") and table.has("conda"):
        table.add(
            "pip", 'cannot stand beside "conda"; put these lines under pip: in the conda file'
        )
    if table.has("dockerfile") and table.has("base_image"):
        table.add("base_image", 'cannot stand beside "dockerfile"; name it in its FROM line')


def _read_python(table: Table) -> str | None:
    if isinstance(table.raw("python"), float):
        table.add("python", 'must be a string; write it in quotes, as "3.11"')
        return None
    version = table.text("python", pattern=_PYTHON, advice='write a version such as "3.11"')
    if version is None:
        return None
    if wrong := wrong_python(version):
        table.add("python", wrong)
        return None
    return version


def _agreed_python(table: Table, explicit: str | None, conda: str | None) -> str | None:
    if explicit and conda and explicit != conda:
        table.add("python", f"is {explicit}, but the conda file says {conda}; keep one")
    return explicit or conda


def _read_pip(table: Table, folder: Folder) -> tuple[str, ...]:
    """Requirement lines: `pip` is a list of them, or the path of a requirements file."""
    value = table.raw("pip")
    lines = RequirementLines(folder, table.at("pip"), table.problems)
    if isinstance(value, str):
        path = table.path("pip", folder, "file")
        if path is not None:
            lines.add_file(path)
        return tuple(lines.found)
    for index, line in enumerate(table.rows("pip")):
        if isinstance(line, str):
            lines.place = table.at(f"pip[{index}]")
            lines.add(line)
        else:
            table.add(f"pip[{index}]", f'must be a string such as "numpy==2.1", not {shown(line)}')
    return tuple(lines.found)


def _read_dockerfile(table: Table, folder: Folder) -> Path | None:
    path = table.path("dockerfile", folder, "file")
    if path is None:
        return None
    text = read_small_file(path, table.at("dockerfile"), table.problems)
    if text is not None and not re.search(r"^\s*FROM\s+\S", text, re.MULTILINE | re.IGNORECASE):
        table.add("dockerfile", f"{path.name} has no FROM line; is it a Dockerfile?")
    return path
