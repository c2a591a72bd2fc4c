"""Datasets written for a test, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.dataset import DatasetLimits, Row, read_dataset
from profiler.errors import InvalidSpec
from profiler.spec import DatasetFiles


class DatasetFolder:
    """Writes one file at a time and reads it as a dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def rows(
        self, name: str, content: bytes | str, limits: DatasetLimits | None = None, **defaults
    ) -> list[Row]:
        files = DatasetFiles(self.write(name, content), **defaults)
        return read_dataset(files, limits) if limits else read_dataset(files)

    def bodies(self, name: str, content: bytes | str) -> list[bytes]:
        return [row.body for row in self.rows(name, content)]

    def problems(
        self, name: str, content: bytes | str, limits: DatasetLimits | None = None
    ) -> list[str]:
        """The messages, without the file's name that each begins with."""
        with pytest.raises(InvalidSpec) as refusal:
            self.rows(name, content, limits)
        return messages(refusal.value, name)


def messages(refusal: InvalidSpec, name: str) -> list[str]:
    assert {problem.place for problem in refusal.problems} == {"dataset"}
    return [problem.message.removeprefix(f"{name}: ") for problem in refusal.problems]
