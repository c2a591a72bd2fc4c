"""Which variant of a config to try next, and which of those tried to advise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from profiler.sizing.explanation import cpu_text, size_text
from profiler.spec import Limits, Variant
from profiler.threads import threads_of


@dataclass(frozen=True)
class Tried:
    """A variant and the smallest size found to keep the objective; None where none did.

    `not_searched` is why nothing is known of its size; "" where something is.
    """

    variant: Variant
    size: Limits | None
    not_searched: str = ""


def best_of(tried: Sequence[Tried]) -> Tried | None:
    """The smallest cpu, then the least memory, then the fewest workers, then the fewest threads.

    None where nothing kept the objective.
    """
    kept = [one for one in tried if one.size is not None]
    return min(kept, key=_rank, default=None)


def _rank(one: Tried) -> tuple:
    workers, threads = one.variant.workers or 1, threads_of(one.variant.env) or 1
    return one.size.cpu_millicores, one.size.memory_bytes, workers, threads


def most_promising(left: Iterable[Variant], cpu_millicores: int) -> Variant | None:
    """The one whose workers and threads come to the cores of the best size so far, or nearest.

    What computes on more threads than its quota has cores is throttled, on fewer it leaves some of
    them idle. Of equals the one with fewer workers. None when none is left.
    """
    cores = max(cpu_millicores / 1000, 1)

    def distance(variant: Variant) -> tuple[float, int]:
        workers = variant.workers or 1
        return abs(workers * (threads_of(variant.env) or 1) - cores), workers

    return min(left, key=distance, default=None)


def variant_text(variant: Variant) -> str:
    """2 workers of 1 thread each; variables that are not about threads by their names."""
    parts = []
    if variant.workers:
        parts.append(f"{variant.workers} worker{'s' if variant.workers > 1 else ''}")
    if threads := threads_of(variant.env):
        each = " each" if (variant.workers or 1) > 1 else ""
        parts.append(f"{threads} thread{'s' if threads > 1 else ''}{each}")
    elif variant.env:
        parts.append(", ".join(f"{name}={value}" for name, value in variant.env.items()))
    return " of ".join(parts) or "the config as given"


def others_sentence(tried: Sequence[Tried]) -> str:
    """Which needs least, and what each of the others needed; "" where there was no choice."""
    if len(tried) < 2:
        return ""
    best = best_of(tried)
    said = "; ".join(
        f"{variant_text(one.variant)}: {_found(one, best)}" for one in tried if one is not best
    )
    if best is None:
        return f"None of the workers and threads tried keeps the objective ({said})."
    return f"Of the workers and threads tried, {variant_text(best.variant)} is best ({said})."


def _found(one: Tried, best: Tried | None) -> str:
    if one.not_searched or one.size is not None:
        return one.not_searched or size_text(one.size)
    at = cpu_text(best.size.cpu_millicores) if best else "the largest size"
    return f"the objective was not shown to be kept at {at}"
