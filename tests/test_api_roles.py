"""Who may change what through the REST API."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group

from runs.models import (
    ApiToken,
)
from tests.api_calls import refused, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed", "unthrottled")]


WRITES = (
    ("models/", "post"), ("datasets/", "post"), ("configs/", "post"), ("runs/", "post"),
    ("models/ridge:1/", "patch"), ("runs/x/cancel/", "post"), ("runs/x/apply/", "post"),
    ("runs/x/mend/", "post"), ("runs/x/again/", "post"), ("bulk/runs/cancel/", "post"),
    ("bulk/review/apply/", "post"), ("proposals/", "post"), ("proposals/1/comment/", "post"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_a_viewer_changes_nothing(signed_in, alice, path: str, method: str) -> None:
    alice.groups.add(Group.objects.get_or_create(name="viewer")[0])
    body = refused(send(signed_in, path, {}, method), 403, "permission_denied")
    assert "takes the role contributor" in body["message"]


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_a_token_that_may_only_read_changes_nothing(client, alice, path: str, method: str) -> None:
    _, text = ApiToken.objects.make(user=alice, name="ci")
    answer = send(client, path, {}, method, Authorization=f"Bearer {text}")
    assert "may only read" in refused(answer, 403, "permission_denied")["message"]


def test_a_token_that_may_write_does_what_its_user_may(client, alice, make) -> None:
    make.model("ridge")
    _, text = ApiToken.objects.make(user=alice, name="ci", scope="write")
    answer = send(
        client, "models/ridge:1/", {"tags": {"a": "b"}}, "patch", Authorization=f"Bearer {text}"
    )
    assert answer.json()["tags"] == {"a": "b"}


def test_a_page_of_another_site_cannot_write_with_the_visitors_session(alice, make) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = send(browser, f"runs/{make.run().name}/cancel/")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "permission_denied")
