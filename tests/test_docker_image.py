"""Images of services: made once for equal inputs, and clear about why one cannot be made."""

from __future__ import annotations

import time

import docker
import pytest

from profiler.errors import RunFailed
from profiler.services import docker_engine
from profiler.services.image import Images
from profiler.spec import ContainerConfig, Environment, ModelFiles
from tests.service_kit import images, nothing, scored, spec_of

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def base(client) -> str:
    return images(client).base_image(Environment())


def refusal(client, environment: Environment) -> RunFailed:
    with pytest.raises(RunFailed) as caught:
        images(client).environment_image(environment)
    return caught.value


def test_equal_inputs_are_built_once_and_a_change_of_code_only_touches_the_code(tmp_path, client):
    (tmp_path / "model.pkl").write_text("weights")
    models = (ModelFiles("ridge", 1, tmp_path / "model.pkl"),)
    spec = spec_of(scored(tmp_path / "service"), models)
    log: list[str] = []
    first = images(client).prepare(spec)

    assert images(client, log).prepare(spec) == first
    assert log == []

    with_other_code = spec_of(
        scored(tmp_path / "service", "def init(): pass\ndef run(data): return 2\n"), models
    )
    second = images(client, log).prepare(with_other_code)

    assert second != first
    copied = [line for line in log if ": COPY" in line]
    assert all("code/" in line for line in copied)


def test_a_model_is_part_of_the_image_and_what_git_keeps_is_not(tmp_path, client):
    (tmp_path / "model.pkl").write_text("weights")
    config = scored(tmp_path / "service")
    (tmp_path / "service" / ".git").mkdir()
    (tmp_path / "service" / ".git" / "config").write_text("secret")
    (tmp_path / "service" / "outside").symlink_to("/etc/passwd")
    spec = spec_of(config, (ModelFiles("ridge", 1, tmp_path / "model.pkl"),))

    name = images(client).prepare(spec)

    found = client.containers.run(
        name, ["find", "/var/azureml-app", "-type", "f"], entrypoint="", remove=True
    )
    assert sorted(found.decode().split()) == [
        "/var/azureml-app/azureml-models/ridge/1/model.pkl",
        "/var/azureml-app/score.py",
    ]


def test_a_requirement_that_does_not_exist_is_named(client):
    reason = refusal(client, Environment(pip=("model-profiler-no-such-package==9.9",)))

    assert reason.code == "ImageBuildFailed"
    assert "'model-profiler-no-such-package==9.9' cannot be installed" in reason.message
    assert "not found in the package registry" in reason.message
    assert "Step " in reason.log_tail


def test_a_requirement_that_conflicts_with_the_server_is_named(client):
    reason = refusal(client, Environment(pip=("flask==1.0",)))

    assert reason.code == "ImageBuildFailed"
    assert "'flask==1.0' cannot be installed" in reason.message
    assert "azureml-inference-server-http==1.5.0 depends on flask" in reason.message


def test_a_python_that_neither_base_nor_network_has_is_said_plainly(client, base):
    reason = refusal(client, Environment(python="3.99"))

    assert reason.code == "ImageBuildFailed"
    assert "Python 3.99 was asked for" in reason.message
    assert base in reason.message


def test_a_base_image_that_does_not_exist_is_named(client):
    reason = refusal(client, Environment(base_image="model-profiler/no-such-base:7"))

    assert reason.code == "ImageNotFound"
    assert "model-profiler/no-such-base:7" in reason.message
    assert "make base-image" in reason.message


def test_a_service_image_that_does_not_exist_is_named(client):
    with pytest.raises(RunFailed) as caught:
        images(client).prepare(spec_of(ContainerConfig("model-profiler/none:1", port=80)))

    assert caught.value.code == "ImageNotFound"
    assert "model-profiler/none:1" in caught.value.message


@pytest.mark.parametrize("name", ["x\nRUN true", "two words", ""])
def test_a_name_that_is_no_image_reference_adds_nothing_to_a_dockerfile(client, name):
    assert refusal(client, Environment(base_image=name or " ")).code == "ImageNotFound"


def dockerfile(folder, text: str) -> Environment:
    folder.mkdir()
    (folder / "Dockerfile").write_text(text)
    return Environment(dockerfile=folder / "Dockerfile")


def test_what_a_users_dockerfile_installs_is_there_for_the_script(tmp_path, client, base):
    environment = dockerfile(
        tmp_path / "own",
        f"FROM {base}\nCOPY house.py /usr/lib/python3/dist-packages/\nUSER 1234\n",
    )
    (tmp_path / "own" / "house.py").write_text("ROOMS = 4\n")

    name = images(client).environment_image(environment)

    code = "import house, azureml_inference_server_http; print(house.ROOMS)"
    printed = client.containers.run(name, ["/opt/venv/bin/python", "-c", code], remove=True)
    assert printed.decode().strip() == "4"


def test_a_step_that_fails_in_a_users_dockerfile_is_shown(tmp_path, client, base):
    environment = dockerfile(
        tmp_path / "own", f"FROM {base}\nRUN echo the cellar is flooded && exit 9\n"
    )

    reason = refusal(client, environment)

    assert reason.code == "ImageBuildFailed"
    assert "the cellar is flooded" in reason.message


def test_a_dockerfile_that_is_none_is_refused_with_the_engines_words(tmp_path, client, base):
    reason = refusal(client, dockerfile(tmp_path / "own", f"FROM {base}\nDANCE\n"))

    assert reason.code == "ImageBuildFailed"
    assert "DANCE" in reason.message


def test_a_disk_that_is_full_while_building_is_said(tmp_path, client, base):
    # /dev/shm of a build step is a tmpfs of 64 MB: a disk that is truly full, and only there.
    fill = "RUN head -c 100000000 /dev/zero > /dev/shm/fill"

    reason = refusal(client, dockerfile(tmp_path / "own", f"FROM {base}\n{fill}\n"))

    assert reason.code == "DiskFull"
    assert "Free space" in reason.message


def test_a_build_can_be_broken_off_and_leaves_no_image(tmp_path, client, base):
    environment = dockerfile(tmp_path / "own", f"FROM {base}\nRUN echo {time.time()}; sleep 120\n")
    before = {image.id for image in client.images.list(name="model-profiler/base")}
    log: list[str] = []

    class Enough(Exception):
        pass

    def check() -> None:
        if any("RUN echo" in line for line in log):
            raise Enough

    with pytest.raises(Enough):
        images(client, log, check).environment_image(environment)

    assert {image.id for image in client.images.list(name="model-profiler/base")} == before


def test_a_build_that_takes_too_long_is_said(tmp_path, client, base):
    environment = dockerfile(tmp_path / "own", f"FROM {base}\nRUN echo {time.time()}; sleep 120\n")
    soon = Images(client, log=lambda line: None, check=nothing, deadline=time.monotonic() + 1)

    with pytest.raises(RunFailed) as caught:
        soon.environment_image(environment)

    assert caught.value.code == "ImageBuildFailed"
    assert "budget.build_s" in caught.value.message


@pytest.mark.parametrize("variable", ["PROFILER_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_cannot_be_read_are_said(tmp_path, client, monkeypatch, variable):
    monkeypatch.delenv("PROFILER_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))

    reason = refusal(client, Environment(pip=("iniconfig==99.99",)))

    assert reason.code == "ImageBuildFailed"
    assert "none.pem" in reason.message


def test_an_engine_that_does_not_run_is_said(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(RunFailed) as caught:
        docker_engine.connect()

    assert caught.value.code == "TargetUnavailable"
    assert "does not answer" in docker_engine.check_docker()


def test_an_engine_that_runs_is_no_trouble():
    assert docker_engine.check_docker() is None


def test_the_configured_base_image_is_taken_before_the_local_one(client, base, monkeypatch):
    monkeypatch.setenv("PROFILER_BASE_IMAGE", base)

    assert images(client).base_image(Environment()) == base
