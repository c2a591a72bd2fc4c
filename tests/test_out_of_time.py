"""What a run says whose time ended before anything that may be believed was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.control import Control
from profiler.result import Result
from profiler.run import Run
from tests.measurements import INVALID, measured
from tests.test_size_search import RATE, SPEC

USED_UP = "the run's budget of 20 s is used up"


def ended(*measurements, spec=SPEC) -> Result:
    run = Run(spec, Control(lambda event: None, lambda: False), {}, Path("unused"))
    run.measurer.measurements.extend(measurements)
    return run._out_of_time(USED_UP)


def test_without_a_measurement_it_is_the_time_alone() -> None:
    result = ended()
    assert (result.state, result.error.code) == ("timed_out", "TimedOut")
    assert result.error.message.startswith(f"Nothing was measured: {USED_UP} before")
    assert result.diagnoses == []


@pytest.mark.parametrize("spec", [SPEC, RATE])
def test_with_measurements_that_may_not_be_believed_it_says_why_and_who_did_it(spec) -> None:
    result = ended(measured("measuring", 1000, nominal_rps=50.0, **INVALID), spec=spec)
    assert result.state == "timed_out"
    assert result.error.message == (
        f"Nothing was measured that may be believed: {USED_UP}. The host was noisy."
    )
    assert [one.code for one in result.diagnoses] == ["noisy-neighbour"]


def test_what_may_be_believed_makes_an_advice() -> None:
    result = ended(measured("measuring", 1000))
    assert (result.state, result.advice.standing) == ("succeeded", "provisional")
