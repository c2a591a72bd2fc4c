"""Whether the machine was slower or faster is told by what the same requests cost, or not."""

from __future__ import annotations

import pytest

from profiler.measuring.measurement import Measurement
from profiler.measuring.pace import pace
from profiler.measuring.validity import Validity
from profiler.sizing.evidence import SIZING, VERIFYING
from profiler.spec import Variant
from tests.measurements import measured


def cost(milliseconds: float | None, cpu: int = 600, **others: object) -> Measurement:
    seconds = None if milliseconds is None else milliseconds / 1000
    return measured(others.pop("phase", SIZING), cpu, cpu_seconds_per_request=seconds, **others)


def proof(milliseconds: float | None, **others: object) -> Measurement:
    return cost(milliseconds, phase=VERIFYING, **others)


@pytest.mark.parametrize(
    ("milliseconds", "code"),
    [(4.0, None), (4.39, None), (4.41, "machine-slower"), (3.61, None), (3.59, "machine-faster")],
)
def test_a_tenth_more_or_less_than_before_is_told(milliseconds: float, code: str | None) -> None:
    found = pace(proof(milliseconds), [cost(4.0)])
    assert (found and found.code) == code


def test_it_is_told_with_both_costs_and_how_often_the_size_was_measured() -> None:
    found = pace(proof(5.0), [cost(3.9), cost(4.0), cost(6.0)])
    assert found.text == (
        "The machine was slower than before: a request cost 5 ms of cpu, 25% more than the 4 ms "
        "that it had cost at this size (3 times, the median)."
    )
    assert "(once)" in pace(proof(5.0), [cost(4.0)]).text


@pytest.mark.parametrize(
    "other",
    [
        cost(4.0, cpu=700),  # threads that spin cost more where there is less cpu
        cost(4.0, validity=Validity(False)),
        cost(4.0, requests=99),
        cost(4.0, variant=Variant(workers=2)),
        cost(4.0, nominal_rps=20.0),
        cost(None),
    ],
)
def test_what_is_not_the_same_tells_nothing(other: Measurement) -> None:
    assert pace(proof(5.0, nominal_rps=None), [other]) is None


def test_nor_does_what_is_not_known_or_chance() -> None:
    assert pace(proof(None), [cost(4.0)]) is None
    assert pace(proof(5.0, requests=99), [cost(4.0)]) is None
    assert pace(proof(5.0), []) is None


def test_what_waited_for_memory_is_not_held_against_the_machine() -> None:
    """Files that were dropped cost cpu to read again."""
    short = {"memory_pressure_some_fraction": 0.011}
    assert pace(proof(5.0, **short), [cost(4.0)]) is None
    assert pace(proof(5.0), [cost(4.0, **short)]) is None
    assert pace(proof(5.0, memory_pressure_some_fraction=0.01), [cost(4.0)]) is not None
