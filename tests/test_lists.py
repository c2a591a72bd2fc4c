"""What all lists share: files of what is seen, columns, saved filters, what is done to many."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.contrib.auth.models import Group

from profiler_client.commands.lists import LISTS as EXPORTED
from runs import applying
from runs.lists.catalogue import LISTINGS
from runs.models import ChosenColumns, ProfileRun, Proposal, SavedFilter
from tests.measured_runs import failed_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

LISTS = sorted(LISTINGS)


def text_of(response) -> str:
    return response.content.decode()


def file_of(response) -> str:
    return response.getvalue().decode()


def rows_of(client, address: str) -> list[dict]:
    """The rows of a list as its CSV has them."""
    joined = "&" if "?" in address else "?"
    return list(csv.DictReader(io.StringIO(file_of(client.get(f"{address}{joined}format=csv")))))


@pytest.fixture
def viewer(client, bob):
    bob.groups.add(Group.objects.get_or_create(name="viewer")[0])
    client.force_login(bob)
    return client


@pytest.fixture
def filled(make, alice) -> ProfileRun:
    """A row in every list."""
    run = make.finished_run(models=[make.model("ridge", tags={"team": "risk"})])
    Proposal.objects.propose(run, run.models.all(), applying.advised_size(run), alice)
    return run


# --- Files ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_a_file_with_the_same_rows(signed_in, filled, name) -> None:
    address = f"{LISTINGS[name].url}?box=all"
    assert signed_in.get(address).status_code == 200
    found = json.loads(file_of(signed_in.get(f"{address}&format=json")))
    assert len(found) == len(rows_of(signed_in, address)) == 1
    assert list(found[0]) == list(rows_of(signed_in, address)[0])
    assert all("_at" not in key or found[0][key].endswith("Z") for key in found[0])


@pytest.mark.parametrize("name", LISTS)
def test_programs_get_the_same_file(signed_in, filled, name) -> None:
    page = f"{LISTINGS[name].url}?box=all&sort=-name"
    for form in ("csv", "json"):
        answer = signed_in.get(f"/api/v1/lists/{name}/{form}/?box=all&sort=-name")
        assert file_of(answer) == file_of(signed_in.get(f"{page}&format={form}"))
        assert f'filename="{name}.{form}"' in answer["Content-Disposition"]
    assert signed_in.get(f"/api/v1/lists/{name}/xml/").json()["code"] == "not_found"


@pytest.mark.parametrize("name", LISTS)
def test_every_list_shows_its_command_and_what_was_saved_of_it(
    signed_in, filled, alice, name
) -> None:
    SavedFilter.objects.create(user=alice, listing=name, name="Mine", query="q=r")
    page = text_of(signed_in.get(f"{LISTINGS[name].url}?box=all"))
    assert f"model-profiler export {name} " in page
    assert f'<a href="{LISTINGS[name].url}?q=r">Mine</a>' in page
    assert ('name="row"' in page) == (name != "targets")


def test_the_command_knows_every_list() -> None:
    assert sorted(EXPORTED) == LISTS


def test_a_file_has_all_pages_in_the_order_and_columns_of_the_view(signed_in, make) -> None:
    for number in range(30):
        make.model(f"m-{number:02}")
    found = rows_of(signed_in, "/models/?sort=-name&page=2&columns=runs")
    assert [row["name"] for row in found[:2]] == ["m-29", "m-28"]
    assert len(found) == 30
    assert list(found[0]) == ["name", "description", "runs"]


def test_a_file_keeps_the_filters_and_only_the_rows_that_were_checked(signed_in, make) -> None:
    failed_run(make, "OutOfMemory", "none", name="a")
    make.run(name="b")
    make.run(name="c")
    assert [row["name"] for row in rows_of(signed_in, "/runs/?state=failed")] == ["a"]
    answer = signed_in.post(
        "/lists/runs/bulk/", {"action": "csv", "row": ["b", "a"], "next": "/runs/?sort=name"}
    )
    assert answer.url == "/runs/?sort=name&rows=b,a&format=csv"
    assert [row["name"] for row in rows_of(signed_in, "/runs/?sort=name&rows=b,a")] == ["a", "b"]


def test_values_are_whole_numbers_with_their_unit_in_the_name(signed_in, filled) -> None:
    (row,) = json.loads(file_of(signed_in.get("/runs/?format=json")))
    assert (row["cpu_millicores"], row["memory_bytes"]) == (500, 1 << 29)
    assert row["models"] == ["ridge:1"]


def test_a_spreadsheet_takes_no_text_for_a_formula(signed_in, make) -> None:
    make.model("ridge", description="=1+1")
    assert rows_of(signed_in, "/models/")[0]["description"] == "'=1+1"
    assert json.loads(file_of(signed_in.get("/models/?format=json")))[0]["description"] == "=1+1"


def test_an_unknown_format_is_the_page(signed_in, filled) -> None:
    assert "text/html" in signed_in.get("/runs/?format=xml").headers["content-type"]


# --- Columns --------------------------------------------------------------------------------------
def test_columns_are_remembered_for_who_chose_them(signed_in, client, bob, filled, alice) -> None:
    assert "Target</a>" in text_of(signed_in.get("/runs/"))
    answer = signed_in.post(
        "/lists/runs/columns/", {"column": ["state", "objective", "nonsense"], "next": "/runs/?q=r"}
    )
    assert answer.url == "/runs/?q=r"
    page = text_of(signed_in.get("/runs/"))
    assert "Objective" in page
    assert "Target</a>" not in page
    assert ChosenColumns.objects.of(alice, "runs") == ["state", "objective"]
    client.force_login(bob)
    assert "Target</a>" in text_of(client.get("/runs/"))


def test_the_columns_of_an_address_stand_before_those_remembered(signed_in, filled, alice) -> None:
    ChosenColumns.objects.choose(alice, "runs", ["state"])
    assert list(rows_of(signed_in, "/runs/?columns=took")[0]) == ["name", "models", "took_s"]


def test_what_was_chosen_can_be_forgotten(signed_in, alice) -> None:
    ChosenColumns.objects.choose(alice, "runs", ["state"])
    signed_in.post("/lists/runs/columns/", {"default": ""})
    assert ChosenColumns.objects.of(alice, "runs") is None


# --- Saved filters --------------------------------------------------------------------------------
def test_a_filter_is_saved_under_a_name_shown_and_deleted(signed_in, filled, alice) -> None:
    query = "sort=name&state=failed"
    signed_in.post("/lists/runs/filters/", {"name": "Broken", "query": query})
    page = text_of(signed_in.get("/runs/"))
    assert '<a href="/runs/?sort=name&amp;state=failed">Broken</a>' in page
    current = text_of(signed_in.get("/runs/?state=failed&sort=name&page=1&q="))
    assert 'aria-current="page">Broken</a>' in current
    saved = SavedFilter.objects.get(user=alice)
    signed_in.post(f"/lists/runs/filters/{saved.pk}/delete/")
    assert not SavedFilter.objects.exists()


def test_the_same_name_again_replaces_the_filter(signed_in, alice) -> None:
    for query in ("state=failed", "state=queued"):
        signed_in.post("/lists/runs/filters/", {"name": "Mine", "query": query})
    assert SavedFilter.objects.get(user=alice).query == "state=queued"


def test_nobody_sees_or_deletes_the_filters_of_another(signed_in, client, bob, filled) -> None:
    saved = {"name": "Broken", "query": "state=failed"}
    signed_in.post("/lists/runs/filters/", saved, follow=True)
    client.force_login(bob)
    assert "Broken" not in text_of(client.get("/runs/"))
    client.post(f"/lists/runs/filters/{SavedFilter.objects.get().pk}/delete/")
    assert SavedFilter.objects.count() == 1


@pytest.mark.parametrize("name", ["", "x" * 61])
def test_a_filter_needs_a_name_of_a_sensible_length(signed_in, name) -> None:
    page = signed_in.post("/lists/runs/filters/", {"name": name, "query": "q=a"}, follow=True)
    assert "name" in text_of(page)
    assert not SavedFilter.objects.exists()


# --- Many at once ---------------------------------------------------------------------------------
def bulk(client, action: str, rows: list[str], listing: str = "runs", **fields: str):
    data = {"action": action, "row": rows, **fields}
    return client.post(f"/lists/{listing}/bulk/", data, follow=True)


def test_checked_runs_are_compared(signed_in, make) -> None:
    answer = signed_in.post("/lists/runs/bulk/", {"action": "compare", "row": ["a", "b"]})
    assert answer.url == "/runs/compare/?runs=a,b"


def test_cancelling_several_asks_first_and_says_what_happened_to_each(signed_in, make) -> None:
    failed_run(make, "OutOfMemory", "none", name="a")
    make.run(name="b")
    asked = text_of(bulk(signed_in, "cancel", ["a", "b"]))
    assert "What they measured is kept." in asked
    assert ProfileRun.objects.get(name="b").state == "queued"
    said = text_of(bulk(signed_in, "cancel", ["a", "b"], sure=""))
    assert 'Not cancelled, already failed:</b> <a href="/runs/a/">a</a>' in said
    assert 'Being cancelled; what it measured so far is kept:</b> <a href="/runs/b/">b</a>' in said
    assert ProfileRun.objects.get(name="b").state == "cancelled"


def test_runs_are_run_again_with_the_same_settings(signed_in, make, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    run = make.run(name="a", objective={"percentile": 99, "latency_ms": 20})
    bulk(signed_in, "again", ["a"], sure="")
    again = ProfileRun.objects.exclude(pk=run.pk).get()
    assert (again.objective, again.config, again.state) == (run.objective, run.config, "queued")
    assert list(again.models.all()) == list(run.models.all())


def test_a_target_that_takes_no_runs_takes_none_again(signed_in, make) -> None:
    make.run(name="a", target=make.target(name="lab", enabled=False))
    assert "Not run again: lab takes no runs now:" in text_of(
        bulk(signed_in, "again", ["a"], sure="")
    )
    assert ProfileRun.objects.count() == 1


def test_what_the_page_of_a_run_would_refuse_is_not_queued_from_the_list(
    signed_in, make, settings
) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = False
    make.run(name="a")
    assert "PROFILER_ALLOW_PROCESS_TARGET" in text_of(bulk(signed_in, "again", ["a"], sure=""))
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    make.run(name="b", limits={"cpu_millicores": 10**9})
    assert "Not run again: limits.cpu_millicores" in text_of(
        bulk(signed_in, "again", ["b"], sure="")
    )
    assert ProfileRun.objects.count() == 2


def test_several_models_get_a_tag_with_its_history(signed_in, make) -> None:
    one, two = make.model("a", tags={"team": "risk"}), make.model("b")
    refs = [one.ref, two.ref]
    assert "Value, empty to remove it" in text_of(bulk(signed_in, "tag", refs, "models"))
    said = text_of(bulk(signed_in, "tag", refs, "models", sure="", key="team", value="risk"))
    assert "Tag team was that already:" in said
    assert "Tag team is set to risk:" in said
    two.refresh_from_db()
    assert two.tags == {"team": "risk"}
    assert two.tag_events.count() == 1
    bulk(signed_in, "tag", refs, "models", sure="", key="team", value="")
    one.refresh_from_db()
    assert one.tags == {}


def test_a_viewer_sees_locked_actions_and_is_refused(viewer, filled) -> None:
    page = text_of(viewer.get("/runs/"))
    assert "This takes the role contributor" in page
    for action in ("cancel", "again", "keep", "release"):
        refused = bulk(viewer, action, [filled.name], sure="")
        assert refused.status_code == 403
    assert ProfileRun.objects.count() == 1
    assert bulk(viewer, "compare", [filled.name, filled.name]).status_code in (200, 400)


def test_checked_rows_of_a_list_in_which_nothing_is_done_are_a_file(signed_in, make) -> None:
    for name in ("a", "b", "c"):
        make.dataset(name)
    answer = signed_in.post("/lists/datasets/bulk/", {"action": "csv", "row": ["a:1", "c:1"]})
    assert sorted(row["name"] for row in rows_of(signed_in, answer.url)) == ["a", "c"]


def test_models_are_tagged_from_the_portfolio(signed_in, filled) -> None:
    said = text_of(bulk(signed_in, "tag", ["ridge:1"], "portfolio", sure="", key="a", value="b"))
    assert "Tag a is set to b:" in said


@pytest.mark.parametrize("name", LISTS)
def test_what_makes_no_sense_in_an_address_is_ignored(signed_in, filled, name) -> None:
    nonsense = "rows=x,y:z,%01&columns=%01&sort=nothing&page=-1&box=x&q=%01&state=%01"
    assert signed_in.get(f"{LISTINGS[name].url}?{nonsense}").status_code == 200
    assert signed_in.post(f"/lists/{name}/bulk/", {"action": "x", "row": "\0"}).status_code == 404


def test_nothing_checked_is_said(signed_in, filled) -> None:
    assert "Check at least one row first." in text_of(bulk(signed_in, "cancel", []))


@pytest.mark.parametrize("address", ["/lists/runs/bulk/", "/lists/nonsense/bulk/"])
def test_an_unknown_action_or_list_is_not_found(signed_in, address) -> None:
    assert signed_in.post(address, {"action": "explode", "row": "a"}).status_code == 404


def test_nobody_is_led_to_another_site(signed_in) -> None:
    answer = signed_in.post("/lists/runs/columns/", {"next": "https://example.com/"})
    assert answer.url == "/runs/"


# --- Sorting --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sort", "names"),
    [("size", ["small", "large", "none"]), ("-size", ["large", "small", "none"]),
     ("-took", ["large", "small", "none"])],
)  # fmt: skip
def test_runs_without_a_value_come_last_either_way(signed_in, make, sort, names) -> None:
    parts = {"config": make.config(), "dataset": make.dataset(), "target": make.target()}
    for name, cpu in (("none", None), ("small", 200), ("large", 900)):
        run = make.run(name=name, **parts)
        if cpu:
            advice = {"standing": "verified", "cpu_millicores": cpu, "memory_bytes": cpu << 20}
            now = run.created_at
            ProfileRun.objects.filter(pk=run.pk).update(
                advice=advice,
                state="succeeded",
                started_at=now,
                finished_at=now.replace(year=now.year + cpu // 100),
            )
    assert [row["name"] for row in rows_of(signed_in, f"/runs/?sort={sort}")] == names
    page = signed_in.get(f"/runs/?sort={sort}")
    assert [row.record.name for row in page.context["table"].page.object_list] == names


def test_the_file_of_many_rows_takes_no_more_queries(signed_in, make) -> None:
    parts = {"config": make.config(), "dataset": make.dataset(), "target": make.target()}

    def queries() -> int:
        return queries_of(lambda: file_of(signed_in.get("/runs/?format=csv")))

    make.run(**parts)
    one = queries()
    for _ in range(9):
        make.run(**parts)
    assert queries() == one
