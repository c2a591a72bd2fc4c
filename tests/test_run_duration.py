"""How long a run will take: from runs before it, from what its search needs, from the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.models import ProfileRun
from runs.models.run_queryset import HISTORY
from runs.run_duration import expected, expected_from_now, least_s, left_of, range_words
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

INTERACTIVE = {
    "load": {"mode": "open", "rate_rps": 20},
    "objective": {"percentile": 99, "latency_ms": 80},
}


@pytest.fixture
def parts(make) -> dict:
    """What runs of one config on one target are made of."""
    target = make.target(kind="docker", max_cpu_millicores=2000)
    return {"config": make.config(), "dataset": make.dataset(), "target": target}


def ended(make, parts: dict, building: float, measuring: float, **fields: object) -> ProfileRun:
    """A run that succeeded after so many seconds of building and of all the rest."""
    run = make.run(**{**parts, **fields})
    times = [
        {"phase": "building", "seconds": building},
        {"phase": "measuring", "seconds": measuring / 2},
        {"phase": "sizing", "seconds": measuring / 2},
    ]
    ProfileRun.objects.filter(pk=run.pk).update(
        state="succeeded", phase_times=times, finished_at=timezone.now()
    )
    return run


def parts_of(run: ProfileRun) -> dict:
    past = ProfileRun.objects.durations_on(run.target_id)
    return {part.label: part for part in expected(run, past).parts}


def test_like_runs_give_the_range_with_a_quarter_around_it(make, parts) -> None:
    for seconds in (40, 60):
        ended(make, parts, building=10, measuring=seconds)
    measuring = parts_of(make.run(**parts))["Measuring"]
    assert (measuring.low_s, measuring.high_s) == (32, 75)
    assert measuring.basis == "the last 2 runs of score here took 40 s to 1 min"


def test_the_same_load_and_objective_count_before_others(make, parts) -> None:
    ended(make, parts, 10, 100)
    ended(make, parts, 10, 40, **INTERACTIVE)
    asked = make.run(**parts, **INTERACTIVE)
    assert parts_of(asked)["Measuring"].basis == "the last run of score here took 40 s"
    other = make.run(**parts, load={"mode": "closed", "concurrency": 4})
    assert "with another load" in parts_of(other)["Measuring"].basis


def test_other_questions_targets_configs_and_failures_do_not_count(make, parts) -> None:
    ended(make, parts, 10, 40, question="curve")
    ended(make, parts, 10, 40, target=make.target())
    ended(make, parts, 10, 40, config=make.config("other"))
    failed = ended(make, parts, 10, 40)
    ProfileRun.objects.filter(pk=failed.pk).update(state="failed")
    assert "never ran here" in parts_of(make.run(**parts))["Measuring"].basis


def test_without_any_the_search_and_the_budget_are_the_ends(make, parts) -> None:
    run = make.run(**parts, **INTERACTIVE, budget={"duration_s": 300})
    measuring = parts_of(run)["Measuring"]
    # 437 requests prove p99 at 95 % over four looks: 21.9 s at 20 a second, three times; 15 sizes
    # to 2 cores take 4 halvings, of which 3 may be given up after 0.6 s; 2 s of warm-up.
    assert measuring.low_s == pytest.approx(2 + 3 * 21.9 + 3 * 0.6, abs=0.3)
    assert measuring.high_s == 300


def test_a_process_has_no_sizes_to_try(make) -> None:
    run = make.run(**INTERACTIVE)
    assert least_s(run) == pytest.approx(2 + 21.9, abs=0.1)


def test_what_was_built_once_is_kept(make, parts) -> None:
    ended(make, parts, building=50, measuring=40)
    building = parts_of(make.run(**parts))["Building"]
    assert (building.low_s, building.high_s) == (0, 50)
    ended(make, parts, building=2, measuring=40)
    assert parts_of(make.run(**parts))["Building"].low_s == 2


def test_a_config_that_was_never_built_is_held_against_others(make, parts) -> None:
    new = {**parts, "config": make.config("new")}
    assert parts_of(make.run(**new, budget={"build_s": 100}))["Building"].high_s == 100
    ended(make, parts, building=12, measuring=40)
    ended(make, parts, building=95, measuring=40)
    building = parts_of(make.run(**new))["Building"]
    assert (building.low_s, building.high_s) == (12, 95)
    assert "never made here" in building.basis


def test_nothing_takes_longer_than_its_budget(make, parts) -> None:
    ended(make, parts, 10, 400)
    run = make.run(**parts, budget={"duration_s": 60})
    measuring = parts_of(run)["Measuring"]
    assert (measuring.low_s, measuring.high_s) == (60, 60)


def test_runs_ahead_are_waited_for(make, parts) -> None:
    for seconds in (40, 60):
        ended(make, parts, 10, seconds)
    first, _, last = (make.run(**parts) for _ in range(3))
    first.begin(first.attempt)
    ProfileRun.objects.filter(pk=first.pk).update(
        started_at=timezone.now() - timedelta(seconds=30),
        phase="sizing",
        phase_times=[{"phase": "building", "seconds": 10}],
    )
    waiting = expected_from_now(last).parts[0]
    assert waiting.basis.startswith("2 are before it")
    # 10 s of building, then 32 to 75 s of measuring, of which 20 s have passed for the first.
    assert waiting.low_s == pytest.approx(12 + 10 + 32, abs=2)
    assert waiting.high_s == pytest.approx(55 + 10 + 75, abs=2)


def test_a_run_that_takes_longer_than_others_says_so(make, parts) -> None:
    ended(make, parts, 10, 40)
    run = make.run(**parts, budget={"duration_s": 300})
    run.started_at = timezone.now() - timedelta(seconds=110)
    run.phase, run.phase_times = "sizing", [{"phase": "building", "seconds": 10}]
    left = left_of(run, expected(run, ProfileRun.objects.durations_on(run.target_id)))
    assert "longer than earlier runs" in left.basis
    assert left.high_s == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 0, "none"),
        (1, 58, "up to 1 min"),
        (41, 42, "about 40 s"),
        (65, 230, "about 1 min 5 s to 4 min"),
        (610, 4000, "about 10 min to 1 h 7 min"),
    ],
)
def test_ranges_are_rounded_as_one_would_say_them(low, high, words) -> None:
    assert range_words(low, high) == words


def looks_at_earlier_runs(ask) -> bool:
    with CaptureQueriesContext(connection) as queries:
        ask()
    return any(f"LIMIT {HISTORY}" in query["sql"] for query in queries)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_page_that_asks_again_and_again_looks_at_earlier_runs_once(
    signed_in, make, parts, is_running
) -> None:
    ended(make, parts, 10, 40)
    first, run = make.run(**parts), make.run(**parts)
    if is_running:
        run.begin(run.attempt)
        first.request_cancel(None)
    address = f"/runs/{run.name}/live/"
    assert looks_at_earlier_runs(lambda: signed_in.get(address))
    assert not looks_at_earlier_runs(lambda: signed_in.get(address))
    said = "took 40 s" if is_running else "one run is before it"
    assert said in signed_in.get(address).content.decode()
    # Another attempt is expected anew.
    ProfileRun.objects.filter(pk__in=[run.pk, first.pk]).update(attempt=2)
    assert looks_at_earlier_runs(lambda: signed_in.get(address))


def test_more_past_and_waiting_runs_take_no_more_queries(make, parts) -> None:
    last = make.run(**parts)

    def ask(number: int) -> int:
        for _ in range(number):
            ended(make, parts, 10, 40)
            early = make.run(**parts)
            ProfileRun.objects.filter(pk=early.pk).update(queued_at=last.created_at)
        asked = ProfileRun.objects.select_related("config", "target").get(pk=last.pk)
        asked.queued_at = timezone.now()
        return queries_of(lambda: expected_from_now(asked).words)

    assert ask(2) == ask(4)
