"""Rows sorted into a few classes: by label where there are labels, by body size otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from profiler.samples import Columns

if TYPE_CHECKING:
    from profiler.dataset import Row

#: A class with fewer requests than this is put together with another one.
LEAST_REQUESTS = 30
#: More classes than this no table shows and no CPU can be told apart for.
MOST_CLASSES = 8
#: Bodies that differ by no more than this factor are of about the same size.
SAME_SIZE = 1.25
NO_LABEL = -1

Kind = Literal["label", "size", "one"]


@dataclass(frozen=True)
class RowFacts:
    """What is known of each row before it is sent; place i is row i + 1 of the dataset.

    `label_codes` are places in `labels` (the dataset's distinct labels, sorted), -1 for no label.
    """

    body_bytes: np.ndarray
    label_codes: np.ndarray
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Row]) -> RowFacts:
        labels = tuple(sorted({row.label for row in rows if row.label is not None}))
        codes = {label: code for code, label in enumerate(labels)} | {None: NO_LABEL}
        return cls(
            np.array([len(row.body) for row in rows], dtype="i8"),
            np.array([codes[row.label] for row in rows], dtype="i4"),
            labels,
        )

    def columns(self) -> Columns:
        """As raw columns: samples.ROW_COLUMNS."""
        return {
            "row": np.arange(1, len(self.body_bytes) + 1, dtype="i4"),
            "body_bytes": self.body_bytes,
            "label_code": self.label_codes,
        }

    def label(self, row: int) -> str | None:
        code = int(self.label_codes[row - 1])
        return None if code == NO_LABEL else self.labels[code]


@dataclass(frozen=True)
class RowClasses:
    """`of_row` is the class of each row, as a place in `names`; place i is row i + 1."""

    kind: Kind
    names: tuple[str, ...]
    of_row: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def classify(facts: RowFacts, requests_of_row: np.ndarray) -> RowClasses:
    """By label if two or more have enough requests; else by size; else all rows are one class.

    `requests_of_row` is how many requests each row was sent in: classes are made so that there is
    something to say about each.
    """
    found = _by_label(facts, requests_of_row) or _by_size(facts.body_bytes, requests_of_row)
    return found or RowClasses("one", ("all rows",), np.zeros(len(facts.body_bytes), dtype=int))


def _by_label(facts: RowFacts, requests_of_row: np.ndarray) -> RowClasses | None:
    """The most requested labels, and the rest together; None where there is nothing to compare."""
    if not facts.labels:
        return None
    codes = facts.label_codes + 1  # no label comes first
    requests = np.bincount(codes, requests_of_row, minlength=len(facts.labels) + 1)
    sent = np.flatnonzero(requests)
    often = sent[np.argsort(-requests[sent], kind="stable")]
    enough = [code for code in often if requests[code] >= LEAST_REQUESTS]
    kept = sorted(enough if len(often) <= MOST_CLASSES else enough[: MOST_CLASSES - 1])
    rest = [code for code in sent if code not in kept]
    if len(rest) == 1:  # it may be seldom, but there is nothing to put it together with
        kept, rest = sorted([*kept, *rest]), []
    # Nearly every row has a label of its own: they are answers to check, not kinds of request.
    if not kept or len(kept) + bool(rest) < 2 or requests[rest].sum() > requests.sum() / 2:
        return None
    words = ("no label", *facts.labels)
    names = [words[code] for code in kept]
    if rest:
        names.append(f"{len(rest)} other labels")
    place = np.full(len(words), len(names) - 1)
    place[kept] = np.arange(len(kept))
    return RowClasses("label", tuple(names), place[codes])


def _by_size(body_bytes: np.ndarray, requests_of_row: np.ndarray) -> RowClasses | None:
    """Buckets from a power of two to the next, put together until each has enough requests."""
    sizes = body_bytes[requests_of_row > 0]
    if not len(sizes) or sizes.max() <= SAME_SIZE * sizes.min():
        return None
    first, last = (int(size).bit_length() for size in (sizes.min(), sizes.max()))
    edges = [0 if power == 0 else 1 << (power - 1) for power in range(first, last + 2)]
    counts, _ = np.histogram(body_bytes, edges, weights=requests_of_row)
    edges = _merged(edges, counts.tolist())
    if len(edges) < 3:
        return None
    place = np.searchsorted(edges, body_bytes, side="right") - 1
    names = tuple(size_range(low, high) for low, high in pairwise(edges))
    return RowClasses("size", names, place.clip(0, len(names) - 1))


def _merged(edges: list[int], counts: list[float]) -> list[int]:
    """The edges left when every bucket with too few requests has joined its smaller neighbour."""
    while len(counts) > 1 and (min(counts) < LEAST_REQUESTS or len(counts) > MOST_CLASSES):
        least = counts.index(min(counts))
        beside = [place for place in (least - 1, least + 1) if 0 <= place < len(counts)]
        other = min(beside, key=counts.__getitem__)
        low = min(least, other)
        counts[low : low + 2] = [counts[low] + counts[low + 1]]
        del edges[low + 1]
    return edges


def size_range(low: int, high: int) -> str:
    """`low` up to, not including, `high` bytes, both powers of two: 1 to 2 KiB, under 64 B."""
    top, unit = _in_unit(high)
    if low == 0:
        return f"under {top} {unit}"
    bottom, bottom_unit = _in_unit(low)
    return f"{bottom}{'' if bottom_unit == unit else ' ' + bottom_unit} to {top} {unit}"


def _in_unit(size: int) -> tuple[int, str]:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return size, unit
        size //= 1024
    return size, "GiB"
