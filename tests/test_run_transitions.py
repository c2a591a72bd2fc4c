"""A run changes state by conditional updates: of two that try, one wins."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.utils import timezone

from runs.models import LogChunk, ProfileRun
from runs.models.run_transitions import LostRun

pytestmark = pytest.mark.django_db


def reloaded(run: ProfileRun) -> ProfileRun:
    return ProfileRun.objects.get(pk=run.pk)


def test_a_run_begins_once(make) -> None:
    run = make.run()
    assert run.begin(1) is not None
    assert run.begin(1) is None
    assert reloaded(run).state == "running"


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_once_one_begins(make) -> None:
    run = make.run()
    start, tokens = threading.Barrier(2), []

    def begin() -> None:
        start.wait()
        try:
            tokens.append(run.begin(1))
        finally:
            connection.close()

    workers = [threading.Thread(target=begin) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    [winner] = [token for token in tokens if token]
    assert reloaded(run).fencing_token == winner


def test_another_attempts_job_does_not_begin(make) -> None:
    assert make.run().begin(2) is None


def test_a_worker_that_lost_its_run_writes_nothing_more(make) -> None:
    run = make.run()
    token = run.begin(1)
    assert run.close_abandoned(1, "Its worker is gone.")
    assert not run.heartbeat(token)
    assert not run.progress(token, "measuring", 0.5, "half way")
    assert not run.fail(token, "ScriptFailed", "init() failed")
    with pytest.raises(LostRun), run.held(token):
        LogChunk.objects.create(run=run, index=0, text="too late")
    run = reloaded(run)
    assert (run.error_code, run.phase, run.log_text()) == ("WorkerLost", "", "")


def test_a_stranger_with_a_wrong_token_writes_nothing(make) -> None:
    run = make.run()
    run.begin(1)
    assert not run.progress(uuid.uuid4(), "measuring", 0.5, "half way")


def test_what_is_written_in_a_lost_transaction_is_undone(make) -> None:
    run = make.run()
    token = run.begin(1)
    with pytest.raises(ZeroDivisionError), run.held(token, phase="measuring"):
        LogChunk.objects.create(run=run, index=0, text="half of it")
        _ = 1 / 0
    assert reloaded(run).phase == ""
    assert run.log_text() == ""


def test_a_queued_run_is_cancelled_at_once(make, bob) -> None:
    run = make.run()
    assert run.request_cancel(bob)
    run = reloaded(run)
    assert (run.state, run.cancel_requested_by) == ("cancelled", bob)
    assert run.begin(1) is None


def test_a_running_run_is_asked_to_stop_once(make, alice, bob) -> None:
    run = make.run()
    token = run.begin(1)
    assert run.request_cancel(bob)
    assert not run.request_cancel(alice)
    run = reloaded(run)
    assert run.is_cancelling
    assert run.cancel_requested_by == bob
    assert run.cancel(token)
    assert reloaded(run).state == "cancelled"


def test_a_finished_run_cannot_be_cancelled(make, bob) -> None:
    run = make.finished_run()
    assert not run.request_cancel(bob)
    assert reloaded(run).state == "succeeded"


def test_a_requeued_run_is_a_new_attempt_and_forgets_the_old_one(make) -> None:
    run = make.run()
    token = run.begin(1)
    LogChunk.objects.create(run=run, index=0, text="first attempt")
    assert run.requeue(token, "The worker was stopped.")
    run = reloaded(run)
    assert (run.state, run.attempt, run.fencing_token) == ("queued", 2, None)
    assert run.begin(1) is None
    assert run.begin(2)
    assert run.log_text() == ""


def test_a_run_being_cancelled_is_not_requeued(make, bob) -> None:
    run = make.run()
    token = run.begin(1)
    run.request_cancel(bob)
    assert not run.requeue(token, "The worker was stopped.")


def test_abandoned_means_cancelled_for_whoever_asked_for_that(make, bob) -> None:
    run = make.run()
    run.begin(1)
    run.request_cancel(bob)
    assert run.close_abandoned(1, "Its worker is gone.")
    assert reloaded(run).state == "cancelled"


def test_stale_means_no_heartbeat_for_twenty_seconds(make) -> None:
    run = make.run()
    run.begin(1)
    assert not ProfileRun.objects.stale().exists()
    ProfileRun.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=21))
    assert ProfileRun.objects.stale().get() == run


def test_a_result_is_stored_whole(make) -> None:
    run = make.finished_run()
    assert run.advice["standing"] == "verified"
    assert run.azureml == {"state": "Succeeded"}
    assert run.phase_times == [{"phase": "verifying", "seconds": 3.0}]
    assert (run.fencing_token, run.fraction) == (None, 1.0)
    assert run.finished_at is not None


def test_what_a_run_used_cannot_be_deleted(make) -> None:
    run = make.run()
    for used in (run.models.get(), run.config, run.dataset, run.target, run.dataset.files):
        with pytest.raises(ProtectedError):
            used.delete()


def test_names_count_up(make) -> None:
    names = [make.run(models=[make.model("ridge")]).name for _ in range(2)]
    assert names == ["ridge-1", "ridge-2"]
    assert make.run(models=[], config=make.config("plain")).name == "plain-1"


def test_lists_ask_the_same_number_of_queries_however_long(make, django_assert_num_queries) -> None:
    make.run()
    with django_assert_num_queries(2):
        [[run.models.all() for run in ProfileRun.objects.for_list()]]
    for _ in range(5):
        make.run()
    with django_assert_num_queries(2):
        assert len([list(run.models.all()) for run in ProfileRun.objects.for_list()]) == 6


def test_the_spec_names_the_inputs_and_their_hashes(make) -> None:
    model = make.model("ridge")
    run = make.run(models=[model], load={"mode": "closed", "concurrency": 2})
    assert run.spec["models"] == [
        {"name": "ridge", "version": 1, "path": "models/ridge/1/model.txt"}
    ]
    assert run.spec["config"]["source_directory"] == "source/service"
    assert run.spec["dataset"]["path"] == "dataset/requests.jsonl"
    assert run.spec["load"] == {"mode": "closed", "concurrency": 2}
    assert "objective" not in run.spec
    assert run.input_hashes["models"] == {"ridge:1": model.files.sha256}
