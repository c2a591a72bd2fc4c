"""The driver's event loop."""

from __future__ import annotations

import os

import pytest

from profiler.load.loop import Loop


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def test_a_descriptor_that_an_earlier_call_closed_is_not_called(loop):
    """Both are ready at once; whichever comes first closes the other."""
    pipes = [os.pipe(), os.pipe()]
    called = []

    def close_other(mine: int) -> None:
        called.append(mine)
        reading, _ = pipes[1 - mine]
        loop.forget(reading)
        os.close(reading)
        loop.stop()

    for number, (reading, writing) in enumerate(pipes):
        os.write(writing, b"x")
        loop.watch(reading, lambda number=number: close_other(number))
    loop.run()
    assert len(called) == 1
    for descriptor in (pipes[called[0]][0], pipes[0][1], pipes[1][1]):
        os.close(descriptor)


def test_later_calls_come_in_order_of_time_after_those_that_come_soon(loop):
    order = []
    loop.call_later(0.02, lambda: (order.append("last"), loop.stop()))
    loop.call_later(0.001, lambda: order.append("later"))
    loop.call_soon(lambda: (order.append("soon"), loop.call_soon(lambda: order.append("next"))))
    loop.run()
    assert order == ["soon", "next", "later", "last"]


def test_what_a_call_raises_ends_the_loop(loop):
    loop.call_soon(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loop.run()
