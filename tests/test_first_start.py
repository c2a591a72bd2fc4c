"""What the first start makes, and that a second one leaves it as it is."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from profiler.circumstances import host_capacity
from profiler.spec_reader import Capacity, read_spec_data
from runs import run_spec
from runs.models import Dataset, ProfileRun, RegisteredModel, Target

pytestmark = pytest.mark.django_db


def said_by(command: str, **options: object) -> str:
    output = io.StringIO()
    call_command(command, stdout=output, **options)
    return output.getvalue()


def test_the_first_administrator_gets_a_password_nobody_else_can_read(
    data_dir, client, django_user_model
) -> None:
    first = said_by("ensure_admin")
    path = data_dir / "admin-password"
    password = path.read_text().strip()
    assert password in first
    assert path.stat().st_mode & 0o077 == 0
    assert django_user_model.objects.get().check_password(password)

    second = said_by("ensure_admin")
    assert password not in second
    assert str(path) in second
    assert django_user_model.objects.count() == 1


def test_an_installation_with_an_administrator_gets_no_other(root, django_user_model) -> None:
    assert said_by("ensure_admin") == ""
    assert django_user_model.objects.get() == root


def test_a_password_given_is_neither_printed_nor_kept(
    settings, data_dir, django_user_model
) -> None:
    settings.ADMIN_PASSWORD = "given by hand"
    assert "given by hand" not in said_by("ensure_admin")
    assert not (data_dir / "admin-password").exists()
    assert django_user_model.objects.get().check_password("given by hand")


def test_the_target_is_this_machine_and_stays_one() -> None:
    capacity = host_capacity()
    said_by("ensure_target", name="local", kind="process")
    said_by("ensure_target", name="local", kind="process")
    target = Target.objects.get()
    assert target.service_cores == list(capacity.service_cores)
    assert target.driver_cores == list(capacity.driver_cores)
    assert target.max_memory_bytes == capacity.memory_bytes
    assert target.history.count() == 1


def test_a_change_of_the_machine_is_in_the_targets_history() -> None:
    said_by("ensure_target", name="local", kind="process")
    said_by("ensure_target", name="local", kind="docker")
    target = Target.objects.get()
    assert target.kind == "docker"
    assert [old.kind for old in target.history.all()] == ["docker", "process"]


def test_the_sample_is_registered_and_its_run_would_be_accepted(root, tmp_path) -> None:
    said_by("ensure_target", name="local", kind="docker")
    assert "queued" in said_by("register_sample", target="local")
    dataset = Dataset.objects.get()
    assert (dataset.rows, dataset.distinct_rows) == (200, 200)
    assert RegisteredModel.objects.get().created_by == root

    run = ProfileRun.objects.get()
    run_spec.materialise(run, tmp_path)
    capacity: Capacity = host_capacity()
    spec = read_spec_data(run.spec, tmp_path, capacity=capacity, confined=True)
    assert spec.models[0].path.is_file()
    assert spec.target.name == "local"


def test_the_sample_needs_a_target(root) -> None:
    with pytest.raises(CommandError, match="ensure_target"):
        said_by("register_sample", target="nowhere")
