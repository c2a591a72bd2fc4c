"""docs/result.md explains every field of a RESULT, and none that there is not.

Real runs are held to it too, in tests/test_engine_*.py and tests/test_gpu_runs.py.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from profiler.measuring.gpu import GpuRecord, gpu_use
from profiler.measuring.sensitivity import RowFacts
from runs import documentation
from tests.documented_result import sections, undocumented
from tests.gpu_rows import GPUS, at_work
from tests.measured_runs import SECONDS, measured
from tests.raw_samples import NS, START


@pytest.fixture(scope="module")
def measurement() -> dict:
    """With classes of rows, and a GPU."""
    sizes = np.repeat([100, 5000], 20)
    rows = RowFacts(sizes, np.full(len(sizes), -1, "i4"), ())
    found, _, _ = measured(row=np.arange(100 * SECONDS) % len(sizes) + 1, rows=rows)
    gpu = gpu_use(GpuRecord(GPUS[:1], at_work(), START), START, START + SECONDS * NS, 600)
    return json.loads(json.dumps({**found.to_json(), "gpu": gpu.to_json()}))


def test_a_measurement_has_just_the_fields_that_are_explained(measurement) -> None:
    assert sections()["measurements[]"].keys == set(measurement)


def test_so_have_its_parts(measurement) -> None:
    assert undocumented({"measurements": [measurement]}) == []
    assert measurement["payload"]["classes"] and measurement["windows"]


@pytest.mark.parametrize("part", ["bound", "sampler", "gpu", "validity", "windows[]"])
def test_nothing_is_explained_of_a_part_that_it_does_not_have(measurement, part) -> None:
    found = measurement["windows"][0] if part == "windows[]" else measurement[part]
    assert sections()[f"measurements[].{part}"].keys == set(found)


def test_a_field_that_nothing_explains_is_found(measurement) -> None:
    more = {**measurement, "surprise": 1, "payload": {**measurement["payload"], "novel": 2}}
    assert undocumented({"measurements": [more]}) == [
        "RESULT.measurements[].payload.novel", "RESULT.measurements[].surprise",
    ]  # fmt: skip


def test_the_page_is_one_of_the_documentation() -> None:
    assert "result" in documentation.page_names()
