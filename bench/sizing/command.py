"""What the commands over the bench's services have in common."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable

from bench.kit.report import say
from bench.sizing.catalogue import NAMES
from profiler.errors import Cancelled, RunFailed


def parser(doc: str) -> argparse.ArgumentParser:
    """Of a script with that docstring; it takes names of services, all of them by default."""
    found = argparse.ArgumentParser(description=doc.partition("\n")[0])
    found.add_argument("services", nargs="*", metavar="SERVICE", help=f"of {', '.join(NAMES)}")
    return found


def add_time(to: argparse.ArgumentParser) -> None:
    to.add_argument("--max-minutes", type=float, default=float("inf"), help="then stop")


def parsed(by: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; ends with an error for a service that there is not."""
    options = by.parse_args()
    if unknown := set(options.services) - set(NAMES):
        by.error(f"no such service: {', '.join(sorted(unknown))}")
    options.services = options.services or list(NAMES)
    return options


def stopper(minutes: float) -> Callable[[], bool]:
    """True once the time is up, or Ctrl-C or SIGTERM came."""
    end = time.monotonic() + minutes * 60
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return lambda: bool(asked) or time.monotonic() > end


def in_turn(
    options: argparse.Namespace,
    take: Callable[[str, argparse.Namespace, Callable[[], bool]], None],
) -> int:
    """Take one service after the other until the time is up; the exit status."""
    should_stop = stopper(options.max_minutes)
    for name in options.services:
        if should_stop():
            break
        try:
            take(name, options, should_stop)
        except Cancelled:
            say("stopped; what was taken is kept")
        except RunFailed as failure:
            say(f"{name}: {failure.code}: {failure.message}\n{failure.log_tail}")
            return 1
    return 0
