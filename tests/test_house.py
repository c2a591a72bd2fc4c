"""What stands around the code: Makefile, compose file, pinned requirements, examples."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ["install", "run", "test", "e2e", "bench", "lint", "base-image"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKER_SOCKET = "/var/run/docker.sock"


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_what_to_do(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    loose = [line for line in lines if line and not line.startswith("-r") and "==" not in line]
    assert loose == []


def volumes_of(service: str) -> list[str]:
    return SERVICES[service].get("volumes", [])


def test_only_worker_and_sweeper_see_the_docker_socket() -> None:
    with_socket = {name for name in SERVICES if any(DOCKER_SOCKET in v for v in volumes_of(name))}
    assert with_socket == {"worker", "sweeper"}


def test_every_image_that_is_not_ours_is_pinned() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    for image in images:
        assert re.search(r":\d+\.\d+", image), image


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_says_how_to_see_that_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_queue_and_database_are_published_to_this_host_only() -> None:
    for name in ("queue", "database"):
        for port in SERVICES[name]["ports"]:
            assert str(port).startswith("127.0.0.1:"), port


def test_every_volume_used_is_declared() -> None:
    used = {volume.partition(":")[0] for name in SERVICES for volume in volumes_of(name)}
    named = {volume for volume in used if not volume.startswith("/")}
    assert named == set(COMPOSE["volumes"])


def test_the_sample_has_200_different_requests() -> None:
    lines = (ROOT / "examples/sklearn-regression/requests.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 200
    assert all(json.loads(line)["data"] for line in lines)


def test_the_sample_is_the_same_for_the_engine_and_for_the_site() -> None:
    folder = ROOT / "examples/sklearn-regression"
    spec = json.loads((folder / "spec.json").read_text())
    first_run = json.loads((folder / "run.json").read_text())
    assert spec["config"] == json.loads((folder / "config.json").read_text())
    assert {key: spec[key] for key in first_run} == first_run
