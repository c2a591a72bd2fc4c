"""The admin shows every model, with results that cannot be edited; what is done to runs is asked
first and written down."""

from __future__ import annotations

import html
import re
import shlex
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from runs.models import ChosenColumns, ProfileRun, SavedFilter
from tests.measured_runs import sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

RUNS = "/admin/runs/profilerun/"
#: RunModel is a line of a run, not something to look at alone.
REGISTERED = [
    model
    for model in apps.get_app_config("runs").get_models()
    if not model.__name__.startswith("Historical") and model.__name__ != "RunModel"
]


@pytest.fixture
def browser(client, root):
    client.force_login(root)
    return client


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_every_model_can_be_listed_searched_and_looked_at(browser, make, model) -> None:
    make.finished_run()
    assert admin.site.is_registered(model)
    place = f"/admin/runs/{model._meta.model_name}/"
    assert browser.get(place).status_code == 200
    assert browser.get(place, {"q": "ridge"}).status_code == 200
    if row := model.objects.first():
        assert browser.get(f"{place}{row.pk}/change/").status_code == 200


def test_results_cannot_be_added_or_changed(browser, make) -> None:
    run = make.finished_run()
    assert browser.get("/admin/runs/profilerun/add/").status_code == 403
    answer = browser.post(f"/admin/runs/profilerun/{run.pk}/change/", {"name": "better"})
    assert answer.status_code == 403


def test_an_unfinished_run_is_not_deleted_but_can_be_cancelled(browser, make) -> None:
    run = make.run()
    chosen = {"_selected_action": [run.pk]}
    browser.post("/admin/runs/profilerun/", {"action": "delete_selected", "post": "yes", **chosen})
    asked = browser.post("/admin/runs/profilerun/", {"action": "cancel", **chosen})
    assert "It never begins." in asked.content.decode()
    assert f"model-profiler run cancel {run.name}" in asked.content.decode()
    assert ProfileRun.objects.get(pk=run.pk).state == "queued"
    browser.post("/admin/runs/profilerun/", {"action": "cancel", "confirmed": "yes", **chosen})
    assert ProfileRun.objects.get(pk=run.pk).state == "cancelled"
    assert LogEntry.objects.get().change_message == "Cancelled."


def test_the_admin_is_for_staff(client, alice, root) -> None:
    first = client.get("/admin/runs/profilerun/", follow=True)
    assert first.redirect_chain[-1][0] == "/sign-in/?next=/admin/runs/profilerun/"
    client.force_login(alice)
    refused = client.get("/admin/runs/profilerun/", follow=True)
    assert refused.status_code == 403
    assert "The administration is for staff" in refused.content.decode()
    client.force_login(root)
    assert client.get("/admin/login/").url == "/admin/"


def test_the_admin_has_the_search_and_the_keys_of_the_site(browser) -> None:
    page = browser.get("/admin/runs/profilerun/").content.decode()
    assert "data-search-box" in page
    assert "<dialog" in page and "js/keys.js" in page
    assert '"allowEval": false' in page


def chosen(action: str, *runs: ProfileRun, **more: str) -> dict:
    return {"action": action, "_selected_action": [run.pk for run in runs], **more}


def test_putting_a_run_back_asks_first_and_is_written_down(browser, make, root) -> None:
    running, finished = make.run(), make.finished_run()
    token = running.begin(1)
    page = browser.post(RUNS, chosen("requeue", running, finished)).content.decode()
    assert "Attempt 1 ends" in page and "Run it again from its page" in page
    running.refresh_from_db()
    assert running.state == "running"
    browser.post(RUNS, chosen("requeue", running, finished, confirmed="yes"))
    running.refresh_from_db()
    assert (running.state, running.attempt) == ("queued", 2)
    # Its former worker may write no more.
    assert not running.heartbeat(token)
    finished.refresh_from_db()
    assert finished.state == "succeeded"
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (root, running.name)
    assert "Put back on the queue" in entry.change_message


@pytest.mark.parametrize("name", ["requeue", "close"])
def test_the_command_that_a_page_shows_does_the_same(browser, make, queue, capsys, name) -> None:
    run, finished = make.run(), make.finished_run()
    run.begin(1)
    page = browser.post(RUNS, chosen(name, run, finished)).content.decode()
    line = html.unescape(re.search(r'<pre id="by-manage"[^>]*>([^<]*)</pre>', page).group(1))
    _, program, *arguments = shlex.split(line)
    assert program == "manage.py"
    call_command(*arguments, "--dry-run")
    assert "Attempt 1 ends" in capsys.readouterr().out or name == "close"
    run.refresh_from_db()
    assert run.state == "running"
    call_command(*arguments)
    said = capsys.readouterr().out
    assert "1 of 2 run(s)" in said and f"{finished.name}: Nothing: it is finished." in said
    run.refresh_from_db()
    assert run.state == {"requeue": "queued", "close": "failed"}[name]
    assert LogEntry.objects.get().user.username == "root"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nothing", "--by", "root"], "There is no run nothing."),
     (["nothing", "--by", "nobody"], "There is no user nobody."),
     (["nothing", "--by", "alice"], "takes a permission")],
)  # fmt: skip
def test_a_command_for_runs_says_who_and_what_is_missing(root, alice, arguments, words) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("requeue", *arguments)


def test_closing_a_run_takes_a_reason(browser, make) -> None:
    run = make.run()
    run.begin(1)
    page = browser.post(RUNS, chosen("close", run, confirmed="yes")).content.decode()
    assert 'aria-invalid="true"' in page
    browser.post(RUNS, chosen("close", run, confirmed="yes", why="The host burnt down."))
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "WorkerLost")
    assert run.error_message == "Closed by root: The host burnt down."


def test_what_administrators_did_cannot_be_changed_or_removed(browser, make) -> None:
    run = make.run()
    browser.post(RUNS, chosen("close", run, confirmed="yes", why="Enough."))
    place = f"/admin/admin/logentry/{LogEntry.objects.get().pk}"
    assert browser.get("/admin/admin/logentry/").status_code == 200
    assert browser.post(f"{place}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{place}/change/", {"change_message": "x"}).status_code == 403


def test_the_queues_say_who_is_alive_what_waits_and_what_failed(browser, make, queue) -> None:
    lost, failed = make.run(), make.run()
    failed.fail(failed.begin(1), "ScriptFailed", "score.py has no run().")
    page = browser.get("/admin/queues/").content.decode()
    assert "No worker is heard of" in page
    assert f'name="_selected_action" value="{lost.pk}"' in page
    # Its transaction never committed in this test, so its job was never put there.
    assert lost.name in page and "It has no job on the queue" in page
    assert "ScriptFailed" in page and "score.py has no run()." in page


def test_queues_are_shown_without_a_queue_server(browser, make, settings) -> None:
    nowhere = {"URL": "unix:///nowhere/queue.sock", "SERIALIZER": "rq.serializers.JSONSerializer"}
    settings.RQ_QUEUES = dict.fromkeys(settings.RQ_QUEUES, nowhere)
    make.run()
    assert "cannot be reached" in browser.get("/admin/queues/").content.decode()


@pytest.mark.parametrize("count", [10, 20])
def test_the_queues_ask_the_database_the_same_for_any_number_of_runs(
    browser, make, queue, count
) -> None:
    common = {"models": [make.model()], "config": make.config(), "dataset": make.dataset()}
    target = make.target()
    for _ in range(count):
        make.run(target=target, **common)
    assert queries_of(lambda: browser.get("/admin/queues/")) <= 14


def test_a_sweep_says_what_it_will_do_and_does_it(browser, make, queue) -> None:
    run = make.run()
    run.begin(1)
    ProfileRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    page = browser.get("/admin/queues/sweep/").content.decode()
    assert run.name in page and "no sweeper is heard of" in page
    assert f"manage.py sweep --once --target {run.target.name}" in page
    browser.post("/admin/queues/sweep/")
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "WorkerLost")
    assert str(LogEntry.objects.get()).startswith("Changed “Sweep” — Closed 1 run(s)")


def test_raw_samples_are_dropped_after_saying_of_which_runs(browser, make) -> None:
    run = sized_run(make)
    ProfileRun.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(days=100))
    assert "of 1 run" in browser.get("/admin/samples/").content.decode()
    assert "may go" in browser.get("/admin/samples/drop/?days=200").content.decode()
    page = browser.get("/admin/samples/drop/?days=90").content.decode()
    assert run.name in page and "manage.py prune_raw --older-than-days 90" in page
    assert run.chunks.exists()
    browser.post("/admin/samples/drop/", {"days": "90"})
    assert not run.chunks.exists()
    assert "Dropped the raw samples of 1 run(s)." in str(LogEntry.objects.get())
    assert browser.get("/admin/samples/drop/?days=-1").status_code == 302


def test_staff_without_permissions_are_refused(client, alice, make) -> None:
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    for place in ("queues/", "queues/sweep/", "samples/", "samples/drop/"):
        assert client.get(f"/admin/{place}").status_code == 403


def test_the_index_has_sections_and_every_kind_of_row_once(browser) -> None:
    page = browser.get("/admin/").content.decode()
    for title in ("People", "Registry", "Where runs execute", "Queues", "Kept for the record"):
        assert title in page
    for model in REGISTERED:
        assert page.count(f'<a href="/admin/runs/{model._meta.model_name}/">') == 1


def test_what_is_only_a_persons_own_goes_with_them(browser) -> None:
    carol = User.objects.create_user("carol")
    SavedFilter.objects.create(user=carol, listing="runs", name="mine", query="state=failed")
    ChosenColumns.objects.create(user=carol, listing="runs", columns=["name"])
    address = f"/admin/auth/user/{carol.pk}/delete/"
    assert "Are you sure" in browser.get(address).content.decode()
    browser.post(address, {"post": "yes"})
    assert not User.objects.filter(pk=carol.pk).exists()


def test_people_are_listed_with_their_roles(browser, django_user_model) -> None:
    carol = django_user_model.objects.create_user("carol")
    carol.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    page = browser.get("/admin/auth/user/").content.decode()
    assert "reviewer" in page
    assert "are roles" in browser.get(f"/admin/auth/user/{carol.pk}/change/").content.decode()
