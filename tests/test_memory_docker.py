"""Memory of real containers: by rows and by concurrency, and a limit that is lowered."""

from __future__ import annotations

import io
import shutil
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker
import numpy as np
import pytest

from profiler.control import Control
from profiler.dataset import Row
from profiler.load.driver import Driver
from profiler.measuring.memory_peaks import peak_of_start
from profiler.measuring.sensitivity import RowFacts
from profiler.rig import Rig
from profiler.running import memory_pressure
from profiler.running.measurer import Measurer
from profiler.running.memory_survey import survey_memory
from profiler.services import docker_service
from profiler.services.docker_service import DockerService
from profiler.services.page_cache import drop_files
from profiler.services.scoring.dockerfiles import PYTHON
from profiler.sizing.memory import with_margin
from profiler.spec import Limits
from tests.measurements import measured
from tests.raw_samples import MIB, bound
from tests.service_kit import images, scored, service_cores, spec_of

pytestmark = pytest.mark.docker


def row(number: int, body: bytes) -> Row:
    return Row(number, body, None, "application/json", "POST", "/score", ())


@contextmanager
def rig_of(folder: Path, source: str, bodies: list[bytes], **options: int) -> Iterator[Rig]:
    """A service of this source, ready, under a driver that sends these bodies."""
    client = docker.from_env()
    spec = spec_of(scored(folder, source, **options))
    spec = replace(spec, limits=Limits(1000 * len(service_cores()), 512 * MIB))
    control = Control(lambda event: None, lambda: False)
    rows = [row(number, body) for number, body in enumerate(bodies, start=1)]
    image = images(client).prepare(spec)
    with (
        DockerService(spec, spec.limits, image, {}, client) as service,
        Driver(rows, cores=(), work_dir=folder) as driver,
        Rig(spec, spec.limits, service, driver, control) as rig,
    ):
        rig.become_ready()
        yield rig


def test_memory_is_told_by_row_and_by_concurrency(tmp_path):
    source = """
        import time

        def init():
            pass

        def run(raw_data):
            hoard = bytearray(b"x") * (len(raw_data) * 1000)
            time.sleep(0.03)
            return len(hoard)
    """
    bodies = [b'"' + b"x" * size + b'"' for size in (10, 60_000, 10)]
    with rig_of(tmp_path / "service", source, bodies, workers=2) as rig:
        measurer = Measurer(rig.spec, rig.control)
        sizes = np.array([len(body) for body in bodies])
        measurer.rows = RowFacts(sizes, np.full(3, -1))
        survey = survey_memory(
            measurer, rig, measured("measuring", 1000, driver={"in_flight_max": 2})
        )
        held = rig.sampler.last().memory_anon_bytes

    large, small = survey.by_row[0], survey.by_row[-1]
    assert (large.rows, large.errors) == ((2,), 0)
    assert large.peaks.anon_peak_bytes > held + 50 * MIB
    assert small.peaks.anon_peak_bytes < held + 40 * MIB
    levels = {sent.concurrency: sent for sent in survey.by_concurrency}
    assert {level: sent.counts for level, sent in levels.items()} == {1: True, 2: True, 4: False}
    assert survey.counted_peak_bytes >= large.peaks.peak_bytes
    assert survey.missing == ()


READS_ONCE = """
    import pathlib

    def init():
        global hoard
        hoard = bytearray(b"x") * (32 << 20)
        file = (pathlib.Path(__file__).parent / "big.bin").open("rb")
        for _ in range(3):
            file.seek(0)
            while file.read(1 << 20):
                pass

    def run(raw_data):
        return len(hoard)
"""
#: Every request reads all of it.
READS_ALWAYS = READS_ONCE.replace("global hoard", "global hoard, file").replace(
    "return len(hoard)", "file.seek(0); return sum(map(len, iter(lambda: file.read(1 << 20), b'')))"
)


@contextmanager
def rig_of_files(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A service with 96 MiB of a file."""
    folder.mkdir()
    (folder / "big.bin").write_bytes(np.random.default_rng(0).bytes(96 << 20))
    monkeypatch.setattr(memory_pressure, "SETTLE_S", 0.2)
    monkeypatch.setattr(memory_pressure, "STEP_S", 0.4)
    with rig_of(folder, source, [b"1"]) as rig:
        yield rig
        assert rig.service.exited() is None


MAPS = """
    import mmap
    import pathlib

    def init():
        global file
        with (pathlib.Path(__file__).parent / "big.bin").open("rb") as opened:
            file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        sum(file[::4096])

    def run(raw_data):
        return len(file)
"""


@pytest.mark.parametrize("python", [PYTHON, "/no/such/python3"])
def test_a_service_is_charged_for_files_that_another_one_has_read(python, tmp_path, monkeypatch):
    """Or it would live, here alone, within a limit that its own code does not fit into; also in an
    image without Python.
    """
    monkeypatch.setattr(docker_service, "PYTHON", python)
    for _ in range(2):
        folder = tmp_path / "service"
        with rig_of_files(folder, MAPS, monkeypatch) as rig:
            assert rig.service.circumstances()["files_dropped"]
            usage = rig.sampler.last()
            assert usage.memory_mapped_bytes > 96 * MIB, "of the file and of code"
            assert usage.memory_file_bytes > 96 * MIB
            peak = peak_of_start(rig.sampler.all())
        assert peak.in_use > peak.working_set + 64 * MIB
        shutil.rmtree(folder)


@pytest.fixture
def empty_image() -> Iterator[str]:
    """Of a folder and no program."""
    folder = io.BytesIO()
    with tarfile.open(fileobj=folder, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    name = f"model-profiler-test/empty:{uuid.uuid4().hex}"
    client = docker.from_env()
    client.api.import_image_from_data(folder.getvalue(), *name.split(":"))
    yield name
    client.images.remove(name)


def test_files_stay_cached_where_the_image_can_drop_none(empty_image):
    client, label = docker.from_env(), f"test={uuid.uuid4().hex}"
    assert not drop_files(client, empty_image, "python3", dict([label.split("=")]))
    assert client.containers.list(all=True, filters={"label": label}) == []


def test_cached_files_are_touched_and_not_needed(tmp_path, monkeypatch):
    with rig_of_files(tmp_path / "service", READS_ONCE, monkeypatch) as rig:
        touched = rig.sampler.last().memory_working_set_bytes
        found = memory_pressure.lower_until_it_hurts(rig, bound(95, 250), touched)

    assert found.touched_bytes >= touched
    assert found.needed_bytes < found.touched_bytes - 48 * MIB, found.to_json()
    assert found.needed_bytes > 32 * MIB


#: Every request needs the part that is mapped; the rest was read lately, and is not needed.
MAPS_A_PART = """
    import mmap
    import pathlib

    def init():
        global hoard, file
        hoard = bytearray(b"x") * (32 << 20)
        with (pathlib.Path(__file__).parent / "big.bin").open("rb") as opened:
            for _ in range(3):
                opened.seek(0)
                while opened.read(1 << 20):
                    pass
            file = mmap.mmap(opened.fileno(), 40 << 20, access=mmap.ACCESS_READ)

    def run(raw_data):
        return sum(file[::4096])
"""


@pytest.mark.parametrize(
    ("source", "kept", "with_mapped"),
    [(READS_ONCE, [True], False), (MAPS_A_PART, [False, True], True), (READS_ALWAYS, None, None)],
)
def test_a_look_tells_files_that_are_needed(tmp_path, monkeypatch, source, kept, with_mapped):
    """Unasked, a limit is tried that leaves no room for files, and one for those mapped."""
    with rig_of_files(tmp_path / "service", source, monkeypatch) as rig:
        # What one limit dropped, and the next has room for, comes back while it settles.
        monkeypatch.setattr(memory_pressure, "SETTLE_S", 1.0)
        touched = rig.sampler.last().memory_working_set_bytes
        reference = measured("measuring", 1000)
        advised = Limits(1000, with_margin(touched, rig.spec.policy))
        found = memory_pressure.look_without_files(rig, bound(95, 80), touched, advised, reference)
        assert rig.size.memory_bytes == 512 * MIB

    last = found.steps[-1]
    assert 32 * MIB < found.held_bytes < last.memory_bytes < advised.memory_bytes - 16 * MIB
    assert last.kept == (kept is not None), found.to_json()
    if kept:
        assert [step.kept for step in found.steps] == kept, found.to_json()
        assert found.with_mapped == with_mapped
