"""A service as processes of this user: measured, bound to its parent's life, swept when left."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import psutil
import pytest

from profiler.errors import RunFailed
from profiler.services import leftovers, process_environment
from profiler.services.process_service import ProcessService
from profiler.services.readiness import wait_ready, why_gone
from profiler.services.usage import UsageSampler
from profiler.spec import Environment, ModelFiles
from tests.service_kit import ECHO, ask, nothing, scored, spec_of

MARK = f"test-{uuid.uuid4().hex[:12]}"
LABELS = {
    leftovers.INSTALLATION_LABEL: MARK,
    leftovers.RUN_LABEL: "bobs-run",
    leftovers.ATTEMPT_LABEL: "2",
}


def ensure(environment: Environment, folder: Path, log=lambda text: None, check=nothing) -> Path:
    deadline = time.monotonic() + 300
    return process_environment.ensure(environment, folder, log=log, check=check, deadline=deadline)


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Path:
    """The Python of an environment with the server and nothing else, after one left half-made."""
    folder = tmp_path_factory.mktemp("environments")
    half = folder / process_environment.content_hash(Environment())
    half.mkdir()
    (half / "rubbish").touch()
    return ensure(Environment(), folder)


@pytest.fixture
def start(python, tmp_path):
    def make(spec) -> ProcessService:
        work_dir = tmp_path / "work"
        work_dir.mkdir()
        return ProcessService(spec, spec.limits, python, work_dir, LABELS)

    return make


def ready(service, spec) -> int:
    return wait_ready(service, spec.limits, timeout_s=60, check=nothing)


def marked() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(leftovers.INSTALLATION_VARIABLE) == MARK:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_it_is_laid_out_like_a_container_and_sees_nothing_of_our_settings(
    tmp_path, start, monkeypatch
):
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    (tmp_path / "model.pkl").write_text("weights")
    source = """
        import os
        from azureml.core.model import Model

        def init():
            pass

        def run(raw_data):
            folder = os.environ["AZUREML_MODEL_DIR"]
            return {
                "model_dir": folder,
                "model": open(os.path.join(folder, "model.pkl")).read(),
                "path": os.path.relpath(Model.get_model_path("ridge", version=3)),
                "secret": os.environ.get("SECRET_KEY"),
                "gpus": os.environ["CUDA_VISIBLE_DEVICES"],
                "cores": sorted(os.sched_getaffinity(0)),
            }
    """
    spec = spec_of(
        scored(tmp_path / "service", source), (ModelFiles("ridge", 3, tmp_path / "model.pkl"),)
    )

    with start(spec) as service:
        ready(service, spec)
        seen = ask(service)

    assert seen == {
        "model_dir": "azureml-models/ridge/3",
        "model": "weights",
        "path": "azureml-models/ridge/3/model.pkl",
        "secret": None,
        "gpus": "",
        "cores": list(spec.target.service_cores),
    }
    assert marked() == []


def test_cpu_of_children_that_have_ended_stays_counted(tmp_path, start):
    source = """
        import subprocess, sys

        BURN = "import time\\nwhile time.process_time() < 0.5: pass"

        def init():
            pass

        def run(raw_data):
            return subprocess.run([sys.executable, "-c", BURN]).returncode
    """
    spec = spec_of(scored(tmp_path / "service", source))

    with start(spec) as service, UsageSampler(service) as sampler:
        ready(service, spec)
        before = service.read_usage(complete=True)
        ask(service)
        after = service.read_usage(complete=True)
        everything = sampler.all()

    assert after.cpu_ns - before.cpu_ns >= 450_000_000
    assert everything["memory_working_set_bytes"].max() > 20 << 20
    assert "throttled_periods" not in everything
    assert "oom_kills" not in everything
    assert not service.limits_enforced


def test_a_script_that_fails_to_start_is_told(tmp_path, start):
    spec = spec_of(scored(tmp_path / "service", "def init():\n    raise OSError('no weights')\n"
                                                "def run(data):\n    return 1\n"))  # fmt: skip

    with start(spec) as service, pytest.raises(RunFailed) as caught:
        ready(service, spec)

    assert caught.value.code == "ScriptFailed"
    assert "OSError: no weights" in caught.value.message


def test_a_server_that_is_killed_is_noticed(tmp_path, start):
    spec = spec_of(scored(tmp_path / "service", ECHO))

    with start(spec) as service:
        ready(service, spec)
        assert why_gone(service, spec.limits) is None
        leader = min(marked(), key=psutil.Process.create_time)
        leader.kill()
        while service.exited() is None:
            time.sleep(0.01)

        reason = why_gone(service, spec.limits)
        assert service.read_usage() is None

    assert "exit status 137" in reason.message
    assert marked() == []


def test_processes_that_the_script_started_end_with_the_service(tmp_path, start):
    source = """
        import subprocess, sys

        def init():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

        def run(raw_data):
            return 1
    """
    spec = spec_of(scored(tmp_path / "service", source))

    with start(spec) as service:
        ready(service, spec)
        assert len(marked()) == 3

    assert marked() == []


def test_a_daemon_that_the_script_started_is_measured_and_ends_with_the_service(tmp_path, start):
    source = """
        import os, time

        def init():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    held = b"x" * (200 << 20)
                    time.sleep(600)
                os._exit(0)
            os.wait()
            time.sleep(0.3)

        def run(raw_data):
            return 1
    """
    spec = spec_of(scored(tmp_path / "service", source))

    with start(spec) as service:
        ready(service, spec)
        usage = service.read_usage(complete=True)
        assert usage.processes == 3
        assert usage.memory_working_set_bytes > 200 << 20

    assert marked() == []


def test_it_dies_with_its_parent_and_the_sweep_takes_what_does_not(tmp_path, python):
    scored(tmp_path / "service", """
        import subprocess, sys

        def init():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                             start_new_session=True)

        def run(raw_data):
            return 1
    """)  # fmt: skip
    (tmp_path / "work").mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import sys
            from pathlib import Path
            from profiler.services.process_service import ProcessService
            from profiler.services.readiness import wait_ready
            from profiler.spec import Environment, ScoredConfig
            from tests.service_kit import nothing, spec_of

            spec = spec_of(ScoredConfig("score.py", Path({str(tmp_path / "service")!r}),
                                        Environment()))
            with ProcessService(spec, spec.limits, Path({str(python)!r}),
                                Path({str(tmp_path / "work")!r}), {LABELS!r}) as service:
                wait_ready(service, spec.limits, timeout_s=60, check=nothing)
                print("ready", flush=True)
                sys.stdin.read()
        """)],
        cwd=Path(__file__).parent.parent, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout.readline() == "ready\n"
    server = [process for process in marked() if "gunicorn" in " ".join(process.cmdline())]

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert server
    assert psutil.wait_procs(server, timeout=10)[1] == []
    assert len(marked()) == 1
    assert leftovers.sweep_processes(MARK, {"bobs-run.2"}) == []
    assert leftovers.sweep_processes("another-installation", set()) == []
    assert len(leftovers.sweep_processes(MARK, {"bobs-run.1"})) == 1
    assert marked() == []


def test_an_environment_is_made_once(python):
    log: list[str] = []

    again = ensure(Environment(), python.parents[2], log.append)

    assert again == python
    assert log == []


def test_an_environment_left_half_made_was_made_anew(python):
    made = python.parents[1]

    assert (made / process_environment.COMPLETE).exists()
    assert not (made / "rubbish").exists()


def test_a_requirement_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(RunFailed) as caught:
        ensure(Environment(pip=("model-profiler-no-such-package==9.9",)), tmp_path)

    assert caught.value.code == "EnvironmentFailed"
    assert "'model-profiler-no-such-package==9.9' cannot be installed" in caught.value.message


def test_a_python_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RunFailed) as caught:
        ensure(Environment(python="3.99"), tmp_path)

    assert caught.value.code == "EnvironmentFailed"
    assert "Python 3.99 was asked for" in caught.value.message


def test_an_image_cannot_be_run_as_a_process(tmp_path):
    with pytest.raises(RunFailed) as caught:
        ensure(Environment(base_image="python:3.11"), tmp_path)

    assert "docker target" in caught.value.message


def test_making_an_environment_can_be_broken_off(tmp_path):
    class Enough(Exception):
        pass

    def check() -> None:
        raise Enough

    with pytest.raises(Enough):
        ensure(Environment(pip=("iniconfig",)), tmp_path, check=check)

    assert not list(tmp_path.glob(f"*/{process_environment.COMPLETE}"))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_a_full_disk_is_said(tmp_path, python, monkeypatch):
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", full], check=True)
    try:
        with pytest.raises(RunFailed) as environment:
            ensure(Environment(), full)
        spec = spec_of(scored(tmp_path / "service"))
        (tmp_path / "service" / "large.bin").write_bytes(b"0" * (2 << 20))
        service = ProcessService(spec, spec.limits, python, full, LABELS)
        with pytest.raises(RunFailed) as layout, service:
            pass
    finally:
        subprocess.run(["umount", full], check=True)

    assert environment.value.code == "DiskFull"
    assert layout.value.code == "DiskFull"


def test_what_it_runs_on_is_told(tmp_path, start):
    spec = spec_of(scored(tmp_path / "service", ECHO))
    spec = dataclasses.replace(spec, target=dataclasses.replace(spec.target, kind="process"))

    with start(spec) as service:
        facts = service.circumstances()

    assert facts["kind"] == "process"
    assert facts["limits_enforced"] is False
