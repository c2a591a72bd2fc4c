"""Which format a dataset has, and reading it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from profiler.dataset import folders, lines, parquet, tables
from profiler.dataset.rows import LIMITS, DatasetLimits, Row, Sheet
from profiler.spec import DatasetFiles
from profiler.spec_fields import did_you_mean

FOLDER = "folder"

#: Suffix (the longest that fits counts) -> how it is read. A folder has the format "folder".
READERS: dict[str, Callable[[Sheet], None]] = {
    ".requests.jsonl": lines.read_envelopes,
    ".txt": lines.read_text,
    ".jsonl": lines.read_json_lines,
    ".csv": tables.read_csv,
    ".tsv": tables.read_tsv,
    ".parquet": parquet.read_parquet,
    ".zip": folders.read_zip,
    FOLDER: folders.read_folder,
}
FORMATS = tuple(READERS)


def format_of(path: Path) -> str | None:
    """One of FORMATS by the path's name (any case), or None."""
    if path.is_dir():
        return FOLDER
    name = path.name.lower()
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def read_dataset(files: DatasetFiles, limits: DatasetLimits = LIMITS) -> list[Row]:
    """All rows, numbered from 1; raises InvalidSpec with every problem, row and column named."""
    sheet = Sheet(files, limits)
    dataset_format = format_of(files.path)
    if dataset_format is None:
        raise sheet.stop(_unknown_format(files.path))
    try:
        if dataset_format != FOLDER:
            sheet.check_size(files.path.stat().st_size)
        READERS[dataset_format](sheet)
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "")
        text = error.strerror or str(error)
        raise sheet.stop(f"cannot be read: {text} {reason}".rstrip()) from error
    return sheet.finish()


def _unknown_format(path: Path) -> str:
    suffixes = [suffix for suffix in FORMATS if suffix != FOLDER]
    if path.suffix.lower() in (".json", ".ndjson"):
        return "is not a dataset's format; write one request to a line and name it .jsonl"
    hint = did_you_mean(path.suffix, suffixes)
    return (
        f"the format {path.suffix or 'without a suffix'} is not known{hint}; use one of"
        f" {', '.join(suffixes)}, or a folder of files"
    )
