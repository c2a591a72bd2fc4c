"""The benchmarks: each can be run, and what they call the truth is computed rightly."""

from __future__ import annotations

import runpy
import shutil
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench import all as all_benchmarks
from bench import memory, render
from bench.kit import truth
from bench.kit.report import Goal, Row, said
from bench.kit.truth_server import SOURCE, TruthServer, compiled
from profiler.arrivals.schedule import arrivals
from profiler.spec import Stage

BENCH = Path(__file__).resolve().parent.parent / "bench"
MS = 1_000_000


@pytest.mark.parametrize("path", sorted(BENCH.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_script_says_what_it_is_for(path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_all_of_them_are_run_and_have_a_place_in_the_documentation() -> None:
    scripts = {path.stem for path in BENCH.glob("[a-z]*.py")} - {"all", "render", "pages"}
    assert set(all_benchmarks.BENCHMARKS) == scripts
    places = [place["name"] for place in render.PLACE.finditer(render.PAGE.read_text())]
    assert sorted(places) == sorted(scripts)


def test_the_documentation_shows_the_figures_that_are_kept() -> None:
    for path in (render.PAGE, render.PAGES_PAGE):
        page = path.read_text()
        assert render.rendered(page, render.read_results()) == page, "run bench/render.py"


# What is told


def test_a_goal_is_for_the_median_of_all_repeats() -> None:
    row = Row(("5,000/s",), values=(0.09, 0.3, 0.05), unit="ms", goal=Goal(0.1, "ms"))
    assert row.reached
    assert row.measured == "0.09 ms (0.05 ms to 0.3 ms)"
    assert not Row((), values=(0.2, 0.3, 0.05), goal=Goal(0.1, "ms")).reached
    assert Row((), values=(0.95,), goal=Goal(0.9, "share", at_least=True)).reached


def test_what_could_not_be_measured_reaches_no_goal() -> None:
    row = Row((), goal=Goal(0.1, "ms"))
    assert row.reached is False
    assert row.measured == "not measured"


@pytest.mark.parametrize(("value", "unit", "text"), [
    (0.0123, "share", "1.23 %"), (1234.5, "ms", "1,234 ms"), (0, "ms", "0 ms"),
    (0.00004, "ms", "4e-05 ms"), (2, "times", "2 times"),
])  # fmt: skip
def test_figures_keep_three_digits(value, unit, text) -> None:
    assert said(value, unit) == text


def test_tables_go_between_their_marks_and_nowhere_else() -> None:
    page = "before\n\n[//]: # (results of cpu)\n\nold\n\n[//]: # (end of cpu)\n\nafter\n"
    row = Row(("1 process",), (0.02,), "share", Goal(0.01, "share")).to_json()
    table = {"title": "CPU", "columns": [""], "figure": "off by", "rows": [row]}
    facts = {"started_at": "2026-01-01", "cpu_model": "Xeon", "cores": 2, "kernel": "6.1",
             "cgroup_version": "v2", "docker": None, "python": "3.11", "engine_version": "1",
             "load_before": {"1m": 0.0}}  # fmt: skip
    found = {"tables": [table], "notes": [], "circumstances": facts, "took_s": 1.0}
    text = render.rendered(page, {"cpu": found})
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| 1 process | 2 % | at most 1 % | **NOT reached** |" in text
    assert render.rendered(text, {"cpu": found}) == text
    assert render.NOTHING in render.rendered(text, {})


# The truth of a load


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (99, 10), (99.9, 10), (10, 1), (11, 2)])
def test_percentiles_of_the_truth_are_nearest_rank(percent, value) -> None:
    assert truth.percentile(np.arange(10, 0, -1), percent) == value


def log_of(*requests: tuple[int, int, int, int]) -> truth.ServerLog:
    return truth.ServerLog(np.array(list(requests), truth._RECORD), np.array([], truth._STALL))


def test_a_request_is_found_in_the_log_by_its_number() -> None:
    due_ns = np.array([10, 20, 30], np.int64) * MS + 10**18  # larger than a float can tell apart
    log = log_of((3, *[10**18 + at * MS for at in (31, 32, 33)]),
                 (0, 1, 2, 3),  # somebody else's
                 (1, *[10**18 + at * MS for at in (11, 12, 17)]))  # fmt: skip
    assert truth.latencies_ms(due_ns, log) == pytest.approx([7, np.nan, 3], nan_ok=True)
    assert truth.received_ms(due_ns, log) == pytest.approx([1, 1])


def columns(start_ns: int, rate_rps: float = 100.0, seed: int = 3) -> dict[str, np.ndarray]:
    return {"scheduled_ns": arrivals(Stage("open", rate_rps=rate_rps, requests=50), seed, start_ns)}


def test_due_times_are_made_anew_from_the_seed() -> None:
    told = columns(5_000 * MS)
    asked_ns = 5_000 * MS - 3 * MS
    assert np.array_equal(truth.due_times(told, 100.0, 3, asked_ns), told["scheduled_ns"])


def test_without_the_seeds_schedule_there_is_no_truth() -> None:
    moved = columns(5_000 * MS)
    moved["scheduled_ns"][7] += 1
    with pytest.raises(ValueError, match="not those of its seed"):
        truth.due_times(moved, 100.0, 3, 5_000 * MS)
    with pytest.raises(ValueError, match=r"began -10\.0 ms after"):
        truth.due_times(columns(5_000 * MS), 100.0, 3, 5_010 * MS)


def test_requests_that_the_server_never_saw_are_not_passed_over() -> None:
    log = log_of((1, 1, 1, 2), (2, 1, 1, 2), (9, 1, 1, 2))
    assert list(log.of(np.array([2, 1])).requests["id"]) == [1, 2]
    with pytest.raises(ValueError, match="not in the server's log"):
        log.of(np.array([1, 3]))


def test_half_a_log_is_refused(tmp_path) -> None:
    (tmp_path / "log").write_bytes(np.array([truth._MAGIC, 2, 0], "<i8").tobytes() + bytes(32))
    with pytest.raises(ValueError, match="no whole log"):
        truth.read_log(tmp_path / "log")


def test_the_server_logs_what_waited_for_it(tmp_path) -> None:
    """A request sent while it stands still arrives then, is read later, and answered last."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    server = TruthServer(compiled(SOURCE, tmp_path), stall_ms=200, stalls_at_ms=[300])
    with server, socket.create_connection((server.address.host, server.address.port)) as client:
        ask(client, 1)
        time.sleep(0.35)
        ask(client, 2)
    first, second = server.log.requests
    (stall,) = server.log.stalls
    assert [first["id"], second["id"]] == [1, 2]
    assert stall["end_ns"] - stall["begin_ns"] >= 200 * MS
    assert first["arrived_ns"] <= first["read_ns"] <= first["finished_ns"] < second["arrived_ns"]
    # A busy host may send the second only once the stall is over; then nothing waited.
    if second["arrived_ns"] < stall["end_ns"]:
        assert second["read_ns"] >= stall["end_ns"]


def ask(client: socket.socket, number: int) -> None:
    client.sendall(b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n" % number)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")


# The truth of memory


def test_a_step_is_shown_by_the_next_sample_or_a_later_one() -> None:
    at_ns = np.array([0, 20, 40, 60]) * MS
    grown = np.array([0, 0, 8, 10]) << 20
    taken_ns = np.array([5, 35, 50, 55]) * MS
    held = np.array([4, 8, 10, 16]) << 20
    assert list(memory.samples_behind(at_ns, grown, taken_ns, held)) == [2, 1, 1, 2]
