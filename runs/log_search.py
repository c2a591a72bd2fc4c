"""Looking for words in a run's whole log."""

from __future__ import annotations

from runs.models import ProfileRun

#: More lines than this nobody reads; narrower words find what is meant.
MOST_LINES = 1000


def found_lines(run: ProfileRun, wanted: str) -> str:
    """Lines with those words, whatever their case, each after its number in the log."""
    wanted = wanted.casefold()
    lines = enumerate(run.log_text().splitlines(), start=1)
    found = [f"{number}: {line}" for number, line in lines if wanted in line.casefold()]
    if len(found) > MOST_LINES:
        more = f"{len(found) - MOST_LINES:,} more lines have these words: look for narrower ones."
        found = [*found[:MOST_LINES], more]
    return "".join(f"{line}\n" for line in found)
