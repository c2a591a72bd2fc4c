"""GPUs of a host: found, locked between processes, read in a thread, given to containers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from django.core.management import call_command

from profiler.control import Control
from profiler.errors import Cancelled, RunFailed
from profiler.samples import GPU_COLUMNS
from profiler.services.docker_service import DockerService, device_requests
from profiler.services.gpu import host_gpus
from profiler.services.gpu_lock import reserved
from profiler.services.gpu_sampler import GpuSampler
from runs.models import Target
from tests.engine_cli import ROOT
from tests.fake_gpu import GIB, FakeGpus, taken
from tests.gpu_holder import spec_for
from tests.gpu_rows import GPUS
from tests.service_kit import images, scored, spec_of


def test_gpus_are_found_with_what_tells_them_apart(gpus):
    found = host_gpus()

    assert [(gpu.index, gpu.uuid) for gpu in found] == list(enumerate(gpus.uuids))
    assert (found[0].name, found[0].memory_bytes) == ("Fake-GPU", 8 * GIB)


def test_a_driver_that_does_not_come_up_means_no_gpus(gpus):
    gpus.say("init 9")  # NVML_ERROR_DRIVER_NOT_LOADED

    assert host_gpus() == ()


@pytest.mark.django_db
def test_the_machines_target_records_its_gpus(gpus):
    call_command("ensure_target", name="lab", kind="process")

    target = Target.objects.get()
    assert [gpu["uuid"] for gpu in target.gpus] == gpus.uuids
    assert target.gpu_indices == [0, 1]


# --- Locks ----------------------------------------------------------------------------------------


class Holder:
    """Another process that takes GPUs, as a worker's or the command line's run does."""

    def __init__(self, tmp_path, gpus: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gpu_holder", str(tmp_path), str(gpus)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self) -> str:
        """The next thing it says."""
        return self.process.stdout.readline().strip()


@contextmanager
def holder(tmp_path, gpus: int) -> Iterator[Holder]:
    other = Holder(tmp_path, gpus)
    try:
        yield other
    finally:
        other.process.kill()
        other.process.communicate()


def test_a_gpu_goes_to_one_process_and_to_the_next_when_that_is_killed(tmp_path, gpus):
    with taken(gpus.uuids[0]), holder(tmp_path, 1) as first:
        assert first.says() == "has 1"
        with holder(tmp_path, 1) as second:
            assert "a GPU among 0, 1, which other runs use" in second.says()
            first.process.kill()
            assert second.says() == "has 1"


def control(should_stop=lambda: False) -> Control:
    return Control(lambda event: None, should_stop)


def test_all_that_are_wanted_or_none(tmp_path, gpus):
    with (
        taken(gpus.uuids[1]),
        pytest.raises(RunFailed) as caught,
        reserved(spec_for(tmp_path, 2), control(), until=0),
    ):
        pass

    assert caught.value.code == "NoGpu"
    with reserved(spec_for(tmp_path, 2), control(), until=0) as got:
        assert len(got) == 2  # neither was kept by the attempt before


def test_who_waits_for_a_gpu_can_be_cancelled(tmp_path, gpus):
    later = time.monotonic() + 60
    with (
        taken(gpus.uuids[0]),
        taken(gpus.uuids[1]),
        pytest.raises(Cancelled),
        reserved(spec_for(tmp_path, 1), control(lambda: True), until=later),
    ):
        pass


def test_a_target_whose_gpus_are_gone_is_told(tmp_path, gpus):
    gpus.say("init 9")

    with (
        pytest.raises(RunFailed, match="nvidia-smi") as caught,
        reserved(spec_for(tmp_path, 1), control(), until=0),
    ):
        pass
    assert caught.value.code == "NoGpu"


def test_locks_that_cannot_be_kept_are_told(tmp_path, gpus, monkeypatch):
    monkeypatch.setenv("PROFILER_GPU_LOCK_DIR", str(tmp_path / "nowhere"))

    with (
        pytest.raises(RunFailed, match="PROFILER_GPU_LOCK_DIR") as caught,
        reserved(spec_for(tmp_path, 1), control(), until=0),
    ):
        pass
    assert caught.value.code == "TargetUnavailable"


# --- Samples --------------------------------------------------------------------------------------


class OneService:
    """As much of a service as the sampler asks: its GPUs, and which processes are its own."""

    def __init__(self, gpus=(), own: frozenset[int] | None = frozenset({10, 11})) -> None:
        self.gpus = gpus
        self.own = own

    def process_ids(self) -> frozenset[int] | None:
        return self.own


def sampled(gpus: FakeGpus, *lines: str, **service: object) -> dict[str, list[int]]:
    gpus.say(*lines)
    with GpuSampler(OneService(host_gpus(), **service)) as sampler:
        pass
    return {name: values.tolist() for name, values in sampler.all().items()}


EVERYTHING = (
    "utilisation 70", "memory_utilisation 30", "used 4000", "reserved 999", "power 150000",
    "energy 123456789012", "temperature 66", "sm_clock 1700", "memory_clock 6000", "reasons 4",
    "process 10 1000", "process 11 500", "process 12 700",
)  # fmt: skip


def test_each_value_is_what_nvml_says(gpus):
    found = sampled(gpus, *(f"{gpu} {line}" for gpu in (0, 1) for line in EVERYTHING))

    assert found.keys() == GPU_COLUMNS.keys()
    assert found["gpu"] == [0, 1, 0, 1]  # on entering and on leaving, each
    found = {name: values[0] for name, values in found.items()}
    del found["at_ns"], found["read_ns"], found["gpu"]
    assert found == {
        "utilisation_percent": 70, "memory_utilisation_percent": 30, "memory_used_bytes": 4000,
        "memory_own_bytes": 1500, "other_processes": 1, "power_mw": 150_000,
        "energy_mj": 123_456_789_012, "temperature_c": 66, "sm_clock_mhz": 1700,
        "memory_clock_mhz": 6000, "throttle_reasons": 4,
    }  # fmt: skip


def test_what_a_gpu_does_not_support_is_left_out(gpus):
    found = sampled(gpus, "0 power 90000", "1 power 80000", "0 temperature 50")

    known = {"at_ns", "gpu", "read_ns", "memory_used_bytes", "memory_own_bytes",
             "other_processes", "power_mw"}  # fmt: skip
    assert found.keys() == known  # the temperature is known of one GPU only


def test_processes_that_are_not_ours_to_number_tell_nothing(gpus):
    found = sampled(gpus, "0 process 10 1000", "1 process 10 1000", own=None)

    assert not {"memory_own_bytes", "other_processes"} & found.keys()


def test_changes_are_seen_while_the_service_runs(gpus):
    gpus.say("0 used 100", "1 used 100")
    with GpuSampler(OneService(host_gpus())) as sampler:
        gpus.say("0 used 900", "1 used 100")
        while 900 not in sampler.all()["memory_used_bytes"]:
            time.sleep(0.01)
        before = len(sampler.take()["at_ns"])
    after = sampler.take()

    assert len(after["at_ns"]) + before == len(sampler.all()["at_ns"])
    assert (sampler.all()["at_ns"][1:] >= sampler.all()["at_ns"][:-1]).all()


def test_a_service_without_gpus_is_not_sampled():
    with GpuSampler(OneService()) as sampler:
        assert sampler.all() == sampler.take() == {}


# --- Containers -----------------------------------------------------------------------------------


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.mark.docker
def test_a_container_is_asked_for_with_exactly_its_gpus(engine, tmp_path):
    image = images(engine).prepare(spec_of(scored(tmp_path / "service")))
    container = engine.containers.create(image, device_requests=device_requests(GPUS))
    try:
        (asked,) = container.attrs["HostConfig"]["DeviceRequests"]
    finally:
        container.remove(force=True)

    assert asked["DeviceIDs"] == [gpu.uuid for gpu in GPUS]
    assert asked["Capabilities"] == [["gpu"]]
    assert asked["Count"] == 0


@pytest.mark.docker
def test_an_engine_without_nvidias_toolkit_says_what_to_install(engine, tmp_path):
    if "nvidia" in engine.info()["Runtimes"]:
        pytest.skip("this engine has NVIDIA's runtime")
    spec = spec_of(scored(tmp_path / "service", gpu=1))
    image = images(engine).prepare(spec)
    label = {"model-profiler.test": tmp_path.name}
    ours = {"label": f"model-profiler.test={tmp_path.name}"}

    with (
        pytest.raises(RunFailed) as caught,
        DockerService(spec, spec.limits, image, label, engine, GPUS[:1]),
    ):
        pass

    assert caught.value.code == "NoGpu"
    assert "nvidia-container-toolkit" in caught.value.message
    assert engine.containers.list(all=True, filters=ours) == []


@pytest.mark.docker
def test_a_container_without_gpus_hides_them_and_its_processes_are_known(engine, tmp_path):
    spec = spec_of(scored(tmp_path / "service"))
    image = images(engine).prepare(spec)

    with DockerService(spec, spec.limits, image, {}, engine) as service:
        container = engine.containers.get(service.circumstances()["container_id"])
        assert "NVIDIA_VISIBLE_DEVICES=void" in container.attrs["Config"]["Env"]
        assert container.attrs["State"]["Pid"] in service.process_ids()
