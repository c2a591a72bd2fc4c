"""Reports: all of a run or a comparison in one file that asks nobody for anything."""

from __future__ import annotations

import json
import re

import pytest

from tests.measured_runs import closed, failed_run, sized_run
from tests.test_pages_questions import rate_run

pytestmark = pytest.mark.django_db

#: Whatever a browser would fetch by itself when it opens a page.
LOADED = re.compile(r"""<(?:script|img|iframe|link)[^>]*(?:src|href)=|url\((?!"?data:|#)|@import""")
OWN_SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
OWN_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)


def report(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    assert answer["Content-Disposition"].startswith("attachment")
    return answer.content.decode()


def run_report(client, run) -> str:
    return report(client, f"/runs/{run.name}/report/")


def charts(written: str) -> dict[str, dict]:
    found = re.findall(
        r'<script id="chart-data-([\w-]+)" type="application/json">(.*?)</script>', written
    )
    return {name: json.loads(text) for name, text in found}


def test_times_in_a_report_are_utc_wherever_its_reader_is(signed_in, make) -> None:
    run = sized_run(make)
    signed_in.cookies["zone"] = "Asia/Tokyo"
    for written in (
        run_report(signed_in, run),
        report(signed_in, f"/runs/compare/report/?runs={run.name},{sized_run(make).name}"),
    ):
        shown = re.findall(r"(\d+ \w+ \d{4}, \d\d:\d\d)(?::\d\d)?(?:</b>)? UTC", written)
        assert f"{run.finished_at:%-d %B %Y, %H:%M}" in shown
        assert "<time" not in written


def test_a_report_has_what_a_reviewer_asks_for(signed_in, make) -> None:
    run = sized_run(make)
    run.spec = {"limits": {"cpu_millicores": 1000}}
    run.input_hashes = {"dataset": "ab" * 32, "models": {"ridge:1": "cd" * 32}}
    run.save()
    written = run_report(signed_in, run)
    for said in (
        "Keeps p95 ≤ 50 ms",
        "Verified",
        "Where memory peaks",
        "Percentiles",
        "Measurements",
        "Circumstances",
        "Xeon",
        "&quot;cpu_millicores&quot;: 1000",
        "ab" * 32,
        "models ridge:1",
        "[starting] Starting the service",
    ):
        assert said in written


def test_a_report_says_when_and_where_it_was_made(signed_in, make, settings) -> None:
    written = run_report(signed_in, sized_run(make))
    assert re.search(r"Report made on \d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC for alice", written)
    assert "http://testserver/" in written
    assert settings.PROFILER_INSTALLATION in written


def test_every_chart_has_its_data_in_the_file(signed_in, make) -> None:
    written = run_report(signed_in, sized_run(make))
    found = charts(written)
    assert found.keys() == set(re.findall(r'data-chart="([\w-]+)"', written))
    assert {"sizing", "latency", "throughput", "cpu", "memory", "distribution"} <= found.keys()
    assert "240 of 401 samples shown" in found["memory"]["footer"][0]


def test_nothing_is_loaded_from_anywhere(signed_in, make) -> None:
    runs = f"{sized_run(make).name},{sized_run(make).name}"
    for address in (f"/runs/{runs.split(',')[0]}/report/", f"/runs/compare/report/?runs={runs}"):
        written = report(signed_in, address)
        assert not LOADED.search(OWN_SCRIPT.sub("", OWN_STYLE.sub("", written)))
        assert not LOADED.search("".join(OWN_STYLE.findall(written)))
        assert "sprite.svg" not in written


def test_links_lead_to_the_installation(signed_in, make) -> None:
    run = sized_run(make)
    written = run_report(signed_in, run)
    links = set(re.findall(r'<a [^>]*href="([^"]*)"', written))
    assert f"http://testserver/runs/{run.name}/?measurement=1#latency" in links
    assert all(link.startswith(("http://testserver/", "#")) for link in links)


def test_nothing_can_be_done_in_a_report(signed_in, make) -> None:
    run = sized_run(make)
    written = OWN_SCRIPT.sub("", run_report(signed_in, run))
    assert "<form" not in written
    assert "Apply as tags" not in written
    assert "Use this size" not in re.sub(r"<[^>]*>", "", written)


def test_text_of_others_stays_text(signed_in, make) -> None:
    run = sized_run(make)
    run.spec = {"config": {"env": {"NOTE": "</pre><script>alert(1)</script>"}}}
    run.save()
    assert "<script>alert(1)" not in run_report(signed_in, run)


def test_the_file_stays_small_enough_to_send(signed_in, make) -> None:
    assert len(run_report(signed_in, sized_run(make)).encode()) < 2_500_000


def test_runs_of_every_ending_have_a_report(signed_in, make) -> None:
    failed = failed_run(make, "NeverReady", "It did not answer in 60 s.", "Traceback: no")
    assert "Traceback: no" in run_report(signed_in, failed)
    assert "✓ Capacity" in json.dumps(
        charts(run_report(signed_in, rate_run(make)))["rates"], ensure_ascii=False
    )
    bare = make.run()
    bare.complete(bare.begin(bare.attempt), closed("succeeded"))
    bare.refresh_from_db()
    assert "Finished without an advice" in run_report(signed_in, bare)


def test_a_run_that_goes_on_has_none_yet(signed_in, make) -> None:
    run = make.run()
    answer = signed_in.get(f"/runs/{run.name}/report/")
    assert answer.status_code == 409
    assert "has not ended yet" in answer.content.decode()


def test_a_comparison_has_its_tables_charts_specs_and_circumstances(signed_in, make) -> None:
    runs = [sized_run(make), sized_run(make)]
    written = report(
        signed_in, f"/runs/compare/report/?runs={runs[0].name},{runs[1].name}&x=cpu&y=rate"
    )
    assert "These runs are alike" in written
    assert "At the verified size" in written
    assert written.count("Spec of ridge-") == 2
    found = charts(written)
    assert {"sizing", "latency", "throughput", "cpu", "memory", "scatter"} == found.keys()
    assert found["scatter"]["units"] == ["cpu", "rate"]
    assert f"http://testserver/runs/{runs[1].name}/" in written


def test_what_cannot_be_compared_has_no_report(signed_in, make) -> None:
    answer = signed_in.get(f"/runs/compare/report/?runs={sized_run(make).name}")
    assert answer.status_code == 400


def test_only_who_is_signed_in_gets_one(client, make) -> None:
    assert client.get(f"/runs/{sized_run(make).name}/report/").status_code == 302


def test_programs_get_reports_too(signed_in, make) -> None:
    run, other = sized_run(make), sized_run(make)
    assert "Report made on" in report(signed_in, f"/api/v1/runs/{run.name}/report/")
    compared = report(signed_in, f"/api/v1/compare/report/?runs={run.name},{other.name}")
    assert f"http://testserver/runs/{other.name}/" in compared
    refused = signed_in.get(f"/api/v1/runs/{make.run().name}/report/")
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    alone = signed_in.get(f"/api/v1/compare/report/?runs={run.name}")
    assert (alone.status_code, set(alone.json()["fields"])) == (400, {"runs"})
