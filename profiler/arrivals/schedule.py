"""When requests are due and which rows they carry: pure, and settled by the seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from profiler.arrivals.representative import generator, representative
from profiler.spec import Load, Stage
from profiler.units import NS

#: Arrivals computed at a time: a block takes about 0.1 ms, which keeps a load without an end from
#: ever making the driver late by more than that.
BLOCK = 4096


def arrivals(
    stage: Stage, seed: int, start: int, ordinal: int = 0, draw: Sequence[int] = ()
) -> np.ndarray:
    """Every due time (CLOCK_MONOTONIC ns, int64) of an open stage that begins at `start`.

    `ordinal` counts the stages begun so far, so that a stage that comes round again gets arrivals
    of its own; so does each `draw`, a few whole numbers. Raises ValueError for a stage without an
    end: take `arrival_blocks` there.
    """
    if stage.duration_s is None and stage.requests is None:
        raise ValueError("a stage without an end has no last arrival")
    blocks = list(arrival_blocks(stage, seed, start, ordinal, draw))
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.int64)


def arrival_blocks(
    stage: Stage, seed: int, start: int, ordinal: int = 0, draw: Sequence[int] = ()
) -> Iterator[np.ndarray]:
    """The same due times in blocks of at most BLOCK, for ever when the stage has no end.

    Constant arrivals are at start, start + 1/rate, ...; Poisson ones follow exponential gaps with
    mean 1/rate, the first gap beginning at `start`; recorded ones are the same in each round. The
    first block of a `draw` takes a while: see `prepare`.
    """
    if stage.times_s is not None:
        for first in range(0, len(stage.times_s), BLOCK):
            offsets_s = np.array(stage.times_s[first : first + BLOCK])
            yield start + np.rint(offsets_s * NS).astype(np.int64)
        return
    if not stage.rate_rps:
        raise ValueError("an open stage needs a rate")
    is_poisson = stage.arrivals == "poisson"
    rng = _generator(seed, ordinal, draw) if is_poisson else None
    end = None if stage.duration_s is None else start + round(stage.duration_s * NS)
    left = stage.requests
    number, at_s = 0, 0.0
    while left is None or left > 0:
        count = BLOCK if left is None else min(BLOCK, left)
        if is_poisson:
            offsets_s = at_s + np.cumsum(rng.exponential(1 / stage.rate_rps, count))
            at_s = float(offsets_s[-1])
        else:
            offsets_s = np.arange(number, number + count) / stage.rate_rps
        due = start + np.rint(offsets_s * NS).astype(np.int64)
        if end is not None and due[-1] >= end:
            due = due[due < end]
            if due.size:
                yield due
            return
        yield due
        number += count
        if left is not None:
            left -= count


def _generator(seed: int, ordinal: int, draw: Sequence[int]) -> np.random.Generator:
    """Of a draw that begins a load the most representative candidate."""
    entropy = (seed, ordinal, *draw)
    if draw and ordinal == 0:
        return generator(entropy, representative(entropy))
    return np.random.default_rng(entropy)


def prepare(load: Load, draw: Sequence[int]) -> None:
    """Does beforehand what would make the first request of this load late."""
    first = load.stages[0]
    if draw and first.mode == "open" and first.arrivals == "poisson":
        _generator(load.seed, 0, draw)


def stage_end(stage: Stage, start: int, last_arrival: int, sent: int) -> int:
    """When an open stage that has sent its last request gives way to the next (ns).

    After its duration; or, where its requests ran out first, a mean gap after the last of them.
    """
    ends = []
    if stage.duration_s is not None:
        ends.append(start + round(stage.duration_s * NS))
    if stage.requests is not None and sent >= stage.requests:
        ends.append(last_arrival + round(NS / stage.rate_rps))
    return min(ends)


def row_order(rows: int, order: str, seed: int) -> np.ndarray:
    """Row numbers (from 1) in the order in which a pass over the dataset sends them.

    Shuffled passes all use the one permutation of the seed: it is made before the load begins.
    """
    numbers = np.arange(1, rows + 1, dtype=np.int32)
    if order == "shuffled":
        np.random.default_rng([seed, rows]).shuffle(numbers)
    return numbers
