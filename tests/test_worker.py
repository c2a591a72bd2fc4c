"""However a job ends, its run is closed, says why, and leaves nothing running.

Each on a real RQ worker, a real queue server and the real engine with the process target.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import psutil
import pytest
from django.db import connection, connections
from django.utils import timezone
from django_rq import get_connection
from rq.command import send_stop_job_command
from rq.job import Job
from rq.serializers import JSONSerializer

from profiler.services.leftovers import RUN_VARIABLE
from runs import jobs, leftovers, queue, storage, sweeper, watch
from runs.models import ProfileRun, SampleChunk, WorkerHeartbeat
from runs.worker import ProfilingWorker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue", "keep_signals", "processes_allowed"),
]

PATIENCE_S = 60.0
#: Long enough to be interrupted in the middle.
LONG = {"load": {"mode": "open", "rate_rps": 20}, "budget": {"duration_s": 60}}
SHORT = {"objective": {"percentile": 90, "latency_ms": 500}, "budget": {"duration_s": 30}}
HANGS = "import time\n\n\ndef init():\n    time.sleep(600)\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def processes_allowed(monkeypatch) -> None:
    monkeypatch.setenv("PROFILER_ALLOW_PROCESS_TARGET", "1")


def work(run: ProfileRun, worker: ProfilingWorker | None = None) -> ProfileRun:
    """Work off the target's queue in this process, as `manage.py work --burst` does."""
    (worker or ProfilingWorker(run.target)).work(burst=True)
    return reloaded(run)


def reloaded(run: ProfileRun) -> ProfileRun:
    return ProfileRun.objects.select_related("target").get(pk=run.pk)


def until(condition: Callable[[], object]) -> object:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def meanwhile(act: Callable[[], None]) -> threading.Thread:
    """Do something from a thread while the worker works in this one."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def is_started(run: ProfileRun) -> bool:
    """Whether the run's service is up or coming up."""
    return bool(services_of(run))


def services_of(run: ProfileRun) -> list[psutil.Process]:
    """Processes marked as this run's."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(RUN_VARIABLE, "")
        except (psutil.Error, OSError):
            continue
        if mark.startswith(str(run.uuid)) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def kill(worker: ProfilingWorker, number: int = signal.SIGKILL) -> None:
    """Signal the work horse, as the kernel does when memory runs out."""
    os.kill(worker.horse_pid, number)


def containers_of(run: ProfileRun) -> list:
    import docker

    label = f"model-profiler.run={run.uuid}"
    client = docker.from_env()
    try:
        return client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    finally:
        client.close()


def nothing_is_left(run: ProfileRun) -> bool:
    folder = jobs.work_root()
    return not services_of(run) and not (folder.exists() and list(folder.iterdir()))


def test_a_run_succeeds_with_all_that_pages_show(make) -> None:
    run = work(make.run(**SHORT))
    assert (run.state, run.error_message) == ("succeeded", "")
    # On a noisy host the measurement may not be believed, and the advice is declined.
    assert run.advice["standing"] in ("provisional", "declined")
    measurement = run.measurements.first()
    assert measurement.requests == measurement.data["requests"] > 0
    series = set(SampleChunk.objects.filter(run=run).values_list("series", flat=True))
    assert series == {"requests", "usage", "rows"}
    assert "size" in measurement.data["payload"]["sentence"]
    assert "starting" in run.log_text()
    assert [phase["phase"] for phase in run.phase_times][:2] == ["building", "starting"]
    assert run.circumstances["host"]
    assert WorkerHeartbeat.objects.get(target=run.target).kind == "worker"
    assert nothing_is_left(run)


def test_a_refused_spec_fails_with_every_problem(make) -> None:
    run = work(make.run(config=make.config(script="def init():\n    pass\n")))
    assert (run.state, run.error_code) == ("failed", "InvalidSpec")
    assert "run" in run.error_message


def test_a_cancel_is_obeyed_while_running(make, bob) -> None:
    run = make.run(**LONG)
    meanwhile(lambda: until(lambda: is_started(run)) and run.request_cancel(bob))
    ended = work(run)
    assert (ended.state, ended.error_code) == ("cancelled", "")
    assert ended.cancel_requested_by == bob
    assert nothing_is_left(run)


def test_a_killed_work_horse_closes_its_run(make) -> None:
    run = make.run(**LONG)
    worker = ProfilingWorker(run.target)
    meanwhile(lambda: until(lambda: is_started(run)) and kill(worker))
    ended = work(run, worker)
    assert (ended.state, ended.error_code) == ("failed", "WorkerLost")
    assert "SIGKILL" in ended.error_message
    assert nothing_is_left(run)


@pytest.mark.docker
def test_a_killed_work_horse_leaves_no_container(make) -> None:
    run = make.run(target=make.target("docker"), **LONG)
    worker = ProfilingWorker(run.target)
    meanwhile(lambda: until(lambda: containers_of(run)) and kill(worker))
    ended = work(run, worker)
    assert (ended.state, ended.error_code) == ("failed", "WorkerLost"), ended.error_message
    assert containers_of(run) == []


def test_a_job_stopped_through_the_queue_closes_its_run(make) -> None:
    run = make.run(**LONG)

    def stop() -> None:
        until(lambda: is_started(run))
        send_stop_job_command(get_connection("default"), run.job_id, serializer=JSONSerializer)

    meanwhile(stop)
    ended = work(run)
    assert (ended.state, ended.error_code) == ("failed", "WorkerLost")
    assert "stopped by force" in ended.error_message
    leftovers.remove()
    assert nothing_is_left(run)


def test_a_run_over_its_time_is_told_to_stop(make, monkeypatch) -> None:
    run = make.run(config=make.config(script=HANGS))
    monkeypatch.setattr(queue, "MARGIN_S", 3 - queue.time_limit_s(run) + queue.MARGIN_S)
    ended = work(run)
    assert ended.state == "timed_out"
    assert "budget" in ended.error_message
    assert nothing_is_left(run)


def test_a_bug_of_ours_is_called_so(make) -> None:
    run = make.run()
    for entry in run.dataset.files.manifest:
        storage.blob_path(entry["sha256"]).unlink()
    ended = work(run)
    assert (ended.state, ended.error_code) == ("failed", "ProfilerError")
    assert "FileNotFoundError" in ended.error_message
    job = Job.fetch(run.job_id, connection=get_connection("default"), serializer=JSONSerializer)
    assert job.is_failed


def test_a_worker_told_to_shut_down_puts_its_run_back(make) -> None:
    run = make.run(**LONG)
    meanwhile(lambda: until(lambda: is_started(run)) and os.kill(os.getpid(), signal.SIGTERM))
    ended = work(run)
    assert (ended.state, ended.attempt) == ("queued", 2)
    assert queue.is_waiting(ended)
    assert nothing_is_left(run)


def test_a_worker_that_lost_its_run_stops_and_writes_nothing_more(make) -> None:
    run = make.run(**LONG)
    seen = []

    def take_away() -> None:
        until(lambda: is_started(run))
        run.close_abandoned(1, "Someone said so.")
        seen.append(run.log_chunks.count())

    taking = meanwhile(take_away)
    ended = work(run)
    taking.join()
    assert ended.error_message == "Someone said so."
    assert ended.log_chunks.count() == seen[0]
    assert nothing_is_left(run)


def test_a_run_that_does_not_obey_its_cancel_is_killed(make, bob) -> None:
    run = make.run(**LONG)
    worker = ProfilingWorker(run.target)

    def freeze_and_cancel() -> None:
        until(lambda: is_started(run))
        kill(worker, signal.SIGSTOP)
        run.request_cancel(bob)
        ProfileRun.objects.update(cancel_requested_at=timezone.now() - timedelta(seconds=16))
        assert sweeper.close_disobeying() == 1

    freezing = meanwhile(freeze_and_cancel)
    ended = work(run, worker)
    freezing.join()
    assert ended.state == "cancelled"
    assert "did not stop within 15 s" in ended.message
    leftovers.remove()
    assert nothing_is_left(run)


def test_a_killed_worker_takes_its_run_down_and_the_sweeper_closes_it(make) -> None:
    run = make.run(**LONG)
    connections.close_all()
    worker = os.fork()
    if worker == 0:
        ProfilingWorker(run.target).work(burst=True)
        os._exit(0)
    until(lambda: is_started(run))
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    until(lambda: not services_of(run))
    assert reloaded(run).state == "running"
    ProfileRun.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=21))
    assert sweeper.close_stale() == 1
    ended = reloaded(run)
    assert (ended.state, ended.error_code) == ("failed", "WorkerLost")
    leftovers.remove()
    assert nothing_is_left(run)


def test_a_job_for_a_run_that_is_gone_or_closed_does_nothing(make, bob) -> None:
    run = make.run()
    run.request_cancel(bob)
    assert work(run).state == "cancelled"
    jobs.execute("00000000-0000-0000-0000-000000000000", 1)


def test_a_worker_beats_between_jobs(make) -> None:
    target = make.target()
    ProfilingWorker(target).work(burst=True)
    beat = WorkerHeartbeat.objects.get(target=target)
    assert beat.is_alive
    assert beat.pid == os.getpid()
    assert not watch.interrupted.is_set()
