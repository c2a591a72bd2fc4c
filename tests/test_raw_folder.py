"""Raw data in a folder: readable however its writer ended, exported, damage is never passed on."""

from __future__ import annotations

import csv
import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from profiler import events
from profiler.cli import main
from profiler.errors import InvalidSpec
from profiler.raw.folder import RawWriter
from tests.engine_cli import ROOT, Project
from tests.raw_samples import START, evenly, request_columns, usage_columns

FACTS = {"phase": "verifying", "cpu_millicores": 500, "memory_bytes": 1 << 28}


def started(ordinal: int = 3) -> events.Event:
    return events.Event(events.STARTED, {"ordinal": ordinal, **FACTS}, at_ns=START - 10**9)


def samples(at_s: float, ordinal: int = 3) -> list[events.Event]:
    """A second of requests and usage."""
    both = {
        "requests": request_columns(at_s + evenly(10, 10), 5),
        "usage": usage_columns(at_s + evenly(5, 5), cpu_ns=1, memory_working_set_bytes=7),
    }
    return [
        events.Event(events.SAMPLES, {"ordinal": ordinal, "series": series, "columns": columns})
        for series, columns in both.items()
    ]


def measured(ordinal: int = 3) -> events.Event:
    facts = {**FACTS, "outcome": "passed", "requests": 20, "started_ns": START, "ended_ns": START}
    return events.Event(events.MEASUREMENT, {"ordinal": ordinal, "measurement": facts})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two seconds of a complete measurement."""
    writer = RawWriter(tmp_path / "raw")
    for event in (started(), *samples(0), *samples(1), measured()):
        writer(event)
    writer.close()
    assert writer.problem is None
    return tmp_path / "raw"


def exported(folder: Path, name: str, form: str = "csv") -> list[dict]:
    out = folder.parent / "out"
    assert main(["export", str(folder), "--format", form, "--out", str(out)]) == 0
    with (out / name).open() as file:
        return list(csv.DictReader(file))


def test_what_was_written_is_exported_with_telling_names(folder) -> None:
    rows = exported(folder, "3-verifying-500m-requests.csv")
    assert [float(row["scheduled_s"]) for row in rows] == pytest.approx([n / 10 for n in range(20)])
    assert {row["latency_ms"] for row in rows} == {"5.0"}
    assert len(exported(folder, "3-verifying-500m-usage.csv")) == 10


def test_parquet_is_written_too(folder) -> None:
    from pyarrow import parquet

    out = folder.parent / "out"
    assert main(["export", str(folder), "--format", "parquet", "--out", str(out)]) == 0
    assert parquet.read_metadata(out / "3-verifying-500m-requests.parquet").num_rows == 20


def test_a_writer_that_is_killed_leaves_all_that_was_handed_over(tmp_path) -> None:
    """Killed as by the kernel, in the middle of a measurement."""
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from profiler.raw.folder import RawWriter\n"
        "from tests.test_raw_folder import samples, started\n"
        f"writer = RawWriter(Path({str(tmp_path / 'raw')!r}))\n"
        "for event in (started(), *samples(0)): writer(event)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False)
    rows = exported(tmp_path / "raw", "3-verifying-500m-requests.csv")
    # The measured time never began: seconds count from the start of the load.
    assert [float(row["scheduled_s"]) for row in rows][:2] == [1.0, 1.1]
    assert len(rows) == 10


def test_an_end_that_is_missing_costs_only_itself_and_is_told(folder, capfd) -> None:
    path = folder / "3-requests.mpc"
    path.write_bytes(path.read_bytes()[:-30])
    assert len(exported(folder, "3-verifying-500m-requests.csv")) == 10
    assert "3-requests.mpc: its end is missing" in capfd.readouterr().err


def test_damage_is_told_and_no_file_is_left_that_looks_whole(folder, capfd) -> None:
    path = folder / "3-requests.mpc"
    spoilt = bytearray(path.read_bytes())
    spoilt[-300] ^= 1
    path.write_bytes(spoilt)
    out = folder.parent / "out"
    assert main(["export", str(folder), "--out", str(out)]) == 1
    assert "3-requests.mpc" in (said := capfd.readouterr().err)
    assert "damaged" in said
    assert list(out.iterdir()) == []


def test_without_its_index_a_folder_is_still_read(folder) -> None:
    (folder / "index.json").unlink()
    rows = exported(folder, "3-requests.csv")
    assert float(rows[0]["scheduled_s"]) == 0


@pytest.mark.parametrize("spoil, said", [
    (lambda folder: (folder / "index.json").write_text("["), "index.json"),
    (lambda folder: [path.unlink() for path in folder.iterdir()], "holds no raw data"),
    (lambda folder: folder.rename(folder.parent / "moved"), "no such folder"),
])  # fmt: skip
def test_a_folder_that_cannot_be_exported_says_why(folder, spoil, said, capfd) -> None:
    spoil(folder)
    assert main(["export", str(folder), "--out", str(folder.parent / "out")]) == 1
    assert said in capfd.readouterr().err


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.txt").write_text("mine")
    with pytest.raises(InvalidSpec, match="not empty"):
        RawWriter(tmp_path / "raw")
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["mine.txt"]
    with pytest.raises(InvalidSpec, match="No such file"):
        RawWriter(tmp_path / "no" / "parent")


def test_a_run_whose_raw_data_cannot_be_kept_is_not_started(tmp_path) -> None:
    project = Project(tmp_path, kind="process")
    spec, out = tmp_path / "spec.json", tmp_path / "result.json"
    spec.write_text(json.dumps(project.spec))
    assert main(["run", str(spec), "--out", str(out), "--raw", str(tmp_path)]) == 2
    assert "not empty" in json.loads(out.read_text())["error"]["message"]


def test_a_full_disk_ends_the_keeping_but_not_the_run(tmp_path, monkeypatch) -> None:
    writer = RawWriter(tmp_path / "raw")
    for event in (started(), *samples(0)):
        writer(event)

    class Full:
        def write(self, _data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setitem(writer._files, (3, "requests"), Full())
    for event in (*samples(1), measured()):
        writer(event)
    writer.close()
    assert "No space left" in writer.problem
    index = json.loads((tmp_path / "raw" / "index.json").read_text())
    assert "No space left" in index["problem"]
    assert len(exported(tmp_path / "raw", "3-verifying-500m-requests.csv")) == 10
