"""A datastore is this machine: what is uploaded to it stays where it is, under the name it got."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from profiler_client.errors import Invalid

if TYPE_CHECKING:
    from profiler_client.azureml.core.workspace import Workspace


class Datastore:
    """Files are sent to the site when the dataset that is made of them is registered."""

    def __init__(self) -> None:
        self._files: dict[PurePosixPath, Path] = {}

    @staticmethod
    def get_default(workspace: Workspace) -> Datastore:
        return workspace.get_default_datastore()

    def upload_files(
        self,
        files: Iterable[str],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> Datastore:
        """Remember files under `target_path`, by what is left of their path after the root."""
        for file in map(Path, files):
            if not file.is_file():
                raise Invalid(f"There is no file {file}.", f"Looked for it in {Path.cwd()}.")
            kept = file.relative_to(relative_root) if relative_root else Path(file.name)
            self._files[PurePosixPath(target_path or "") / kept.as_posix()] = file
        return self

    def upload(self, src_dir: str, target_path: str | None = None, **how: bool) -> Datastore:
        """All files of a folder."""
        files = [str(path) for path in sorted(Path(src_dir).rglob("*")) if path.is_file()]
        return self.upload_files(files, relative_root=src_dir, target_path=target_path, **how)

    def path(self, name: str) -> Path:
        """The file that this script uploaded under a name; Invalid where it did not."""
        found = self._files.get(PurePosixPath(name))
        if found is None:
            raise Invalid(
                f"Nothing was uploaded as {name}.",
                "Only what this script uploads is there: name a file of this machine instead.",
            )
        return found
