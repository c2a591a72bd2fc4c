"""A service that runs, but whose counters are not to be seen from here."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.control import Control
from profiler.errors import RunFailed
from profiler.load.driver import Driver
from profiler.rig import Rig
from profiler.spec import ContainerConfig
from tests.http_answers import OK, Server, always, row
from tests.service_kit import spec_of
from tests.test_warmup import Elsewhere


def test_it_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    """As for a worker in a container that sees neither the host's processes nor its cgroups."""
    spec = spec_of(ContainerConfig("unused", 80, "/", "/score"))
    control = Control(lambda _event: None, lambda: False)
    with (
        Server(always(OK)) as server,
        Driver([row(1)], cores=(), work_dir=tmp_path) as driver,
        Rig(spec, spec.limits, Elsewhere(server), driver, control) as rig,
        pytest.raises(RunFailed, match=r"its cgroup was not found .* /sys/fs/cgroup") as caught,
    ):
        rig.become_ready()
    assert caught.value.code == "TargetUnavailable"
