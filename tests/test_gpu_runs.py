"""GPUs through whole runs: given, hidden, kept from others, measured and advised.

No GPU is at work: the driver's library is a stand-in (tests/fake_gpu.py), all else is real.
"""

from __future__ import annotations

import pytest

from profiler.raw.folder import read_folder
from profiler.samples import between, concatenate
from tests.documented_result import undocumented
from tests.engine_cli import Project
from tests.fake_gpu import GIB, taken

ALLOWED = {"PROFILER_ALLOW_PROCESS_TARGET": "1"}
MIB = 1 << 20

#: Takes GPU memory by saying so to the library: 1 GiB while it starts, then 512 MiB.
SCORE = f"""
    import os

    def hold(bytes_):
        part = os.environ["HELD"] + ".new"
        with open(os.environ["HELD"]) as file:
            lines = [line for line in file if " process " not in line]
        with open(part, "w") as file:
            file.writelines([*lines, f"0 process {{os.getpid()}} {{bytes_}}\\n"])
        os.replace(part, os.environ["HELD"])

    def init():
        import time
        assert os.environ["CUDA_VISIBLE_DEVICES"] == os.environ["WANTED"]
        hold({GIB})
        time.sleep(0.4)
        hold({GIB // 2})

    def run(raw_data):
        return raw_data
"""
AT_WORK = (
    "0 used 600000000",
    "0 utilisation 60",
    "0 memory_utilisation 20",
    "0 power 200000",
    "0 temperature 61",
    "0 sm_clock 1400",
    "0 memory_clock 5000",
    "0 reasons 1",
)


@pytest.fixture
def project(tmp_path, gpus) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    project = Project(folder, kind="process")
    project.score(SCORE)
    wanted = {"HELD": str(gpus.file), "WANTED": gpus.uuids[0]}
    project.spec["config"] |= {"gpu": True, "env": wanted}
    return project


def test_a_run_measures_its_gpu_and_advises_gpu_memory(project, gpus):
    gpus.say(*AT_WORK)
    project.keeps_raw = True
    ended = project.run_believed(env=ALLOWED)

    assert ended.status == 0, ended.output
    gpu = ended.result["measurements"][-1]["gpu"]
    assert (gpu["count"], gpu["name"], gpu["memory_source"]) == (1, "Fake-GPU", "processes")
    assert gpu["memory_startup_peak_bytes"] == GIB
    assert gpu["memory_steady_peak_bytes"] == GIB // 2
    assert (gpu["utilisation_mean"], gpu["memory_utilisation_mean"]) == (0.6, 0.2)
    assert gpu["power_mean_w"] == pytest.approx(200)
    assert (gpu["temperature_max_c"], gpu["sm_clock_mean_mhz"]) == (61, 1400)
    assert gpu["throttle_reasons"] == []
    rate = ended.result["measurements"][-1]["achieved_rps"]
    assert gpu["energy_joules_per_request"] == pytest.approx(200 / rate, rel=0.01)
    advice = ended.result["advice"]
    assert advice["gpu_memory_bytes"] == 1184 * MIB  # 1024 and 15 %, up to the next 16 MiB
    assert undocumented(ended.result) == []
    assert "GPU memory" in advice["explanation"]
    assert ended.result["circumstances"]["gpus"][0]["uuid"] == gpus.uuids[0]
    assert ended.result["circumstances"]["nvidia_driver"] == "570.00-fake"

    raw = [one for one in read_folder(project.raw) if one.series == "gpu"]
    assert len(raw) == len(ended.result["measurements"])
    samples = concatenate(list(raw[-1].parts(print)))
    measured = ended.result["measurements"][-1]
    during = between(samples, "at_ns", measured["started_ns"], measured["ended_ns"])
    assert len(during["at_ns"]) == gpu["samples"] > 10
    assert set(during["memory_own_bytes"]) == {GIB // 2}


def test_a_gpu_that_stays_taken_ends_the_run_with_what_it_waited_for(project, gpus):
    project.spec["target"] = {"kind": "process", "gpus": [0]}
    project.spec["budget"]["build_s"] = 1
    with taken(gpus.uuids[0]):
        ended = project.run(env=ALLOWED)

    assert (ended.status, ended.error["code"]) == (1, "NoGpu")
    assert "other runs on this host" in ended.error["message"]
    assert "waiting for a GPU among 0" in ended.output
