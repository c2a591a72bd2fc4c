"""The truth and the runs of each service in turns: a repetition of the grid, a run, and again.

The speed of a machine that is shared changes within an hour, and with it the size that passes.
Taken in turns, both meet the same machine. What is there already is not taken again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.sizing import runs, truth
from bench.sizing.command import add_time, in_turn, parsed, parser
from bench.sizing.truth_file import REPEATS


def main() -> int:
    by = parser(__doc__)
    add_time(by)
    by.add_argument("--afresh", action="store_true", help="forget what there is")
    return in_turn(parsed(by), take)


def take(name: str, options: argparse.Namespace, should_stop: Callable[[], bool]) -> None:
    for turn in range(1, REPEATS + 1):
        afresh = options.afresh and turn == 1
        truth.take(name, _for_truth(afresh=afresh), should_stop, tries=turn)
        if should_stop():
            return
        wanted = argparse.Namespace(out=runs.FOLDER, runs=turn, afresh=afresh)
        runs.take(name, wanted, should_stop)
    # Points that could not be believed are tried again in the end.
    truth.take(name, _for_truth(afresh=False), should_stop)


def _for_truth(*, afresh: bool) -> argparse.Namespace:
    return argparse.Namespace(out=truth.FOLDER, requests=truth.REQUESTS, afresh=afresh)


if __name__ == "__main__":
    sys.exit(main())
