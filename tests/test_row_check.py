"""What is said of rows whose answer came with a success status but reads like an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from profiler.control import Control
from profiler.load.driver import Driver
from profiler.rig import Rig
from profiler.spec import ContainerConfig, Objective
from tests.http_answers import OK, Conversation, Server, row
from tests.service_kit import spec_of
from tests.test_warmup import Elsewhere


def test_the_check_names_rows_whose_success_reads_like_an_error(tmp_path: Path) -> None:
    """Not those that failed by their status: they are errors already."""
    answers = iter([OK, b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nKeyError: 'x'",
                    b"HTTP/1.1 500 No\r\nContent-Length: 13\r\n\r\nKeyError: 'x'"])  # fmt: skip

    def talk(conversation: Conversation) -> None:
        while conversation.read() is not None:
            conversation.say(next(answers))

    spec = replace(
        spec_of(ContainerConfig("unused", 80, "/", "/score")),
        objective=Objective(max_error_rate=0.5),
    )
    rows = [row(number) for number in (1, 2, 3)]
    with Server(talk) as server, Driver(rows, cores=(), work_dir=tmp_path) as driver:
        rig = Rig(spec, spec.limits, Elsewhere(server), driver,
                  Control(lambda _event: None, lambda: False))  # fmt: skip
        driver.connect(server.address)
        assert rig.check_rows(3) == 3
    assert rig.suspicious_rows == (2,)
