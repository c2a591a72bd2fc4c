"""Datasets of sample requests: a table of one column, each row the body of a request."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler_client.azureml.core.datastore import Datastore
from profiler_client.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from profiler_client.errors import Invalid

if TYPE_CHECKING:
    from profiler_client.azureml.core.workspace import Workspace

Place = str | Path | tuple[Datastore, str]
#: How the site reads a file is told by its ending.
ENDINGS = {"\n": ".txt", ",": ".csv", "\t": ".tsv"}
HEADED = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS


class TabularDataset:
    """A file on this machine until it is registered, and then a version of a name on the site."""

    def __init__(self, file: Path, ending: str) -> None:
        self._file, self._ending = file, ending
        self.name: str | None = None
        self.version: int | None = None

    @property
    def ref(self) -> str:
        if self.name is None:
            raise Invalid("The dataset is not registered.", "Call its register() first.")
        return f"{self.name}:{self.version}"

    def register(
        self,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> TabularDataset:
        """The next version of a name, or the first one where no new version is to be made."""
        if tags:
            raise Invalid("Datasets have no tags here.", "Put them into the description.")
        if not create_new_version and any(workspace.client.datasets(name=name)):
            raise Invalid(
                f"There is a dataset named {name}.",
                "Give create_new_version=True, or another name.",
            )
        with tempfile.TemporaryDirectory(prefix="model-profiler-") as folder:
            sent = shutil.copy(self._file, Path(folder) / f"{self._file.stem}{self._ending}")
            said = description or ""
            made = workspace.client.register_dataset(name, sent, description=said)
        return registered(made)


class _Tabular:
    """`Dataset.Tabular`."""

    @staticmethod
    def from_delimited_files(
        path: Place | Sequence[Place],
        separator: str = ",",
        header: PromoteHeadersBehavior = HEADED,
        **_reading: object,
    ) -> TabularDataset:
        """A file of lines (`separator="\\n"`), or a table with the names of its columns first."""
        places = path if isinstance(path, list) else [path]
        if len(places) != 1:
            raise Invalid(f"A dataset is made of one file, and here are {len(places)}.")
        if separator not in ENDINGS:
            raise Invalid(f"Columns cannot be separated by {separator!r}.", "Use comma or tab.")
        is_lines = separator == "\n"
        has_header = PromoteHeadersBehavior(header) is not PromoteHeadersBehavior.NO_HEADERS
        if is_lines == has_header:
            raise Invalid(
                "Lines have no header, and tables have one here.",
                'Give separator="\\n" with NO_HEADERS, or a table that names its columns.',
            )
        return TabularDataset(_file(places[0]), ENDINGS[separator])


class Dataset:
    """Registered ones are found by name."""

    Tabular = _Tabular

    @staticmethod
    def get_by_name(
        workspace: Workspace, name: str, version: int | str = "latest"
    ) -> TabularDataset:
        ref = name if version == "latest" else f"{name}:{version}"
        return registered(workspace.client.dataset(ref))


def registered(made: Mapping[str, Any]) -> TabularDataset:
    dataset = TabularDataset(Path(made["name"]), "")
    dataset.name, dataset.version = made["name"], made["version"]
    return dataset


def _file(place: Place) -> Path:
    if isinstance(place, tuple):
        datastore, name = place
        return datastore.path(name)
    if not Path(place).is_file():
        raise Invalid(f"There is no file {place}.", f"Looked for it in {Path.cwd()}.")
    return Path(place)
