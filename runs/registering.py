"""Registration that takes more than a row: what is inside a dataset's files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from profiler.dataset import read_dataset, summarise
from profiler.spec import DatasetFiles
from runs import preview
from runs.models import Dataset, StoredFiles

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from profiler.dataset import Row

DEFAULT_CONTENT_TYPE = "application/json"


def read_rows(files: StoredFiles, content_type: str = DEFAULT_CONTENT_TYPE) -> list[Row]:
    """The requests in stored files. Raises errors.InvalidSpec with row and column."""
    root = settings.PROFILER_DATA_DIR / "uploads"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        path = files.materialise(Path(folder))
        return read_dataset(DatasetFiles(path, content_type or None))


def register_dataset(
    *,
    name: str,
    files: StoredFiles,
    created_by: User | None,
    content_type: str = DEFAULT_CONTENT_TYPE,
    description: str = "",
    rows: Sequence[Row] | None = None,
) -> Dataset:
    """Register the next version of a dataset with the statistics of its rows.

    `rows` are those of the files, when they were read already. Raises errors.InvalidSpec when the
    files are not a dataset.
    """
    rows = read_rows(files, content_type) if rows is None else rows
    return Dataset.objects.register(
        name=name,
        files=files,
        created_by=created_by,
        content_type=content_type,
        description=description,
        file_format=file_format(files),
        preview=preview.first_rows(rows),
        **summarise(rows).to_json(),
    )


def file_format(files: StoredFiles) -> str:
    """What kind of dataset the files are, by name: `folder`, `requests.jsonl`, `csv`, ..."""
    if files.is_folder:
        return "folder"
    if files.name.endswith(".requests.jsonl"):
        return "requests.jsonl"
    return Path(files.name).suffix.lstrip(".").lower() or "txt"
