"""What a service runs in: packages, variables, the image below them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from profiler_client.azureml.core.conda_dependencies import CondaDependencies


class PythonSection:
    def __init__(self) -> None:
        self.conda_dependencies = CondaDependencies()


class DockerSection:
    """`base_image` is "" for the site's own, `base_dockerfile` the text of one or its path."""

    def __init__(self) -> None:
        self.base_image = ""
        self.base_dockerfile: str | None = None


class Environment:
    """Registered with the config that uses it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: dict[str, str] = {}

    @classmethod
    def from_conda_specification(cls, name: str, file_path: str) -> Environment:
        made = cls(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @classmethod
    def from_pip_requirements(cls, name: str, file_path: str) -> Environment:
        """Lines of a requirements.txt; comments are left out."""
        made = cls(name)
        packages = _without_comments(Path(file_path).read_text().splitlines())
        made.python.conda_dependencies = CondaDependencies.create(pip_packages=packages)
        return made

    @classmethod
    def from_dockerfile(cls, name: str, dockerfile: str) -> Environment:
        made = cls(name)
        made.docker.base_dockerfile = dockerfile
        return made


def _without_comments(lines: Iterable[str]) -> list[str]:
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]
