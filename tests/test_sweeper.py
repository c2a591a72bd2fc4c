"""The sweeper closes what no worker can, and queues again what the queue server lost."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.utils import timezone
from django_rq import get_connection
from rq.job import Job
from rq.serializers import JSONSerializer

from runs import jobs, leftovers, queue, sweeper
from runs.models import ProfileRun, Target, WorkerHeartbeat
from runs.sweeper import Sweeper

pytestmark = pytest.mark.django_db


def age(seconds: float) -> object:
    return timezone.now() - timedelta(seconds=seconds)


def job_of(run: ProfileRun) -> Job:
    return Job.fetch(run.job_id, connection=get_connection("default"), serializer=JSONSerializer)


def test_a_run_whose_heart_stopped_is_closed_with_the_reason(make) -> None:
    run = make.run()
    run.begin(1)
    assert sweeper.close_stale() == 0
    ProfileRun.objects.update(heartbeat_at=age(21))
    assert sweeper.close_stale() == 1
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "WorkerLost")
    assert "20 s" in run.error_message


def test_a_heart_that_beats_again_at_the_last_moment_is_left_alone(make, monkeypatch) -> None:
    run = make.run()
    token = run.begin(1)
    ProfileRun.objects.update(heartbeat_at=age(21))
    seen = ProfileRun.objects.stale().get()
    run.heartbeat(token)
    assert not seen.close_abandoned(1, "too late", heartbeat_at=seen.heartbeat_at)


@pytest.mark.usefixtures("queue")
def test_a_cancel_is_forced_after_fifteen_seconds_even_without_a_job(make, bob) -> None:
    run = make.run()
    run.begin(1)
    run.request_cancel(bob)
    assert sweeper.close_disobeying() == 0
    ProfileRun.objects.update(cancel_requested_at=age(16))
    assert sweeper.close_disobeying() == 1
    run.refresh_from_db()
    assert run.state == "cancelled"


@pytest.mark.usefixtures("queue")
def test_a_queued_run_whose_job_was_lost_is_queued_again(make) -> None:
    run = make.run()
    assert Sweeper(run.target).requeue_missing() == 0, "not yet: it is only just being queued"
    ProfileRun.objects.update(queued_at=age(11))
    assert Sweeper(run.target).requeue_missing() == 1
    assert job_of(run).args == [str(run.uuid), 1]
    assert queue.is_waiting(run)
    assert Sweeper(run.target).requeue_missing() == 0


@pytest.mark.usefixtures("queue")
def test_a_job_that_ended_without_beginning_its_run_is_queued_again(make) -> None:
    run = make.run()
    ProfileRun.objects.update(queued_at=age(11))
    queue.enqueue(run)
    job_of(run).cancel()
    assert Sweeper(run.target).requeue_missing() == 1


@pytest.mark.usefixtures("queue")
def test_jobs_are_limited_in_time_and_carry_ids_only(make) -> None:
    run = make.run(budget={"duration_s": 100, "build_s": 50})
    queue.enqueue(run)
    job = job_of(run)
    assert job.id == f"{run.uuid}-1"
    assert job.timeout == 100 + 50 + queue.MARGIN_S + queue.OBEY_S
    assert job.args == [str(run.uuid), 1]


def test_a_run_waits_when_the_queue_server_is_away(make, settings, tmp_path) -> None:
    settings.RQ_QUEUES = {
        name: {"UNIX_SOCKET_PATH": str(tmp_path / "nobody.sock"), "DB": 0}
        for name in settings.RQ_QUEUES
    }
    run = make.run()
    assert not queue.enqueue(run)
    run.refresh_from_db()
    assert run.state == "queued"


def test_work_folders_of_runs_that_are_over_are_removed(make) -> None:
    live, over = make.run(), make.finished_run()
    for run in (live, over):
        (jobs.work_root() / run.attempt_name).mkdir(parents=True)
    removed = leftovers.remove()
    assert removed == [f"work folder {over.attempt_name}"]
    assert [folder.name for folder in jobs.work_root().iterdir()] == [live.attempt_name]


def test_a_round_goes_on_after_a_step_that_fails_and_says_so_once(
    make, settings, tmp_path, caplog
) -> None:
    """Without a queue server nothing can be queued again; the rest is done."""
    settings.RQ_QUEUES = {"default": {"UNIX_SOCKET_PATH": str(tmp_path / "nobody.sock"), "DB": 0}}
    waiting, over = make.run(), make.finished_run()
    ProfileRun.objects.filter(pk=waiting.pk).update(queued_at=age(11))
    sweeping = Sweeper(waiting.target)
    for _ in range(2):
        (jobs.work_root() / over.attempt_name).mkdir(parents=True)
        sweeping.round()
        assert list(jobs.work_root().iterdir()) == []
    said = [record.message for record in caplog.records if "requeue_missing" in record.message]
    assert len(said) == 1
    beat = WorkerHeartbeat.objects.get(target=waiting.target, kind="sweeper")
    assert (beat.host, beat.is_alive) == (socket.gethostname(), True)


@pytest.mark.usefixtures("queue")
def test_a_target_without_docker_says_so_until_it_is_back(make, monkeypatch) -> None:
    target = make.target(kind="docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    Sweeper(target).note_target()
    target.refresh_from_db()
    assert "Docker" in target.unavailable_reason
    assert target not in Target.objects.available()
    Target.objects.filter(pk=target.pk).update(kind="process")
    target.refresh_from_db()
    Sweeper(target).note_target()
    assert target in Target.objects.available()


def test_workers_gone_for_an_hour_are_forgotten(make) -> None:
    target = make.target()
    WorkerHeartbeat.objects.beat(target, "lab", 7, "worker")
    WorkerHeartbeat.objects.update(last_seen_at=age(3601))
    assert not WorkerHeartbeat.objects.get().is_alive
    assert WorkerHeartbeat.objects.forget_old() == 1
