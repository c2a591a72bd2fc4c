"""An inference config, registered on the site by the first profile that uses it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler_client.azureml.core.environment import Environment
from profiler_client.errors import Invalid

if TYPE_CHECKING:
    from profiler_client.client import Client

INSTEAD = {
    "extra_docker_file_steps": "Write a Dockerfile: Environment.from_dockerfile.",
    "base_image_registry": "Name the registry in base_image.",
    "cuda_version": "Take a base_image that has it.",
}


class InferenceConfig:
    """A score.py with all that it imports, and its environment."""

    def __init__(
        self,
        entry_script: str,
        runtime: str | None = None,
        conda_file: str | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: object | None = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        given = {
            "extra_docker_file_steps": extra_docker_file_steps,
            "base_image_registry": base_image_registry, "cuda_version": cuda_version,
        }  # fmt: skip
        for name, value in given.items():
            if value is not None:
                raise Invalid(f"{name} has no meaning here.", INSTEAD[name])
        if runtime not in (None, "python"):
            raise Invalid(f"The runtime {runtime} is not known.", "It is python.")
        if environment is not None and (conda_file or base_image):
            raise Invalid("Give an environment, or conda_file and base_image, not both.")
        self.entry_script, self.source_directory = entry_script, source_directory
        self.environment = environment or _environment(conda_file, base_image)
        self.enable_gpu, self.description = bool(enable_gpu), description or ""
        self._ref = ""

    def registered(self, client: Client, name: str) -> str:
        """Its `name:version`; the name is that of whoever asked first."""
        if not self._ref:
            with tempfile.TemporaryDirectory(prefix="model-profiler-") as folder:
                self._ref = client.register_config(name, **self._fields(Path(folder)))["ref"]
        return self._ref

    def _fields(self, folder: Path) -> dict[str, Any]:
        environment, docker = self.environment, self.environment.docker
        script = Path(self.entry_script)
        fields: dict[str, Any] = {
            "source": self.source_directory or script,
            "entry_script": script.as_posix() if self.source_directory else script.name,
            "env": environment.environment_variables, "gpu": 1 if self.enable_gpu else None,
            "description": self.description or environment.name,
        }  # fmt: skip
        if docker.base_dockerfile:
            return fields | {"dockerfile": _dockerfile(docker.base_dockerfile, folder)}
        conda = folder / "conda.yml"
        conda.write_text(environment.python.conda_dependencies.serialize_to_string())
        return fields | {"conda_file": conda, "base_image": docker.base_image}


def _environment(conda_file: str | None, base_image: str | None) -> Environment:
    made = Environment.from_conda_specification("", conda_file) if conda_file else Environment()
    made.docker.base_image = base_image or ""
    return made


def _dockerfile(text_or_path: str, folder: Path) -> Path:
    """A text begins somewhere with FROM on a line of its own; anything else is a path."""
    if "\n" not in text_or_path:
        return Path(text_or_path)
    made = folder / "Dockerfile"
    made.write_text(text_or_path)
    return made
