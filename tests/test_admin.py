"""The admin shows every model, with results that cannot be edited, and RQ's dashboard."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin

from runs.models import ProfileRun

pytestmark = pytest.mark.django_db

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
    browser.post("/admin/runs/profilerun/", {"action": "cancel", **chosen})
    assert ProfileRun.objects.get(pk=run.pk).state == "cancelled"


def test_the_admin_is_for_staff(signed_in) -> None:
    assert signed_in.get("/admin/runs/profilerun/").status_code == 302


def test_the_queues_dashboard_is_inside_the_admin(browser, queue) -> None:
    answer = browser.get("/admin/django_rq/dashboard/")
    assert answer.status_code == 200
    assert b"local" in answer.content
