"""A service in a container: laid out as scripts expect, locked in, limited, and always removed."""

from __future__ import annotations

import urllib.error
import uuid
from pathlib import Path

import docker
import pytest

from profiler.errors import RunFailed
from profiler.services import leftovers
from profiler.services.docker_service import DockerService
from profiler.services.readiness import wait_ready, why_gone
from profiler.services.usage import UsageSampler
from profiler.spec import ContainerConfig, Environment, Limits, ModelFiles
from profiler.units import MIB
from tests.service_kit import ECHO, ask, images, nothing, scored, spec_of

pytestmark = pytest.mark.docker

MARK = f"test-{uuid.uuid4().hex[:12]}"
LABELS = {
    leftovers.INSTALLATION_LABEL: MARK,
    leftovers.RUN_LABEL: "alices-run",
    leftovers.ATTEMPT_LABEL: "1",
}


@pytest.fixture(scope="module")
def client():
    client = docker.from_env()
    yield client
    for container in client.containers.list(
        all=True, filters={"label": f"{leftovers.INSTALLATION_LABEL}={MARK}"}
    ):
        container.remove(force=True, v=True)
    client.close()


@pytest.fixture
def start(client):
    """A service of a spec, not yet entered."""

    def make(spec) -> DockerService:
        return DockerService(spec, spec.limits, images(client).prepare(spec), LABELS, client)

    return make


def ready(service: DockerService, spec, timeout_s: float = 30) -> int:
    return wait_ready(service, spec.limits, timeout_s=timeout_s, check=nothing)


def failure(service: DockerService, spec, timeout_s: float = 30) -> RunFailed:
    with service, pytest.raises(RunFailed) as caught:
        ready(service, spec, timeout_s)
    return caught.value


def containers(client) -> list:
    label = f"{leftovers.INSTALLATION_LABEL}={MARK}"
    return client.containers.list(all=True, filters={"label": label})


LAYOUT = """
    import os
    from azureml.core.model import Model

    def init():
        pass

    def run(raw_data):
        folder = os.environ["AZUREML_MODEL_DIR"]
        found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
        return {
            "model_dir": folder,
            "files": sorted(found),
            "cwd": os.getcwd(),
            "beside": open("words.txt").read(),
            "ridge": Model.get_model_path("ridge"),
            "env": os.environ["GREETING"],
        }
"""


def test_one_model_lies_where_scripts_look_for_it(tmp_path, start):
    (tmp_path / "model.pkl").write_text("weights")
    config = scored(tmp_path / "service", LAYOUT, env={"GREETING": "hello"})
    (tmp_path / "service" / "words.txt").write_text("one two")
    spec = spec_of(config, (ModelFiles("ridge", 3, tmp_path / "model.pkl"),))

    with start(spec) as service:
        ready(service, spec)
        seen = ask(service)

    assert seen == {
        "model_dir": "azureml-models/ridge/3",
        "files": ["azureml-models/ridge/3/model.pkl"],
        "cwd": "/var/azureml-app",
        "beside": "one two",
        "ridge": "/var/azureml-app/azureml-models/ridge/3/model.pkl",
        "env": "hello",
    }


def test_several_models_share_a_folder_and_a_folder_keeps_its_name(tmp_path, start):
    (tmp_path / "model.pkl").write_text("weights")
    (tmp_path / "net" / "layers").mkdir(parents=True)
    (tmp_path / "net" / "layers" / "1.bin").write_text("layer")
    config = scored(tmp_path / "service", LAYOUT, env={"GREETING": ""})
    (tmp_path / "service" / "words.txt").write_text("")
    models = (
        ModelFiles("ridge", 1, tmp_path / "model.pkl"),
        ModelFiles("net", 12, tmp_path / "net"),
    )
    spec = spec_of(config, models)

    with start(spec) as service:
        ready(service, spec)
        seen = ask(service)

    assert seen["model_dir"] == "azureml-models"
    assert seen["files"] == [
        "azureml-models/net/12/net/layers/1.bin",
        "azureml-models/ridge/1/model.pkl",
    ]


def test_the_container_is_locked_in(tmp_path, start):
    source = """
        import os, socket

        def init():
            pass

        def can(what):
            try:
                what()
            except OSError as error:
                return error.strerror or str(error)
            return True

        def run(raw_data):
            status = dict(
                line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines()
            )
            return {
                "user": os.getuid(),
                "capabilities": int(status["CapBnd"], 16),
                "no_new_privileges": status["NoNewPrivs"],
                "root": can(lambda: open("/var/azureml-app/mine", "w")),
                "tmp": can(lambda: open("/tmp/mine", "w")),
                "home": can(lambda: open(os.path.expanduser("~/mine"), "w")),
                "outside": can(lambda: socket.create_connection(("1.1.1.1", 443), 0.3)),
                "docker_socket": os.path.exists("/var/run/docker.sock"),
                "cores": len(os.sched_getaffinity(0)),
            }
    """
    spec = spec_of(scored(tmp_path / "service", source))

    with start(spec) as service:
        ready(service, spec)
        seen = ask(service)

    outside = seen.pop("outside")
    assert outside is not True
    assert seen == {
        "user": 65534,
        "capabilities": 0,
        "no_new_privileges": "1",
        "root": "Read-only file system",
        "tmp": True,
        "home": True,
        "docker_socket": False,
        "cores": len(spec.target.service_cores),
    }


BURN = """
    import time

    def init():
        pass

    def run(raw_data):
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
        return "warm"
"""


@pytest.mark.alone
def test_usage_is_sampled_and_a_smaller_quota_throttles_without_a_restart(tmp_path, start):
    spec = spec_of(scored(tmp_path / "service", BURN))

    with start(spec) as service, UsageSampler(service) as sampler:
        ready_ns = ready(service, spec)
        container = service.circumstances()["container_id"]
        before = sampler.take()
        service.resize(200)
        ask(service)
        after = sampler.take()
        assert service.circumstances()["container_id"] == container
    after_that = sampler.take()
    everything = sampler.all()

    assert service.started_ns < before["at_ns"][0] < ready_ns
    assert after["cpu_ns"][-1] - before["cpu_ns"][-1] > 250_000_000
    assert after["throttled_periods"][-1] > before["throttled_periods"][-1]
    assert after["throttled_ns"][-1] > before["throttled_ns"][-1]
    assert (everything["at_ns"][1:] > everything["at_ns"][:-1]).all()
    assert (everything["cpu_ns"][1:] >= everything["cpu_ns"][:-1]).all()
    taken = [before, after, after_that]
    assert len(everything["at_ns"]) == sum(len(part["at_ns"]) for part in taken)
    assert everything["memory_working_set_bytes"].max() > 20 * MIB
    assert everything["memory_kernel_peak_bytes"][-1] >= everything["memory_current_bytes"].max()


def test_memory_that_a_request_asks_for_beyond_the_limit_is_out_of_memory(tmp_path, start):
    source = """
        def init():
            pass

        def run(raw_data):
            return len(bytearray(int(raw_data) << 20))
    """
    spec = spec_of(scored(tmp_path / "service", source), memory_mib=160)

    with start(spec) as service:
        ready(service, spec)
        ask(service, 10)
        assert why_gone(service, spec.limits) is None
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            ask(service, 400)
        reason = why_gone(service, spec.limits)
        assert service.exited() is None  # the server has replaced its worker and runs on

    assert reason.code == "OutOfMemory"
    assert "160 MiB" in reason.message
    assert "peak" in reason.message


@pytest.mark.parametrize(("memory_mib", "needs"), [(160, "400 << 20"), (12, "0")])
def test_memory_that_starting_asks_for_beyond_the_limit_is_out_of_memory(
    tmp_path, start, memory_mib, needs
):
    source = f"def init():\n    bytearray({needs})\n\ndef run(raw_data):\n    return 1\n"
    spec = spec_of(scored(tmp_path / "service", source), memory_mib=memory_mib)

    reason = failure(start(spec), spec, timeout_s=15)

    assert reason.code == "OutOfMemory"
    assert f"{memory_mib} MiB" in reason.message


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_module\n\ndef init(): pass\ndef run(data): return 1\n", "no_such_module"),
        ("def init(:\n", "SyntaxError"),
        (
            "class WeightsMissing(Exception):\n    pass\n\n"
            "def init():\n    raise WeightsMissing('look in the cellar')\n\n"
            "def run(data):\n    return 1\n",
            "init() failed: WeightsMissing: look in the cellar",
        ),
    ],
)
def test_a_script_that_fails_to_start_is_told_with_its_own_exception(tmp_path, start, source, told):
    spec = spec_of(scored(tmp_path / "service", source))

    reason = failure(start(spec), spec)

    assert reason.code == "ScriptFailed"
    assert told in reason.message
    assert "Traceback" in reason.log_tail


def test_a_service_that_does_not_become_ready_in_time_is_told_from_one_that_ended(tmp_path, start):
    slow = "import time\n\ndef init():\n    time.sleep(60)\n\ndef run(data):\n    return 1\n"
    spec = spec_of(scored(tmp_path / "service", slow))

    reason = failure(start(spec), spec, timeout_s=5)

    assert reason.code == "NeverReady"
    assert "within 5 s" in reason.message
    assert "accepted but not answered" in reason.message


def test_waiting_can_be_broken_off(tmp_path, start):
    slow = "import time\n\ndef init():\n    time.sleep(60)\n\ndef run(data):\n    return 1\n"
    spec = spec_of(scored(tmp_path / "service", slow))
    looks = []

    class Enough(Exception):
        pass

    def check() -> None:
        looks.append(1)
        if len(looks) > 20:
            raise Enough

    with pytest.raises(Enough), start(spec) as service:
        wait_ready(service, spec.limits, timeout_s=60, check=check)


def test_a_container_is_removed_however_it_ends(tmp_path, start, client):
    spec = spec_of(scored(tmp_path / "service", ECHO))

    with pytest.raises(ZeroDivisionError), start(spec):
        assert len(containers(client)) == 1
        1 / 0  # noqa: B018

    assert containers(client) == []


def test_usage_of_a_service_that_was_removed_reads_as_none(tmp_path, start, client):
    spec = spec_of(scored(tmp_path / "service", ECHO))

    with start(spec) as service:
        assert service.read_usage() is not None
        containers(client)[0].remove(force=True)
        assert service.read_usage() is None
        assert service.exited().code == 137


def test_the_sweep_removes_containers_of_attempts_that_are_over(tmp_path, start, client):
    spec = spec_of(scored(tmp_path / "service", ECHO))

    with start(spec):
        assert leftovers.sweep_containers("another-installation", set()) == []
        assert leftovers.sweep_containers(MARK, {"alices-run.1"}) == []
        assert len(containers(client)) == 1

        removed = leftovers.sweep_containers(MARK, {"alices-run.2"})

        assert len(removed) == 1
        assert "alices-run.1" in removed[0]
        assert containers(client) == []


@pytest.fixture(scope="module")
def http_image(client) -> str:
    example = Path(__file__).parent.parent / "examples" / "container-http"
    image, _ = client.images.build(
        path=str(example), buildargs={"BASE_IMAGE": base_image(client)}, rm=True
    )
    return image.id


def base_image(client) -> str:
    return images(client).base_image(Environment())


def test_a_ready_image_is_run_as_it_is(client, http_image):
    config = ContainerConfig(http_image, port=8080, health_path="/ping", env={})
    spec = spec_of(config)

    with DockerService(spec, Limits(500, 64 * MIB), http_image, LABELS, client) as service:
        ready(service, spec)
        answer = ask(service, {"instances": [0]}, "/invocations")

    assert answer == {"predictions": [0.5]}


def test_a_health_path_that_answers_otherwise_is_said(client, http_image):
    spec = spec_of(ContainerConfig(http_image, port=8080, health_path="/health"))

    service = DockerService(spec, spec.limits, http_image, LABELS, client)

    assert "GET /health answered 404" in failure(service, spec, timeout_s=5).message


def test_a_program_that_ends_by_itself_is_said_with_its_status(client):
    config = ContainerConfig(base_image(client), port=8080)
    spec = spec_of(config)
    service = DockerService(spec, spec.limits, config.image, LABELS, client)

    # The base image has no command of its own.
    with pytest.raises(RunFailed) as caught, service:
        pass

    assert caught.value.code == "NeverReady"
    assert "command" in caught.value.message.lower()
