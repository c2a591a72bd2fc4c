"""What is done to a run from its page: cancel it in two steps, repeat it, compare it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs import queue
from runs.models import ProfileRun, Proposal
from tests.measured_runs import closed, sized_run

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def running(make) -> ProfileRun:
    run = make.run()
    token = run.begin(run.attempt)
    run.heartbeat(token, phase="sizing", fraction=0.5, message="Trying 500m")
    run.refresh_from_db()
    return run


@pytest.fixture
def killed(monkeypatch) -> list[str]:
    """The runs whose jobs the queue server was told to kill."""
    names: list[str] = []
    monkeypatch.setattr(queue, "kill", lambda run: names.append(run.name))
    return names


# --- The first step: ask it to stop ---------------------------------------------------------------
def test_a_queued_run_is_cancelled_at_once(signed_in, make, alice) -> None:
    run = make.run()
    assert "It has not begun" in text_of(signed_in.get(f"/runs/{run.name}/cancel/"))
    page = signed_in.post(f"/runs/{run.name}/cancel/", follow=True)
    run.refresh_from_db()
    assert (run.state, run.cancel_requested_by) == ("cancelled", alice)
    assert "is being cancelled" in text_of(page)
    assert "Cancelled by alice" in text_of(page)


def test_a_running_run_is_asked_to_stop_after_a_confirmation(signed_in, running) -> None:
    asked = text_of(signed_in.get(f"/runs/{running.name}/cancel/"))
    assert "It is sizing, at 50 %" in asked
    assert "Ask it to stop" in asked
    running.refresh_from_db()
    assert not running.is_cancelling, "looking at the page cancels nothing"
    page = text_of(signed_in.post(f"/runs/{running.name}/cancel/", follow=True))
    running.refresh_from_db()
    assert running.is_cancelling
    assert "Asked to stop by alice" in page
    assert "Stop by force" in page


def test_a_run_that_obeys_says_that_it_stopped_by_itself(signed_in, running, bob) -> None:
    running.request_cancel(bob)
    running.complete(running.fencing_token, closed("cancelled", error=None))
    page = text_of(signed_in.get(f"/runs/{running.name}/"))
    assert "Cancelled by bob" in page
    assert "It stopped by itself" in page
    assert "by force" not in page


def test_asking_twice_or_too_late_says_so(signed_in, running, make) -> None:
    signed_in.post(f"/runs/{running.name}/cancel/")
    again = signed_in.post(f"/runs/{running.name}/cancel/", follow=True)
    assert "is already being cancelled" in text_of(again)
    done = sized_run(make)
    for late in (
        signed_in.post(f"/runs/{done.name}/cancel/", follow=True),
        signed_in.get(f"/runs/{done.name}/cancel/", follow=True),
    ):
        assert "is already succeeded" in text_of(late)


def test_cancel_needs_the_forms_token(make, alice) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    run = make.run()
    assert strict.post(f"/runs/{run.name}/cancel/").status_code == 403


def test_a_lost_worker_cannot_bring_a_cancelled_run_back(signed_in, make) -> None:
    run = make.run()
    signed_in.post(f"/runs/{run.name}/cancel/")
    assert not run.heartbeat(uuid.uuid4(), fraction=0.9)
    assert run.begin(run.attempt) is None


# --- The second step: by force --------------------------------------------------------------------
def test_a_run_that_does_not_stop_is_stopped_by_force(
    signed_in, running, alice, bob, killed, django_capture_on_commit_callbacks
) -> None:
    running.request_cancel(bob)
    asked = text_of(signed_in.get(f"/runs/{running.name}/cancel/"))
    assert "asked to stop by <b>bob</b>" in asked
    with django_capture_on_commit_callbacks(execute=True):
        page = signed_in.post(f"/runs/{running.name}/cancel/", {"force": "1"}, follow=True)
    token = running.fencing_token
    running.refresh_from_db()
    assert (running.state, running.cancel_forced_by) == ("cancelled", alice)
    assert killed == [running.name]
    assert not running.heartbeat(token), "its worker can write nothing more"
    assert "Cancelled by bob, stopped by force by alice" in text_of(page)


def test_nothing_is_forced_that_was_not_asked_to_stop(signed_in, running, killed) -> None:
    page = signed_in.post(f"/runs/{running.name}/cancel/", {"force": "1"}, follow=True)
    assert "is not asked to stop yet" in text_of(page)
    running.refresh_from_db()
    assert (running.state, running.cancel_requested_at) == ("running", None)
    assert killed == []


def test_a_queue_server_that_is_away_does_not_keep_a_run_from_being_closed(running, bob) -> None:
    running.request_cancel(bob)
    assert running.force_cancel(bob)
    queue.kill(running)  # no server listens in this test; it is logged, and no error


# --- How much is left -----------------------------------------------------------------------------
def test_a_live_run_says_how_much_is_left_and_why(signed_in, running, make) -> None:
    earlier = make.run(config=running.config, dataset=running.dataset, target=running.target)
    ProfileRun.objects.filter(pk=earlier.pk).update(
        state="succeeded",
        finished_at=timezone.now(),
        phase_times=[{"phase": "measuring", "seconds": 100}],
    )
    ProfileRun.objects.filter(pk=running.pk).update(
        started_at=timezone.now() - timedelta(seconds=30)
    )
    page = text_of(signed_in.get(f"/runs/{running.name}/live/"))
    assert "About 50 s to 1 min 35 s left" in page
    assert "the last run of score here took 1 min 40 s" in page


# --- Again ----------------------------------------------------------------------------------------
def test_a_run_is_repeated_with_one_click(signed_in, make, bob, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    run = sized_run(make, load={"mode": "open", "rate_rps": 5}, budget={"duration_s": 60})
    page = signed_in.post(f"/runs/{run.name}/again/", follow=True)
    again = ProfileRun.objects.latest("pk")
    assert page.redirect_chain[-1][0] == f"/runs/{again.name}/"
    assert again.name == "ridge-2"
    assert (again.spec, again.input_hashes) == (run.spec, run.input_hashes)
    assert list(again.models.all()) == list(run.models.all())


def test_what_cannot_be_repeated_as_it_was_goes_to_the_form(signed_in, make, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    run = sized_run(make)
    run.target.enabled = False
    run.target.save()
    page = signed_in.post(f"/runs/{run.name}/again/", follow=True)
    assert page.redirect_chain[-1][0] == f"/runs/new/?clone={run.name}"
    assert "takes no runs now" in text_of(page)
    assert ProfileRun.objects.count() == 1


def test_viewers_neither_cancel_nor_repeat(client, make, bob, settings) -> None:
    settings.DEFAULT_ROLE = "viewer"
    client.force_login(bob)
    run = make.run()
    assert client.post(f"/runs/{run.name}/again/").status_code == 403
    assert client.get(f"/runs/{run.name}/cancel/").status_code == 403
    assert f"/runs/{run.name}/cancel/" not in text_of(client.get(f"/runs/{run.name}/"))


# --- Against the baseline -------------------------------------------------------------------------
def test_the_latest_verified_run_of_the_model_is_the_baseline(signed_in, make) -> None:
    model = make.model()
    oldest, verified, run = (sized_run(make, models=[model]) for _ in range(3))
    make.finished_run("provisional", models=[model])
    make.finished_run(models=[make.model("other")])
    assert ProfileRun.objects.baseline_of(run) == verified
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    link = f"?runs={verified.name}&amp;runs={run.name}&amp;base={verified.name}"
    assert link in page
    compared = signed_in.get(f"/runs/compare/{link.replace('&amp;', '&')}")
    assert compared.status_code == 200
    assert oldest.name not in text_of(compared)


def test_a_pinned_baseline_comes_before_the_latest(make, alice) -> None:
    model = make.model()
    pinned, _, run = (make.finished_run(models=[model]) for _ in range(3))
    proposal = Proposal.objects.create(run=run, size={}, created_by=alice, baseline=pinned)
    proposal.models.add(model)
    assert ProfileRun.objects.baseline_of(run) == pinned


def test_an_only_run_has_no_baseline(signed_in, make) -> None:
    run = sized_run(make)
    assert ProfileRun.objects.baseline_of(run) is None
    assert "Compare with baseline" not in text_of(signed_in.get(f"/runs/{run.name}/"))
