"""A run whose time ends before anything was measured that a size could rest on."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.control import Control
from profiler.errors import BudgetEnded
from profiler.run import Run
from tests.measurements import INVALID, measured
from tests.service_kit import scored, spec_of


@pytest.mark.parametrize(
    ("measurements", "said"),
    [
        (
            [],
            "Nothing was measured: the budget is used up before the first measurement had an "
            "answer. Give the run more time (budget.duration_s).",
        ),
        (
            [measured("measuring", 1000, **INVALID)],
            "Nothing was measured that may be believed: the budget is used up. The host was noisy.",
        ),
    ],
)
def test_why_there_is_no_size_is_told(tmp_path: Path, monkeypatch, measurements, said) -> None:
    def time_ends() -> None:
        run.measurer.measurements += measurements
        raise BudgetEnded("the budget is used up")

    spec = spec_of(scored(tmp_path))
    run = Run(spec, Control(lambda event: None, lambda: False), {}, tmp_path)
    monkeypatch.setattr(run, "_go", time_ends)
    result = run.to_its_end()
    assert (result.state, result.error.message) == ("timed_out", said)
    assert len(result.measurements) == len(measurements)
