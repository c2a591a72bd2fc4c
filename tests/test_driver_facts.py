"""What a run's page says of the driver and of the answers it checked."""

from __future__ import annotations

import pytest

from profiler.measuring.answers_found import AnswersFound
from runs.driver_facts import driver_facts
from runs.models import Measurement
from tests.measured_runs import sized_run

pytestmark = pytest.mark.django_db

FOUND = AnswersFound(checked=600, wrong=5, not_compared=12, looked_at=100).to_json()


def facts(make, driver: dict, answers: dict | None) -> dict[str, str]:
    row = Measurement.objects.filter(run=sized_run(make)).last()
    row.data["driver"], row.data["answers"] = driver, answers
    return dict(driver_facts(row))


def test_what_the_driver_says_of_itself_is_told_in_one_place(make) -> None:
    driver = {
        "late_p99_ms": 0.1, "late_p999_ms": 0.31, "busy_fraction": 0.2, "cpu_seconds": 0.42,
        "sent": 623, "queued": 3, "dropped": 0,
    }  # fmt: skip
    assert facts(make, driver, FOUND) == {
        "Driver late, p99": "0.10 ms, p99.9 0.31 ms",
        "Driver busy": "20 %, 0.42 s of CPU",
        "Requests": "623 sent, 3 waited for a connection",
        "Answers": "600 checked, 5 wrong (0.8 %), 12 not compared",
    }


def test_a_measurement_of_an_earlier_version_says_what_it_has(make) -> None:
    assert facts(make, {"late_p99_ms": 0.1}, None) == {"Driver late, p99": "0.10 ms"}


def test_answers_of_which_nothing_was_asked_were_looked_at(make) -> None:
    found = AnswersFound(looked_at=100, suspicious=2).to_json()
    assert facts(make, {}, found)["Answers"] == "100 looked at, 2 look like errors"


def test_the_page_tells_them(signed_in, make) -> None:
    run = sized_run(make)
    row = Measurement.objects.filter(run=run).last()
    row.data["answers"] = FOUND
    row.save()
    page = signed_in.get(f"{run.get_absolute_url()}?measurement={row.ordinal}").content.decode()
    assert "600 checked, 5 wrong (0.8 %), 12 not compared" in page
