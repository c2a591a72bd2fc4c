"""Whatever stands in a spec: it is read or refused, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiler.errors import RunFailed
from profiler.spec_reader import read_spec_data
from tests.spec_files import HOST, SpecFiles

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["docker", "open", "closed", "score.py", "model.pkl", "requests.txt", "3.11"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_PLACES = """
models models.0 models.0.name models.0.version models.0.path config config.entry_script
config.source_directory config.environment config.environment.pip config.environment.conda
config.environment.python config.environment.base_image config.environment.dockerfile config.env
config.workers config.gpu config.image config.port config.headers config.method config.score_path
dataset dataset.path dataset.content_type dataset.method dataset.headers target target.kind
target.service_cores target.driver_cores target.gpus target.max_cpu_millicores limits
limits.cpu_millicores limits.memory_bytes load load.mode load.stages load.rate_rps load.seed
objective objective.percentile objective.latency_ms budget budget.duration_s
"""
PLACES = _PLACES.split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spec")


@settings(
    max_examples=200,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.dictionaries(st.sampled_from(PLACES), VALUES, max_size=3))
def test_anything_anywhere_is_read_or_refused(folder, changes):
    files = SpecFiles(folder)
    for place in sorted(changes):  # parents first
        try:
            files.set(place, changes[place])
        except (AttributeError, TypeError, IndexError, ValueError):
            continue  # its parent was replaced by something that holds nothing

    try:
        read_spec_data(files.data, folder, capacity=HOST, confined=True)
    except RunFailed as refusal:
        assert refusal.message
