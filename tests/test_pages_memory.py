"""A run's page tells where memory peaks, and how long starting takes at which cpu."""

from __future__ import annotations

import json

import pytest

from profiler.measuring.memory_survey import Peaks, Sent, Survey
from profiler.sizing.pressure import Pressure, Step
from runs.charts import startup
from runs.memory_card import memory_card
from tests.measured_runs import MIB, PROBES, VERIFIED, sized_run
from tests.test_charts import labels, validated

pytestmark = pytest.mark.django_db

SLOW_START = ({**PROBES[0], "startup_s": 3.0}, *PROBES[1:], {**VERIFIED, "startup_s": 11.0})


def sent(row: int, concurrency: int, peak_mib: int, *, counts: bool = True) -> Sent:
    peaks = Peaks(peak_mib * MIB, peak_mib * MIB, 70 * MIB, 20 * MIB)
    return Sent((row,), 5000, concurrency, counts, requests=10, errors=0, peaks=peaks)


SURVEY = Survey(
    2,
    (sent(17, 1, 105),),
    (sent(17, 1, 105), sent(17, 2, 110), sent(17, 4, 140, counts=False)),
    ("The time for this ended.",),
)


def test_the_page_says_which_period_decides_and_which_do_not_count(signed_in, make) -> None:
    run = sized_run(make, survey=SURVEY)
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert "110 MiB at most: largest rows, 2 at a time" in page
    assert "Row 17 alone" in page
    assert "140 MiB" in page
    assert "more than the load has, so not counted" in page
    assert "The time for this ended." in page
    assert "No growth shown in 6 s of load: 0 MiB per hour" in page
    assert "Load decides: peak 110 MiB" in page  # on the verdict, as in the advice


def test_the_page_tells_needed_from_touched(signed_in, make) -> None:
    run = sized_run(make)
    steps = (Step(176 * MIB), Step(96 * MIB, "the service was killed for memory"))
    run.result["memory"]["pressure"] = Pressure(176 * MIB, steps, "It was stopped.").to_json()
    run.save()
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert (
        "Of 176 MiB touched, 176 MiB are needed: at 96 MiB the service was killed for memory. "
        "It was stopped." in page
    )


def test_a_proven_need_decides_instead_of_a_peak(signed_in, make) -> None:
    run = sized_run(make, (*PROBES, {**VERIFIED, "memory_bytes": 80 * MIB}))
    run.result["memory"]["needed_bytes"] = 64 * MIB
    run.save()
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert "Lowering the limit decides: needed 64 MiB and 15 %" in page
    assert ">decides<" not in page
    assert "100 MiB at most: start" in page


def test_the_page_tells_what_a_look_without_files_found(signed_in, make) -> None:
    run = sized_run(make, (*PROBES, {**VERIFIED, "memory_bytes": 80 * MIB}))

    def page_with(step: Step, **look: bool) -> str:
        pressure = Pressure(112 * MIB, (step,), held_bytes=64 * MIB, **look)
        run.result["memory"] |= {
            "pressure": pressure.to_json(), "needed_bytes": pressure.needed_bytes
        }  # fmt: skip
        run.save()
        return signed_in.get(run.get_absolute_url()).content.decode()

    enough = page_with(Step(80 * MIB))
    assert (
        "At most 64 MiB cannot be dropped: at 80 MiB, with no room for files, nothing hurt."
        in enough
    )
    assert "What cannot be dropped decides: at most 64 MiB and 15 %" in enough
    assert ">decides<" not in enough
    mapped = page_with(Step(80 * MIB), with_mapped=True)
    assert (
        "At most 64 MiB cannot be dropped or are mapped files: at 80 MiB, with no room for others, "
        "nothing hurt." in mapped
    )
    assert "What cannot be dropped or is mapped decides: at most 64 MiB and 15 %" in mapped
    hurt = page_with(Step(80 * MIB, "p95 was 80 ms"))
    assert "Files that were read are needed: without them, at 80 MiB, p95 was 80 ms." in hurt


def test_a_slow_start_is_warned_of_beside_the_advised_size(signed_in, make) -> None:
    run = sized_run(make, SLOW_START)
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert "This size starts slowly" in page
    assert "11 s at 400m" in page
    assert 'href="/docs/validity/#slow-start-at-size"' in page
    quick = signed_in.get(sized_run(make).get_absolute_url()).content.decode()
    assert "This size starts slowly" not in quick


def test_a_run_of_an_earlier_version_has_neither(signed_in, make) -> None:
    run = sized_run(make)
    run.result = {key: run.result[key] for key in run.result if key not in ("memory", "startup")}
    run.save()
    page = signed_in.get(run.get_absolute_url())
    assert page.status_code == 200
    assert "Where memory peaks" not in page.content.decode()


def test_the_chart_marks_what_was_measured(signed_in, make) -> None:
    run = sized_run(make, SLOW_START)
    drawn = signed_in.get(f"{run.get_absolute_url()}series/startup/").json()
    validated(drawn)
    assert labels(drawn) == ["11 s", "3 s"]
    one_size = startup.draw(run.result["startup"] | {"points": run.result["startup"]["points"][:1]})
    json.dumps(one_size.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("slope", "leaks", "said"),
    [
        (
            {"value": 6087.0, "low": 5301.0, "high": 6874.0},
            False,
            "Grew by 41.6 KiB in 7 s of load",
        ),
        ({"value": 6087.0, "low": -10.0, "high": 12000.0}, False, "No growth shown in 7 s of load"),
        ({"value": 0.5, "low": 0.1, "high": 0.9}, False, "No growth shown in 7 s of load"),
        ({"value": 6087.0, "low": 5301.0, "high": 6874.0}, True, "Leaks 20.9 MiB per hour"),
    ],
)
def test_growth_is_told_in_words_that_agree_with_its_numbers(make, slope, leaks, said) -> None:
    run = sized_run(make)
    growth = {"bytes_per_s": slope, "leaks": leaks, "over_s": 7.0, "seconds_until_limit": None}
    run.result["memory"]["growth"] = growth
    assert memory_card(run).growth.startswith(said)
