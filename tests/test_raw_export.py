"""Raw data from a run's page, and what becomes of it when it is dropped."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.utils import timezone
from pyarrow import parquet

from runs import retention
from runs.models import Measurement, ProfileRun, SampleChunk
from runs.sweeper import Sweeper
from tests.measured_runs import sized_run

pytestmark = pytest.mark.django_db


def body_of(response) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


@pytest.fixture
def run(make) -> ProfileRun:
    return sized_run(make)


def old(run: ProfileRun, days: float) -> ProfileRun:
    ProfileRun.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(days=days))
    run.refresh_from_db()
    return run


# ---- export ----------------------------------------------------------------------------------
def test_all_of_a_run_is_one_archive_with_telling_names(signed_in, run) -> None:
    answer = signed_in.get(f"/runs/{run.name}/raw/csv/")
    assert f'filename="{run.name}-raw-csv.zip"' in answer["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(body_of(answer)))
    assert archive.testzip() is None
    last = run.measurements.last()
    name = f"{run.name}-{last.ordinal}-verifying-400m-requests.csv"
    assert len(archive.namelist()) == 2 * run.measurements.count()
    rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))
    assert len(rows) == last.requests
    assert float(rows[0]["scheduled_s"]) == 0
    assert {"latency_ms", "scheduled_ns", "bytes_received"} <= rows[0].keys()


def test_one_series_is_a_file_of_its_own(signed_in, run) -> None:
    last = run.measurements.last()
    answer = signed_in.get(f"/runs/{run.name}/raw/csv/{last.ordinal}/usage/")
    rows = list(csv.DictReader(io.StringIO(body_of(answer).decode())))
    assert float(rows[0]["at_s"]) == -2
    assert rows[0]["cpu_millicores_since_previous"] == ""
    assert answer["Content-Disposition"].endswith('-verifying-400m-usage.csv"')


def test_parquet_is_the_same_data(signed_in, run) -> None:
    archive = zipfile.ZipFile(io.BytesIO(body_of(signed_in.get(f"/runs/{run.name}/raw/parquet/"))))
    name = next(name for name in archive.namelist() if name.endswith("400m-requests.parquet"))
    assert parquet.read_table(io.BytesIO(archive.read(name))).num_rows == 600


def test_without_pyarrow_the_page_explains_and_the_address_is_not_found(
    signed_in, run, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    page = signed_in.get(f"/runs/{run.name}/").content.decode()
    assert "pip install pyarrow" in page
    assert "raw/parquet/" not in page
    assert signed_in.get(f"/runs/{run.name}/raw/parquet/").status_code == 404


def test_an_archive_is_sent_while_it_is_still_being_read(signed_in, run, monkeypatch) -> None:
    """No more than a few chunks are held, however long the run was."""
    from runs import raw_data

    monkeypatch.setattr(raw_data, "FETCHED", 1)
    read = []
    real = raw_data.codec.decode
    monkeypatch.setattr(raw_data.codec, "decode", lambda *a: read.append(1) or real(*a))
    pieces = iter(signed_in.get(f"/runs/{run.name}/raw/csv/"))
    next(pieces), next(pieces)
    assert len(read) < SampleChunk.objects.filter(run=run).count() / 2


@pytest.mark.parametrize("path", ["xlsx/", "csv/99/requests/", "csv/1/colour/"])
def test_what_is_not_there_is_not_found(signed_in, run, path) -> None:
    assert signed_in.get(f"/runs/{run.name}/raw/{path}").status_code == 404


# ---- retention -------------------------------------------------------------------------------
def test_by_default_raw_samples_are_kept_for_ever(run, settings) -> None:
    old(run, 10_000)
    assert retention.drop_outdated(within_s=60).chunks == 0
    assert run.chunks.exists()


def test_samples_of_old_runs_go_and_results_stay(signed_in, run, make, settings) -> None:
    settings.RAW_RETENTION_DAYS = 30
    young = old(sized_run(make), 29)
    old(run, 31)
    results = list(Measurement.objects.filter(run=run).values())
    Sweeper(run.target).drop_old_samples()
    assert not run.chunks.exists()
    assert young.chunks.exists()
    assert list(Measurement.objects.filter(run=run).values()) == results
    run.refresh_from_db()
    assert run.raw_dropped_at is not None

    page = signed_in.get(f"/runs/{run.name}/").content.decode()
    assert f"dropped on {run.raw_dropped_at:%-d %B %Y}" in page
    assert "/points/latency/" not in page
    assert (
        "RAW_RETENTION_DAYS" in signed_in.get(f"/runs/{run.name}/points/latency/").content.decode()
    )
    chart = signed_in.get(f"/runs/{run.name}/series/latency/").json()
    assert "dropped on" in chart["empty"]
    assert "figure" in signed_in.get(f"/runs/{run.name}/series/sizing/").json()
    assert signed_in.get(f"/runs/{run.name}/raw/csv/").status_code == 404


def test_a_program_is_told_that_they_were_dropped_and_when(signed_in, run) -> None:
    assert signed_in.get(f"/api/v1/runs/{run.name}/").json()["raw_dropped_at"] is None
    retention.drop(timezone.now())
    run.refresh_from_db()
    told = signed_in.get(f"/api/v1/runs/{run.name}/").json()["raw_dropped_at"]
    assert told == run.raw_dropped_at.isoformat().replace("+00:00", "Z")
    answer = signed_in.get(f"/api/v1/runs/{run.name}/raw/csv/")
    assert answer.status_code == 404
    assert "dropped on" in answer.json()["message"]
    assert "dropped on" in signed_in.get(f"/api/v1/runs/{run.name}/report/").content.decode()


def test_what_is_left_of_a_half_dropped_run_is_nowhere_taken_for_the_whole(
    signed_in, run, make, monkeypatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    assert not retention.drop(timezone.now(), within_s=0).is_done
    assert run.chunks.exists()
    for path in ("raw/csv/", f"raw/csv/{run.measurements.last().ordinal}/usage/",
                 "points/latency/csv/"):  # fmt: skip
        assert signed_in.get(f"/runs/{run.name}/{path}").status_code == 404
    page = signed_in.get(f"/runs/{run.name}/points/latency/").content.decode()
    assert "Dropped to free space" in page
    whole = sized_run(make)
    drawn = signed_in.get(
        "/runs/compare/series/latency/", {"runs": f"{run.name},{whole.name}"}
    ).json()
    assert [trace["name"] for trace in drawn["figure"]["data"]] == [whole.name]
    assert f"no samples of {run.name}" in drawn["footer"]


def test_a_run_can_be_excepted(client, root, run, settings) -> None:
    settings.RAW_RETENTION_DAYS = 30
    old(run, 31)
    client.force_login(root)
    chosen = {"action": "keep_raw", "_selected_action": [run.pk]}
    client.post("/admin/runs/profilerun/", chosen)
    assert retention.drop_outdated(within_s=60).chunks == 0
    assert run.chunks.exists()
    page = client.get(f"/runs/{run.name}/").content.decode()
    assert "Kept for ever: this run is excepted" in page
    client.post("/admin/runs/profilerun/", {**chosen, "action": "release_raw"})
    assert retention.drop_outdated(within_s=60).runs == 1


def test_a_run_is_excepted_from_its_page(signed_in, run, settings) -> None:
    settings.RAW_RETENTION_DAYS = 30
    old(run, 31)
    address = run.get_absolute_url()
    assert "Keep samples" in signed_in.get(address).content.decode()
    sent = {"action": "keep", "row": run.name, "next": address}
    asked = signed_in.post("/lists/runs/bulk/", sent)
    assert "kept for ever" in asked.content.decode()
    assert not ProfileRun.objects.get().keep_raw  # it asks first
    page = signed_in.post("/lists/runs/bulk/", {**sent, "sure": ""}, follow=True).content.decode()
    assert "Its raw samples are kept for ever" in page
    assert "Release samples" in page
    assert retention.drop_outdated(within_s=60).runs == 0
    signed_in.post("/lists/runs/bulk/", {**sent, "action": "release", "sure": ""})
    assert retention.drop_outdated(within_s=60).runs == 1
    gone = signed_in.post("/lists/runs/bulk/", {**sent, "sure": ""}, follow=True)
    assert "were dropped on" in gone.content.decode()
    assert not ProfileRun.objects.get().keep_raw
    words = LogEntry.objects.values_list("change_message", flat=True)
    assert [text.split("are ")[1][:5] for text in words] == ["under", "kept "]


def test_the_page_says_until_when_they_are_kept(signed_in, run, settings) -> None:
    settings.RAW_RETENTION_DAYS = 30
    until = run.finished_at + timedelta(days=30)
    page = signed_in.get(f"/runs/{run.name}/").content.decode()
    assert f"Kept until {until:%-d %B %Y}" in page


def test_a_running_run_keeps_its_samples(make, settings) -> None:
    settings.RAW_RETENTION_DAYS = 1
    run = sized_run(make)
    ProfileRun.objects.update(state="running", finished_at=None)
    assert retention.drop_outdated(within_s=60).chunks == 0
    assert run.chunks.exists()


def test_what_was_only_begun_is_gone_on_with(run, monkeypatch) -> None:
    """The time of a round is up after each batch; no half of a run is ever taken for the whole."""
    old(run, 31)
    monkeypatch.setattr(retention, "BATCH", 50)
    before = timezone.now() - timedelta(days=30)
    total = run.chunks.count()
    first = retention.drop(before, within_s=0)
    run.refresh_from_db()
    assert not first.is_done
    assert run.raw_dropped_at is not None
    marked_at = run.raw_dropped_at
    rounds = 1
    while not retention.drop(before, within_s=0).is_done:
        rounds += 1
    run.refresh_from_db()
    assert not run.chunks.exists()
    assert total > 50 and rounds > 1
    assert run.raw_dropped_at == marked_at


def test_by_hand_with_a_look_first(run, capsys) -> None:
    old(run, 31)
    call_command("prune_raw", older_than_days=30, dry_run=True)
    assert run.name in (said := capsys.readouterr().out)
    assert "1 run(s) would be dropped" in said
    assert run.chunks.exists()
    call_command("prune_raw", older_than_days=30)
    assert not run.chunks.exists()
    with pytest.raises(CommandError, match="0 or more"):
        call_command("prune_raw", older_than_days=-1)
