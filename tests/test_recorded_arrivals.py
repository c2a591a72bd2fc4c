"""Recorded arrivals: from a file to the times at which requests are sent again."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.arrivals.schedule import BLOCK, arrivals
from profiler.load.driver import Driver
from profiler.measuring.decision import preset_rule, round_s
from profiler.measuring.objective import resolve_bound
from profiler.sizing.explanation import load_text
from profiler.spec import Load, Objective, Stage
from profiler.spec_reader import read_spec_data, spec_to_json
from profiler.spec_reader.arrivals import WrongArrivals, read_arrivals, recorded_stage
from profiler.units import NS
from tests.http_answers import OK, Server, always, row
from tests.spec_files import HOST, SpecFiles

MS = 1_000_000


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    files = SpecFiles(tmp_path)
    (tmp_path / "times.txt").write_text("0\n1\n3\n")
    return files.set("load", {"mode": "open", "arrivals": "recorded", "arrivals_file": "times.txt"})


# What a file may hold


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        (["0.5", "0.5", "2"], [0.5, 0.5, 2.0]),
        (["# from the gateway", "", "1  # first", "2"], [1.0, 2.0]),
        (["at_s", "1", "2"], [1.0, 2.0]),
        (["user,time", "ann,3", '"b,c",4'], [3.0, 4.0]),
        (["\ufefftimestamp;", "1"], None),
        (["1700000000.25", "1700000001"], [0.0, 0.75]),
        (["2026-01-01T00:00:00Z", "2026-01-01T01:00:00.5+01:00"], [0.0, 0.5]),
        (["2026-01-01 00:00:00", "2026-01-01 00:01:00"], [0.0, 60.0]),
    ],
)
def test_times_are_read_from_lines_or_a_column(lines, times):
    if times is None:
        with pytest.raises(WrongArrivals, match="line 1"):
            read_arrivals(lines)
    else:
        assert read_arrivals(lines) == times


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1", "soon"], 'line 2: "soon" is no time'),
        (["when", "1"], 'line 1: "when" is no time'),
        (["3", "# a", "2"], "line 3: .* before the time above it"),
        (["nan"], "line 1: .* finite"),
        (["1700000000000"], "line 1: .*milliseconds"),
        (["a,time", "1"], "line 2: "),
        (["0,5", "1,5"], 'line 1: "0,5" is no time'),
        (["0", "2026-01-01"], "line 2: .* is an absolute time, unlike those above"),
        (["2026-01-01", "1.5"], "line 2: .* is seconds since the beginning, unlike"),
        (["1", "2", "3", "4"], "line 4: more than 3 arrivals"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(lines, said):
    with pytest.raises(WrongArrivals, match=said):
        read_arrivals(lines, most=3)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_any_increasing_numbers_come_back_as_they_are(times):
    times = sorted(times)
    assert read_arrivals(map(repr, times)) == times


def test_a_recording_lasts_a_mean_gap_longer_than_its_arrivals():
    stage = recorded_stage([1.0, 2.0, 5.0])
    assert (stage.times_s, stage.duration_s) == ((1.0, 2.0, 5.0), 7.0)
    assert stage.rate_rps == pytest.approx(3 / 7)
    twice_as_fast = recorded_stage([1.0, 2.0, 5.0], speed=2)
    assert (twice_as_fast.times_s, twice_as_fast.duration_s) == ((0.5, 1.0, 2.5), 3.5)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([1.0], "two arrivals"),
        ([1.0, 1.0], "two arrivals"),
        ([-1.0, 1.0], "before 0"),
        ([0.0, 1000.0], "0.001 arrivals a second"),
        (list(range(0, 90_000, 2)), "lasts 90000 s"),
    ],
)
def test_what_cannot_be_sent_is_refused(times, said):
    with pytest.raises(WrongArrivals, match=said):
        recorded_stage(times)


# In a spec


def test_a_spec_names_a_file_and_carries_its_times_resolved(files):
    spec = files.set("load.speed", 2).read()
    (stage,) = spec.load.stages
    assert stage == Stage("open", 3 / 2.25, "recorded", duration_s=2.25, times_s=(0.0, 0.5, 1.5))
    data = spec_to_json(spec, files.folder)
    assert data["load"]["stages"] == [
        {"mode": "open", "arrivals": "recorded", "times_s": [0.0, 0.5, 1.5]}
    ]
    again = read_spec_data(data, files.folder, capacity=HOST)
    assert again.load == spec.load, "what was resolved needs no file"
    assert load_text(spec.load) == "3 recorded arrivals (1.333 requests/s on average)"


@pytest.mark.parametrize(
    ("key", "value", "place", "said"),
    [
        ("arrivals_file", "times.csv", "load.arrivals_file", "did you mean"),
        ("arrivals_file", None, "load.arrivals_file", "name the file"),
        ("times_s", [1, 2], "load.times_s", "beside"),
        ("speed", 0, "load.speed", "from 0.001"),
        ("rate_rps", 5, "load.rate_rps", "settled by the recorded"),
        ("duration_s", 5, "load.duration_s", "settled by the recorded"),
        ("arrivals", "poisson", "load.arrivals_file", "recorded"),
        ("mode", "closed", "load.arrivals_file", "belongs to an open load"),
    ],
)
def test_what_does_not_fit_a_recording_is_refused(files, key, value, place, said):
    problems = files.set(f"load.{key}", value).problems()
    assert any(at == place and said in message for at, message in problems), problems


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([], "no times"),
        ([0, "1"], 'item 1 must be a number of seconds, not below the one before, not "1"'),
        ([2, 1], "item 1"),
        ([True, 2], "item 0"),
        ("0 1", "list"),
    ],
)
def test_times_in_the_spec_itself_are_checked(files, times, said):
    load = {"mode": "open", "arrivals": "recorded", "times_s": times}
    problems = files.set("load", load).problems()
    assert [place for place, _ in problems] == ["load.times_s"]
    assert said in problems[0][1]


def test_a_file_that_is_wrong_is_told_with_its_line(files):
    (files.folder / "times.txt").write_text("0\n1\nlater\n")
    ((place, message),) = files.problems()
    assert place == "load.arrivals_file"
    assert message.startswith('line 3: "later" is no time')


def test_a_recording_longer_than_the_budget_is_refused(files):
    (files.folder / "times.txt").write_text("\n".join(map(str, range(0, 1801, 30))))
    ((place, message),) = files.set("budget.duration_s", 100).set("load.speed", 2).problems()
    assert place == "budget.duration_s"
    assert "last 915 s" in message


# Sent


def test_recorded_arrivals_are_due_at_their_times_in_every_block():
    times = [0.001 * number for number in range(2 * BLOCK + 7)]
    due = arrivals(recorded_stage(times), seed=0, start=5 * NS)
    assert np.array_equal(due, 5 * NS + np.arange(2 * BLOCK + 7) * MS)


def test_a_recording_is_sent_at_its_times_round_and_round(tmp_path):
    stage = recorded_stage([0.0, 0.01, 0.01, 0.04])
    with (
        Server(always(OK)) as server,
        Driver([row(1)], cores=(), work_dir=tmp_path) as driver,
    ):
        driver.connect(server.address)
        driver.start(Load((stage,)))
        end = time.monotonic() + 10
        while len(driver.results()["row"]) < 10:
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)
        driver.stop(drain_s=5)
        due = driver.results()["scheduled_ns"]
    round_ns = round(stage.duration_s * NS)
    expected = [0, 10 * MS, 10 * MS, 40 * MS]
    offsets = (due - due[0])[:8].tolist()
    assert offsets == expected + [round_ns + offset for offset in expected]
    assert list(tmp_path.glob("*.bin")) == []


# Judged


def test_a_recording_is_judged_by_the_whole_of_it():
    load = Load((recorded_stage([float(second) for second in range(100)]),))
    bound = resolve_bound(Objective(percentile=95, latency_ms=50), None)
    assert round_s(load, rps=3.0) == 100.0
    rule = preset_rule(bound, load, rps=3.0, at_least_s=100.0)
    assert rule.looks[0] == 100 + 2 * 10 + 1, "by its own rate, not what the warm-up saw of it"
