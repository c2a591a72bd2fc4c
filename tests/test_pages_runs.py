"""Runs in the browser: the list, one run in each of its states, its charts, its log."""

from __future__ import annotations

import json
import re

import pytest

from profiler import errors
from runs import formatting
from runs.models import LogChunk, ProfileRun, SampleChunk
from runs.remedies import REMEDIES
from tests.measured_runs import (
    PROBES,
    closed,
    failed_run,
    measured,
    record,
    record_samples,
    sized_run,
)
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

CHARTS = ("sizing", "latency", "distribution", "cpu", "memory")


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def running(make) -> ProfileRun:
    """A run whose first measurement is done and whose second is under way."""
    run = make.run(objective={"percentile": 95, "latency_ms": 50})
    token = run.begin(run.attempt)
    record(run, ordinal=1)
    _, requests, used = measured()
    record_samples(run, 2, "requests", "scheduled_ns", requests)
    record_samples(run, 2, "usage", "at_ns", used)
    now = {"ordinal": 2, "phase": "sizing", "cpu_millicores": 500, "memory_bytes": 1 << 30}
    run.heartbeat(token, current=now, phase="sizing", fraction=0.5, message="Trying 500m")
    run.refresh_from_db()
    return run


# --- List -----------------------------------------------------------------------------------------
def names_on(page) -> list[str]:
    return [row.record.name for row in page.context["table"].page.object_list]


def test_the_first_page_is_the_list_of_runs(signed_in) -> None:
    assert signed_in.get("/").headers["location"] == "/runs/"


def test_without_runs_the_list_says_how_to_begin(signed_in) -> None:
    page = text_of(signed_in.get("/runs/"))
    assert "No runs yet" in page
    assert 'href="/runs/new/"' in page


def test_the_list_shows_state_and_advised_size(signed_in, make) -> None:
    sized_run(make)
    failed_run(make, errors.SCRIPT_FAILED, "init() failed")
    page = text_of(signed_in.get("/runs/"))
    assert all(word in page for word in ("Verified", "400m", "128 MiB", "ScriptFailed"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=lasso", ["b"]),
        ("state=queued", ["b"]),
        ("state=failed", ["a"]),
        ("state=nonsense", ["b", "a"]),
        ("standing=verified", []),
        ("q=nothing", []),
        ("sort=name", ["a", "b"]),
    ],
)
def test_the_list_can_be_searched_filtered_and_sorted(signed_in, make, query, found) -> None:
    failed_run(make, errors.NO_GPU, "none", name="a")
    make.run(name="b", models=[make.model("lasso")])
    assert names_on(signed_in.get(f"/runs/?{query}")) == found


def test_twice_the_runs_take_no_more_queries(signed_in, make) -> None:
    parts = {"config": make.config(), "dataset": make.dataset(), "target": make.target()}
    for _ in range(5):
        make.run(**parts)
    five = queries_of(lambda: signed_in.get("/runs/"))
    for _ in range(5):
        make.run(**parts)
    assert queries_of(lambda: signed_in.get("/runs/")) == five


# --- One run --------------------------------------------------------------------------------------
def test_a_finished_run_shows_its_verdict_first(signed_in, make) -> None:
    run = sized_run(make)
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    assert page.index("Keeps p95 ≤ 50 ms") < page.index("Sizing curve") < page.index("Percentiles")
    assert f'href="/runs/{run.name}/apply/"' in page
    assert f'href="/runs/new/?clone={run.name}"' in page
    assert "data-live" not in page


def test_the_charts_are_of_the_verification_unless_another_is_asked_for(signed_in, make) -> None:
    run = sized_run(make)
    assert signed_in.get(f"/runs/{run.name}/").context["shown"].phase == "verifying"
    third = signed_in.get(f"/runs/{run.name}/?measurement=3")
    assert third.context["shown"].ordinal == 3
    for nonsense in ("99", "x", "-1"):
        page = signed_in.get(f"/runs/{run.name}/?measurement={nonsense}")
        assert page.context["shown"].phase == "verifying"


def test_why_a_measurement_is_not_to_be_believed_is_said(signed_in, make) -> None:
    run = sized_run(make)
    last = run.measurements.last()
    last.valid = False
    last.data["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    last.save()
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    assert "Not valid: The host was noisy." in page
    assert f'href="/runs/{run.name}/apply/"' not in page


def test_a_provisional_size_says_why(signed_in, make) -> None:
    run = sized_run(make, PROBES[:2])
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    assert "Why it is only provisional" in page


@pytest.mark.parametrize("code", REMEDIES)
def test_a_failed_run_says_what_happened_and_what_to_do(signed_in, make, code) -> None:
    run = failed_run(make, code, "It broke here.", "the last <line>")
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    assert all(words in page for words in (code, "It broke here.", "the last &lt;line&gt;"))
    assert "What to do" in page
    assert "is-locked" in page


def test_every_code_has_something_to_do() -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper()}
    assert codes == set(REMEDIES)


def test_a_cancelled_run_keeps_what_was_measured(signed_in, running, alice) -> None:
    running.request_cancel(alice)
    running.refresh_from_db()
    running.cancel(running.fencing_token)
    page = text_of(signed_in.get(f"/runs/{running.name}/"))
    assert "Cancelled by alice" in page
    assert "What was measured before is kept below." in page


def test_a_run_whose_budget_ended_says_so(signed_in, make) -> None:
    run = make.run()
    error = {"code": errors.TIMED_OUT, "message": "The budget ended.", "log_tail": ""}
    run.complete(run.begin(run.attempt), closed("timed_out", error=error))
    page = text_of(signed_in.get(f"/runs/{run.name}/"))
    assert "budget ended before anything was measured" in page
    assert "Give the run a larger budget" in page


def test_a_queued_run_says_how_many_are_before_it(signed_in, make) -> None:
    target = make.target()
    runs = [make.run(target=target) for _ in range(3)]
    make.run()
    said = [text_of(signed_in.get(f"/runs/{run.name}/live/")) for run in runs]
    assert f"Next on {target.name}" in said[0]
    assert f"One run is before it on {target.name}" in said[1]
    assert f"2 runs are before it on {target.name}" in said[2]


def test_a_running_run_shows_its_phases_and_what_it_does(signed_in, running) -> None:
    page = text_of(signed_in.get(f"/runs/{running.name}/"))
    assert all(words in page for words in ("Trying 500m", "50 %", 'aria-current="step"'))
    assert "data-live-chart" in page
    assert f'href="/runs/{running.name}/cancel/"' in page


def test_a_run_that_has_not_measured_yet_is_a_page_all_the_same(signed_in, make) -> None:
    run = make.run()
    run.begin(run.attempt)
    assert signed_in.get(f"/runs/{run.name}/").status_code == 200


def test_more_measurements_and_chunks_take_no_more_queries(signed_in, make) -> None:
    few, many = sized_run(make, PROBES[:2]), sized_run(make, PROBES)
    get = signed_in.get
    assert queries_of(lambda: get(f"/runs/{many.name}/")) == queries_of(
        lambda: get(f"/runs/{few.name}/")
    )


@pytest.mark.parametrize("part", ["", "live/", "series/cpu/", "log/", "apply/"])
def test_a_run_that_does_not_exist_is_not_found(signed_in, part) -> None:
    assert signed_in.get(f"/runs/nothing-1/{part}").status_code == 404


@pytest.mark.parametrize("part", ["", "live/", "series/cpu/", "log/", "apply/", "cancel/"])
def test_nothing_of_a_run_is_shown_to_strangers(client, make, part) -> None:
    run = make.run()
    answer = client.get(f"/runs/{run.name}/{part}")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/sign-in/")


# --- Live -----------------------------------------------------------------------------------------
def test_the_browsers_tab_says_how_a_run_goes(signed_in, make, running) -> None:
    assert "img/icon-running.svg" in text_of(signed_in.get(running.get_absolute_url()))
    done = sized_run(make)
    assert "img/icon-succeeded.svg" in text_of(signed_in.get(done.get_absolute_url()))


def test_the_live_part_is_a_fragment_with_the_title(signed_in, running) -> None:
    part = text_of(signed_in.get(f"/runs/{running.name}/live/", headers={"hx-request": "true"}))
    assert f"<title>{running.name} 50 %" in part
    assert "<html" not in part


def test_the_badge_beside_the_name_follows_the_run(signed_in, running) -> None:
    page = text_of(signed_in.get(running.get_absolute_url()))
    assert page.count('id="run-state"') == 1
    part = text_of(signed_in.get(f"/runs/{running.name}/live/", headers={"hx-request": "true"}))
    badge = part.partition('<span id="run-state" hx-swap-oob="true">')[2].partition("<input")[0]
    assert "Running" in badge


def test_the_body_comes_along_only_when_a_measurement_began_or_ended(signed_in, running) -> None:
    live = f"/runs/{running.name}/live/"
    seen = signed_in.get(live).context["seen"]
    assert "hx-swap-oob" not in text_of(signed_in.get(live, {"seen": seen}))
    running.chunks.all().delete()
    record(running, ordinal=2)
    assert "hx-swap-oob" in text_of(signed_in.get(live, {"seen": seen}))


def test_a_finished_run_ends_the_polling_and_reloads_the_page(signed_in, make) -> None:
    answer = signed_in.get(f"/runs/{sized_run(make).name}/live/")
    assert (answer.status_code, answer.headers["hx-refresh"]) == (286, "true")


def test_polling_reads_no_samples(signed_in, running) -> None:
    # What is expected of the run is worked out once.
    signed_in.get(f"/runs/{running.name}/live/")
    before = queries_of(lambda: signed_in.get(f"/runs/{running.name}/live/"))
    SampleChunk.objects.filter(run=running).delete()
    assert queries_of(lambda: signed_in.get(f"/runs/{running.name}/live/")) == before


# --- Charts ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("chart", CHARTS)
def test_a_finished_runs_charts_have_data(signed_in, make, chart) -> None:
    data = signed_in.get(f"/runs/{sized_run(make).name}/series/{chart}/").json()
    assert data["figure"]["data"]
    assert data["footer"]


def test_a_finished_runs_page_brings_the_charts_of_its_results(signed_in, make, running) -> None:
    embedded = re.compile(
        r'<script id="chart-data-([\w-]+)" type="application/json">(.*?)</script>', re.DOTALL
    )
    run = sized_run(make)
    drawn = dict(embedded.findall(text_of(signed_in.get(f"/runs/{run.name}/"))))
    assert drawn.keys() == {"sizing", "startup"}
    asked_for = signed_in.get(f"/runs/{run.name}/series/sizing/").json()
    assert json.loads(drawn["sizing"]) == {k: v for k, v in asked_for.items() if k != "version"}
    # A live one's charts grow: they are asked for again and again.
    assert not embedded.findall(text_of(signed_in.get(f"/runs/{running.name}/")))


@pytest.mark.parametrize("chart", ["latency", "cpu", "memory", "throughput"])
def test_a_chart_is_of_the_measurement_that_is_asked_for(signed_in, make, chart) -> None:
    run = sized_run(make)
    address = f"/runs/{run.name}/series/{chart}/"
    captions = {}
    for row in run.measurements.all():
        drawn = signed_in.get(address, {"measurement": row.ordinal}).json()["figure"]["layout"]
        size = f"{formatting.cpu(row.cpu_millicores)}, {formatting.memory(row.memory_bytes)}"
        captions[row.ordinal] = [one["text"] for one in drawn["annotations"]]
        assert f"{row.phase} at {size}" in captions[row.ordinal]
    for nonsense in ("99", "-1", "x", "9" * 40, "²"):
        drawn = signed_in.get(address, {"measurement": nonsense}).json()["figure"]["layout"]
        assert [one["text"] for one in drawn["annotations"]] == captions[row.ordinal]


@pytest.mark.parametrize(
    ("chart", "names"),
    [
        ("cpu", {"CPU used, millicores", "share of periods throttled"}),
        ("memory", {"in use", "anonymous", "shared", "file"}),
    ],
)
def test_charts_of_use_have_all_its_parts(signed_in, make, chart, names) -> None:
    data = signed_in.get(f"/runs/{sized_run(make).name}/series/{chart}/").json()["figure"]["data"]
    assert names <= {trace.get("name") for trace in data}


@pytest.mark.parametrize("chart", ["latency", "cpu", "memory"])
def test_a_live_chart_is_of_the_measurement_under_way(signed_in, running, chart) -> None:
    data = signed_in.get(f"/runs/{running.name}/series/{chart}/").json()
    captions = [one["text"] for one in data["figure"]["layout"]["annotations"]]
    assert "sizing at 500m, 1,024 MiB" in captions


@pytest.mark.parametrize("chart", CHARTS)
def test_what_the_page_has_already_is_not_sent_again(signed_in, running, chart) -> None:
    address = f"/runs/{running.name}/series/{chart}/"
    version = signed_in.get(address).json()["version"]
    assert signed_in.get(address, {"since": version}).status_code == 204
    assert signed_in.get(address, {"since": "older"}).status_code == 200


def test_new_samples_are_sent(signed_in, running) -> None:
    address = f"/runs/{running.name}/series/latency/"
    version = signed_in.get(address).json()["version"]
    chunk = SampleChunk.objects.filter(run=running, measurement=2, series="requests").last()
    chunk.pk, chunk.index = None, chunk.index + 1
    chunk.save()
    assert signed_in.get(address, {"since": version}).status_code == 200


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_without_samples_says_so(signed_in, make, chart) -> None:
    run = make.run()
    assert "empty" in signed_in.get(f"/runs/{run.name}/series/{chart}/").json()


def test_a_chart_that_does_not_exist_is_not_found(signed_in, make) -> None:
    assert signed_in.get(f"/runs/{make.run().name}/series/gauge/").status_code == 404


# --- Log ------------------------------------------------------------------------------------------
def test_the_whole_log_is_text(signed_in, make) -> None:
    answer = signed_in.get(f"/runs/{sized_run(make).name}/log/")
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"".join(answer).decode() == (
        "[building] Using the image\n[starting] Starting the service\n"
    )


def test_a_page_that_follows_gets_what_is_new(signed_in, running) -> None:
    LogChunk.objects.create(run=running, index=0, text="one\n")
    LogChunk.objects.create(run=running, index=1, text="two\n")
    address = f"/runs/{running.name}/log/"
    assert signed_in.get(address, {"after": 1}).json() == {
        "text": "two\n",
        "next": 2,
        "finished": False,
    }
    assert signed_in.get(address, {"after": 2}).json()["text"] == ""
    assert signed_in.get(address, {"after": "x"}).json()["text"] == "one\ntwo\n"


def test_words_are_found_in_the_whole_log_with_their_lines(signed_in, running, monkeypatch) -> None:
    LogChunk.objects.create(run=running, index=0, text="starting\nan Err")
    LogChunk.objects.create(run=running, index=1, text="or came\nand another error\n")
    address = f"/runs/{running.name}/log/"
    answer = signed_in.get(address, {"find": "ERROR"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.content.decode() == "2: an Error came\n3: and another error\n"
    assert signed_in.get(address, {"find": "no such words"}).content == b""
    monkeypatch.setattr("runs.log_search.MOST_LINES", 1)
    assert (
        "1 more lines have these words"
        in signed_in.get(address, {"find": "error"}).content.decode()
    )


def test_a_log_cannot_put_markup_into_the_page(signed_in, running) -> None:
    LogChunk.objects.create(run=running, index=0, text="<script>alert(1)</script>")
    assert "<script>alert" not in text_of(signed_in.get(f"/runs/{running.name}/"))
