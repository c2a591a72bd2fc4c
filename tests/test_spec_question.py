"""What a run may be asked to find out, and what does not fit the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.errors import InvalidSpec
from profiler.spec_reader import read_spec_data
from profiler.spec_reader.resolved import spec_to_json
from tests.spec_files import HOST, SpecFiles

OPEN = {"mode": "open", "rate_rps": 50}
BOUND = {"latency_ms": 50}


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    return SpecFiles(tmp_path)


def read(files: SpecFiles, **parts: object):
    return read_spec_data({**files.data, **parts}, files.folder, capacity=HOST)


def problems(files: SpecFiles, **parts: object) -> dict[str, str]:
    with pytest.raises(InvalidSpec) as refusal:
        read(files, **parts)
    return {problem.place: problem.message for problem in refusal.value.problems}


def test_a_size_is_what_is_asked_where_nothing_is_said(files) -> None:
    spec = read(files)
    assert (spec.question, spec.peak_rps) == ("size", None)


def test_a_rate_is_asked_of_an_open_stage_and_a_bound(files) -> None:
    spec = read(files, question="rate", peak_rps=900, load=OPEN, objective=BOUND)
    assert (spec.question, spec.peak_rps) == ("rate", 900.0)
    again = read_spec_data(spec_to_json(spec, files.folder), files.folder, capacity=HOST)
    assert again == spec


@pytest.mark.parametrize(
    ("parts", "place", "said"),
    [
        ({"question": "size?"}, "question", 'must be "size", "rate" or "curve"'),
        ({"question": "rats"}, "question", 'did you mean "rate"?'),
        ({"peak_rps": 100}, "peak_rps", 'belongs to "question": "rate"'),
        ({"question": "curve", "peak_rps": 100}, "peak_rps", "remove it"),
        ({"question": "rate", "peak_rps": 0}, "peak_rps", "from 0.01 to"),
        ({"question": "rate", "objective": BOUND}, "load", "the search of a rate begins at one"),
        (
            {"question": "rate", "objective": BOUND, "load": {"mode": "closed"}},
            "load.mode",
            '"rate_rps": ...}: the search begins there, and any guess will do',
        ),
        (
            {"question": "rate", "objective": BOUND, "load": [OPEN | {"duration_s": 1}, OPEN]},
            "load",
            "has 2 stages",
        ),
        (
            {
                "question": "rate",
                "objective": BOUND,
                "load": {"mode": "open", "arrivals": "recorded", "times_s": [0, 1, 2]},
            },
            "load",
            "has recorded times",
        ),
        ({"question": "rate", "load": OPEN}, "objective.latency_ms", "no larger size to compare"),
        ({"question": "curve", "target": {"kind": "process"}}, "question", "use a docker target"),
    ],
)
def test_what_does_not_fit_is_refused(files, parts, place, said) -> None:
    assert said in problems(files, **parts)[place]


def test_all_that_does_not_fit_is_said_at_once(files) -> None:
    found = problems(files, question="rate", load={"mode": "closed"}, peak_rps=-1)
    assert found.keys() == {"load.mode", "objective.latency_ms", "peak_rps"}
