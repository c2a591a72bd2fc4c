"""A folder of raw data: a file for each series of each measurement, written as the data comes.

`<ordinal>-<series>.mpc` holds blobs of profiler.measuring.codec, one after another; `index.json`
says what was measured. A file whose writer was stopped is readable up to there.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from profiler import __version__, events
from profiler.errors import InvalidSpec, Problem
from profiler.measuring import codec
from profiler.raw.formats import FORMATS
from profiler.raw.tables import clock_of, tables
from profiler.samples import Columns

INDEX_VERSION = 1
INDEX = "index.json"
SERIES_FILE = re.compile(r"(\d+)-([a-z]+)\.mpc")
#: What the index tells of a measurement once it is complete.
FACTS = ("phase", "cpu_millicores", "memory_bytes", "outcome", "requests", "started_ns", "ended_ns")


class BadFolder(ValueError):
    """The folder cannot be used; the message says why and what to do."""


class RawWriter:
    """Listens to a run and keeps its raw data in `folder`, which must be new or empty.

    When the disk refuses, the run goes on: `problem` says what was not kept, and so does the index.
    """

    def __init__(self, folder: Path) -> None:
        """Raises InvalidSpec when the folder cannot be used."""
        self._folder = folder
        self._files: dict[tuple[int, str], BinaryIO] = {}
        self._measurements: dict[int, dict] = {}
        self.problem: str | None = None
        try:
            folder.mkdir(exist_ok=True)
            if any(folder.iterdir()):
                raise _unusable(folder, "is not empty; name a new folder, or empty it first")
            self._write_index()
        except OSError as error:
            why = f"cannot be written ({error.strerror}); choose another folder"
            raise _unusable(folder, why) from error

    def __call__(self, event: events.Event) -> None:
        if self.problem:
            return
        try:
            self._take(event)
        except OSError as error:
            self.problem = f"raw data is incomplete: {error}"

    def close(self) -> None:
        try:
            for file in self._files.values():
                file.close()
            self._write_index()
        except OSError as error:
            self.problem = self.problem or f"raw data is incomplete: {error}"

    def _take(self, event: events.Event) -> None:
        data = event.data
        if event.kind == events.STARTED:
            self._measurements[data["ordinal"]] = {
                **{name: data.get(name) for name in FACTS},
                "started_ns": event.at_ns,
            }
            self._write_index()
        elif event.kind == events.SAMPLES:
            self._append((data["ordinal"], data["series"]), data["columns"])
        elif event.kind == events.MEASUREMENT:
            facts = {name: data["measurement"].get(name) for name in FACTS}
            self._measurements[data["ordinal"]] = facts
            self._write_index()

    def _append(self, key: tuple[int, str], columns: Columns) -> None:
        if key not in self._files:
            path = self._folder / "{}-{}.mpc".format(*key)
            self._files[key] = path.open("ab")
        self._files[key].write(codec.encode(columns))
        # What was handed over is in the file, whatever becomes of this process.
        self._files[key].flush()

    def _write_index(self) -> None:
        """Whole or not at all."""
        index = {
            "index_version": INDEX_VERSION,
            "engine_version": __version__,
            "problem": self.problem,
            "measurements": [
                {"ordinal": ordinal, **facts}
                for ordinal, facts in sorted(self._measurements.items())
            ],
        }
        part = self._folder / f".{INDEX}"
        part.write_text(json.dumps(index, indent=2) + "\n")
        os.replace(part, self._folder / INDEX)


def _unusable(folder: Path, why: str) -> InvalidSpec:
    return InvalidSpec([Problem("--raw", f"{folder} {why}")])


@dataclass(frozen=True)
class RawSeries:
    """One file of the folder. `facts` are the index's, empty where it does not know it."""

    path: Path
    ordinal: int
    series: str
    facts: dict

    @property
    def name(self) -> str:
        return series_name(self.ordinal, self.series, self.facts)

    @property
    def start_ns(self) -> int | None:
        """Where its measured time begins; its load, where the measurement was not completed."""
        return self.facts.get("started_ns")

    def parts(self, say: Callable[[str], None]) -> Iterator[Columns]:
        """Its columns, a blob at a time; `say` is told when the last one is cut short.

        Raises BadFolder when something before the end is damaged.
        """
        with self.path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                try:
                    for blob in codec.split(data):
                        yield codec.decode(blob)
                except codec.CutShort:
                    say(f"{self.path}: its end is missing; everything before it is read")
                except codec.NotColumns as damage:
                    raise BadFolder(f"{self.path}: {damage}") from damage


def read_folder(folder: Path) -> list[RawSeries]:
    """The series that a folder holds, in order; BadFolder when there are none."""
    if not folder.is_dir():
        raise BadFolder(f"{folder}: there is no such folder")
    facts = _facts(folder)
    found = [(path, SERIES_FILE.fullmatch(path.name)) for path in folder.iterdir()]
    series = [
        RawSeries(path, int(name[1]), name[2], facts.get(int(name[1]), {}))
        for path, name in found
        if name
    ]
    if not series:
        raise BadFolder(f"{folder}: holds no raw data (files named <number>-<series>.mpc)")
    return sorted(series, key=lambda one: (one.ordinal, one.series))


def _facts(folder: Path) -> dict[int, dict]:
    """What the index says of each measurement; nothing where there is none."""
    try:
        index = json.loads((folder / INDEX).read_text())
        return {entry["ordinal"]: entry for entry in index["measurements"]}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise BadFolder(f"{folder / INDEX}: cannot be read; remove it to do without it") from error


def series_name(ordinal: int, series: str, facts: dict) -> str:
    """Tells what is in a file: `3-verifying-500m-requests`. The dataset's rows are the run's."""
    if series == "rows":
        return series
    parts = [str(ordinal)]
    if facts.get("phase"):
        parts += [facts["phase"], f"{facts['cpu_millicores']}m"]
    return "-".join([*parts, series])


def export(folder: Path, format_name: str, out: Path, say: Callable[[str], None]) -> list[Path]:
    """Each series of the folder as a table in a file under `out`; the files written.

    `format_name` is one of profiler.raw.formats.FORMATS. Raises BadFolder, NoParquet and OSError;
    a file that could not be written whole is not left behind.
    """
    found = read_folder(folder)
    out.mkdir(parents=True, exist_ok=True)
    return [_export(series, format_name, out, say) for series in found]


def _export(series: RawSeries, format_name: str, out: Path, say: Callable[[str], None]) -> Path:
    path = out / f"{series.name}.{format_name}"
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            for piece in FORMATS[format_name](_tables(series, say)):
                file.write(piece)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _tables(series: RawSeries, say: Callable[[str], None]) -> Iterator[Columns]:
    parts = series.parts(say)
    start_ns = series.start_ns
    if start_ns is None:
        first = next(parts, None)
        if first is None:
            return
        parts = chain([first], parts)
        start_ns = int(first[clock_of(series.series)].min())
    yield from tables(series.series, parts, start_ns)
