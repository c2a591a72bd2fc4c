"""How a benchmark is run from a shell."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from pathlib import Path

from bench.kit.cores import CAPACITY
from bench.kit.report import Report, say
from profiler.circumstances import aside

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "bench" / "results"
#: Tries are kept apart: they are no results.
TRIES = ROOT / "var" / "bench" / "tries"


class NotHere(Exception):
    """This machine lacks what a benchmark needs; the message says what, and how to get it."""


def run(bench: Callable[[Report], None], *, name: str, title: str) -> None:
    """Parse `--quick` and `--out`, run it on the driver's cores, and keep what it found."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help="a try of a minute; no figure counts")
    parser.add_argument("--out", type=Path, help="folder of the JSON it writes")
    arguments = parser.parse_args()
    # So that what was started is stopped, and containers are removed.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    report = Report(name, title, arguments.quick)
    with aside(CAPACITY.driver_cores):
        try:
            bench(report)
        except NotHere as missing:
            report.note(f"Not measured: {missing}")
    folder = arguments.out or (TRIES if arguments.quick else RESULTS)
    say(f"\n  kept in {report.write(folder)}")
