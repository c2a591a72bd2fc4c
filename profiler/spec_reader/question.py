"""What a run is to find out, and whether the rest of the spec allows it to."""

from __future__ import annotations

from typing import get_args

from profiler.spec import Question, Spec
from profiler.spec_fields import Table

#: Replicas together may have to take more than one load can offer.
PEAK_RPS = (0.01, 10_000_000)

OPEN_STAGE = '{"mode": "open", "rate_rps": ...}'


def read_question(root: Table) -> dict:
    """The spec's `question` and `peak_rps`."""
    return {
        "question": root.choice("question", get_args(Question), "size"),
        "peak_rps": root.number("peak_rps", *PEAK_RPS),
    }


def check_question(root: Table, spec: Spec) -> None:
    """Note what does not fit the question."""
    if spec.question == "rate":
        _check_rate(root, spec)
    elif root.has("peak_rps"):
        root.add("peak_rps", 'belongs to "question": "rate"; ask that, or remove it')
    if spec.question == "curve" and spec.target and spec.target.kind == "process":
        root.add(
            "question",
            "a process is held to no smaller size, so there is no curve to measure; use a docker "
            "target",
        )


def _check_rate(root: Table, spec: Spec) -> None:
    """A rate is searched by sending one open stage faster and slower, against a bound of time."""
    stages = spec.load.stages
    if spec.config and len(spec.config.concurrency.variants()) > 1:
        root.add("question", '"rate" is asked of one service; give one number of workers, threads')
    if not root.has("load"):
        root.add("load", f"missing; the search of a rate begins at one: give {OPEN_STAGE}")
    elif len(stages) > 1:
        root.add("load", f'has {len(stages)} stages; "question": "rate" takes one, {OPEN_STAGE}')
    elif any(stage and stage.mode == "closed" for stage in stages):
        root.add(
            "load.mode", "is closed, so there is no rate to search: what a size achieves is in "
            'each measurement of "question": "size". For the highest rate within the bound send at '
            f"one, {OPEN_STAGE}: the search begins there, and any guess will do",
        )  # fmt: skip
    elif any(stage and stage.times_s for stage in stages):
        root.add("load", f'has recorded times; "question": "rate" takes {OPEN_STAGE}')
    if spec.objective.latency_ms is None:
        root.add(
            "objective.latency_ms",
            'missing; with "question": "rate" say how many milliseconds are good enough, since '
            "there is no larger size to compare with",
        )
