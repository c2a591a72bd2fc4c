"""The engine on real containers: a verified size, and every way a service can spoil it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import docker
import pytest

from profiler.sizing.latency_model import LatencyModel
from tests.documented_result import undocumented
from tests.engine_cli import Project

pytestmark = pytest.mark.docker


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def containers_of(pid: int) -> list:
    """What is left of the run that this engine process made."""
    label = f"model-profiler.run=local-{pid}"
    return docker.from_env().containers.list(all=True, filters={"label": label})


@pytest.mark.alone
def test_the_smallest_size_is_found_and_verified_at_exactly_that_size(project):
    # 4.6 ms of cpu and what serving it costs, 40 times a second, are about 240m: 200m can never
    # keep up, 300m always does.
    project.score("""
        import time

        def init():
            pass

        def run(raw_data):
            until = time.process_time() + 0.0046
            while time.process_time() < until:
                pass
            return len(raw_data)
    """)
    project.spec["load"] = {"mode": "open", "rate_rps": 40, "arrivals": "constant"}
    project.spec["objective"] = {"percentile": 95, "latency_ms": 250}

    ended = project.run_believed()

    assert ended.status == 0, ended.output
    advice = ended.result["advice"]
    assert advice["standing"] == "verified", advice
    verifying = [m for m in ended.result["measurements"] if m["phase"] == "verifying"][-1]
    assert verifying["cpu_millicores"] == advice["cpu_millicores"]
    assert verifying["memory_bytes"] == advice["memory_bytes"]
    assert verifying["outcome"] == "passed"
    assert advice["memory_bytes"] % (16 << 20) == 0
    assert advice["memory_bytes"] >= verifying["memory_working_set_peak_bytes"]
    assert undocumented(ended.result) == []

    assert advice["cpu_millicores"] >= 300
    tried = {m["cpu_millicores"]: m["outcome"] for m in ended.result["measurements"]}
    assert tried[advice["cpu_millicores"] - 100] != "passed"

    model = LatencyModel.from_json(ended.result["latency_model"])
    assert model, ended.result["latency_model"]
    assert model.predict(1000, 40, "95").mark == "measured"
    assert model.predict(advice["cpu_millicores"], 100, "95").overloaded

    assert ended.result["azureml"]["recommendedCpu"] == advice["cpu_millicores"] / 1000
    assert {phase["phase"] for phase in ended.result["phases"]} == {
        "building", "starting", "checking", "warming", "measuring", "sizing", "verifying",
    }  # fmt: skip
    assert containers_of(project.pid) == []


def test_init_that_raises_is_a_failed_script_with_its_traceback(project):
    project.score("""
        def init():
            raise KeyError("weights are not here")

        def run(raw_data):
            return raw_data
    """)

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "ScriptFailed"
    assert "weights are not here" in ended.error["message"]
    assert "Traceback" in ended.error["log_tail"]


def test_an_import_that_fails_names_the_module(project):
    project.score("import no_such_module\n\ndef init(): pass\ndef run(raw_data): return 1\n")

    ended = project.run()

    assert ended.error["code"] == "ScriptFailed"
    assert "no_such_module" in ended.error["message"]


def test_run_that_raises_on_one_row_names_the_row_and_the_answer(project):
    project.score("""
        import json

        def init():
            pass

        def run(raw_data):
            if json.loads(raw_data)["number"] == 17:
                raise ValueError("cannot score this one")
            return 1
    """)
    project.rows([f'{{"number": {number}}}' for number in range(1, 31)])

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "RequestsFailed"
    assert "row 17" in ended.error["message"]
    assert "cannot score this one" in ended.error["message"] + ended.error["log_tail"]


def test_a_requirement_that_does_not_exist_is_named(project):
    project.spec["config"]["environment"] = {"pip": ["model-profiler-no-such-package==9.9"]}

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "ImageBuildFailed"
    assert "model-profiler-no-such-package" in ended.error["message"]
    assert ended.error["log_tail"]


def test_a_service_image_that_does_not_exist_is_named(project):
    project.spec["config"] = {"image": "model-profiler/no-such-image:1", "port": 8080}

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "ImageNotFound"
    assert "model-profiler/no-such-image:1" in ended.error["message"]


def test_a_service_that_never_answers_its_health_path_is_told_from_one_that_died(project):
    project.score("""
        import time

        def init():
            time.sleep(3600)

        def run(raw_data):
            return 1
    """)
    project.spec["budget"]["ready_s"] = 3

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "NeverReady"
    assert "3 s" in ended.error["message"]


@pytest.mark.parametrize("when", ["init", "run"])
def test_too_little_memory_is_said_with_the_limit_and_the_peak(project, when):
    hungry = "hoard = bytearray(400 << 20)"
    project.score(f"""
        def init():
            {hungry if when == "init" else "pass"}

        def run(raw_data):
            {hungry if when == "run" else "pass"}
            return 1
    """)
    project.spec["limits"]["memory_bytes"] = 192 << 20
    started = time.monotonic()

    ended = project.run()

    assert ended.status == 1
    assert ended.error["code"] == "OutOfMemory"
    assert "192 MiB" in ended.error["message"]
    assert "peak" in ended.error["message"]
    assert time.monotonic() - started < 90  # it must not wait for the readiness time-out


@pytest.mark.alone
def test_cancelling_keeps_what_was_measured_and_leaves_no_container(project):
    process = project.start()
    for line in process.stdout:
        if "sizing" in line:
            break
    process.send_signal(signal.SIGINT)

    output, _ = process.communicate(timeout=30)

    ended = project.ended(process.returncode, output)
    assert ended.status == 3
    assert ended.result["state"] == "cancelled"
    assert ended.result["measurements"]
    assert containers_of(process.pid) == []


def test_a_budget_that_ends_before_anything_was_measured_is_a_time_out(project):
    project.spec["budget"]["duration_s"] = 1

    ended = project.run()

    assert ended.status == 4
    assert ended.result["state"] == "timed_out"
    assert ended.result["advice"] is None


@pytest.mark.alone
def test_a_budget_that_ends_after_measuring_gives_a_provisional_size(project):
    project.spec["budget"]["duration_s"] = 14

    ended = project.run()

    assert ended.status == 0, ended.output
    assert ended.result["advice"]["standing"] == "provisional"
    assert any("budget" in reason for reason in ended.result["advice"]["reasons"])


def test_no_engine_is_said_at_once(project):
    ended = project.run(env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})

    assert ended.status == 1
    assert ended.error["code"] == "TargetUnavailable"
    assert "Docker" in ended.error["message"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_a_work_folder_that_is_full_is_named(project, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", full], check=True)
    try:
        (full / "filling").write_bytes(b"0" * (60 << 10))
        (project.folder / "service" / "big.bin").write_bytes(os.urandom(1 << 20))
        ended = project.run(env={"TMPDIR": str(full)})
    finally:
        subprocess.run(["umount", full], check=True)

    assert ended.status == 1
    assert ended.error["code"] == "DiskFull"
