"""Scripts of the ancestor's services run unchanged: schemas, raw HTTP, headers, workers."""

from __future__ import annotations

import urllib.error
import urllib.request

import docker
import pytest

from profiler.services.docker_service import DockerService
from profiler.services.readiness import wait_ready
from tests.service_kit import ask, images, nothing, scored, spec_of

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def serve(client):
    """A ready service of a script; removed at the end."""
    services = []

    def start(folder, source: str, **options) -> DockerService:
        spec = spec_of(scored(folder, source, **options))
        service = DockerService(spec, spec.limits, images(client).prepare(spec), {}, client)
        services.append(service)
        service.__enter__()
        wait_ready(service, spec.limits, timeout_s=30, check=nothing)
        return service

    yield start
    for service in services:
        service.__exit__()


def test_a_schema_gives_run_its_parameters_by_name(tmp_path, serve):
    service = serve(tmp_path / "service", """
        from inference_schema.parameter_types.standard_py_parameter_type import (
            StandardPythonParameterType,
        )
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("numbers", StandardPythonParameterType([1, 2]))
        @input_schema("scale", StandardPythonParameterType(2))
        def run(numbers, scale):
            return [number * scale for number in numbers]
    """)  # fmt: skip

    assert ask(service, {"numbers": [1, 2, 3], "scale": 10}) == [10, 20, 30]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(service, {"numbers": [1]})


def test_raw_http_gives_run_the_request_and_takes_its_answer(tmp_path, serve):
    service = serve(tmp_path / "service", """
        from azureml.contrib.services.aml_request import AMLRequest, rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            body = request.get_data(False)
            return AMLResponse(bytes(reversed(body)), 202, {"X-Length": str(len(body))})
    """)  # fmt: skip
    url = f"http://{service.address.host}:{service.address.port}/score"

    with urllib.request.urlopen(urllib.request.Request(url, data=b"\x00\xffabc")) as answer:
        assert answer.status == 202
        assert answer.headers["X-Length"] == "5"
        assert answer.read() == b"cba\xff\x00"


def test_run_may_ask_for_the_headers_and_its_exception_is_a_500(tmp_path, serve):
    service = serve(tmp_path / "service", """
        def init():
            print("getting ready")

        def run(raw_data, request_headers):
            return {"type": request_headers["Content-Type"], "inverse": 1 / len(raw_data)}
    """)  # fmt: skip

    assert ask(service, [])["type"] == "application/json"
    url = f"http://{service.address.host}:{service.address.port}/score"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"))

    assert caught.value.code == 500
    assert "x-ms-run-function-failed" in caught.value.headers
    log = service.log()
    assert "getting ready" in log
    assert "ZeroDivisionError" in log
    assert "POST /score" not in log  # a line for each request would cost the host cpu


def test_as_many_workers_as_were_asked_for_answer(tmp_path, serve):
    service = serve(
        tmp_path / "service",
        """
        import os, time

        def init():
            pass

        def run(raw_data):
            return len([p for p in os.listdir("/proc") if p.isdigit()])
        """,
        workers=3,
    )
    # The workers and their master; the first may answer before the last has been forked.
    for _ in range(100):
        if (processes := ask(service, 1)) == 4:
            break
    assert processes == 4
