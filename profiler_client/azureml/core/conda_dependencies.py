"""What an environment installs, as a conda file says it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from profiler_client.errors import Invalid


class CondaDependencies:
    """Packages by name; or a conda file, which is sent as it is."""

    def __init__(self, conda_dependencies_file_path: str | None = None) -> None:
        path = conda_dependencies_file_path
        self._text = Path(path).read_text() if path else None
        self._conda: list[str] = []
        self._pip: list[str] = []

    @classmethod
    def create(
        cls,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        **_where: object,
    ) -> CondaDependencies:
        """Without a `python_version`, the one that the site takes by default."""
        made = cls()
        made._conda = [f"python={python_version}"] if python_version else []
        made._conda += conda_packages or ()
        made._pip = list(pip_packages or ())
        return made

    def add_pip_package(self, pip_package: str) -> None:
        self._refuse_file()
        self._pip.append(pip_package)

    def add_conda_package(self, conda_package: str) -> None:
        self._refuse_file()
        self._conda.append(conda_package)

    def _refuse_file(self) -> None:
        if self._text is not None:
            raise Invalid("A conda file is taken as it is.", "Add the package to the file.")

    def serialize_to_string(self) -> str:
        """As a conda file."""
        if self._text is not None:
            return self._text
        lines = [f"- {name}" for name in (*self._conda, "pip")]
        pip = [f"  - {name}" for name in self._pip]
        return "\n".join(["dependencies:", *lines, *(["- pip:", *pip] if pip else []), ""])
