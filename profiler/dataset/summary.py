"""What can be said about a dataset at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from profiler.dataset.rows import Row


@dataclass(frozen=True)
class DatasetSummary:
    """Sizes are of bodies, in bytes; the median is nearest-rank.

    `distinct_rows` counts requests that differ in what is sent (body, content type, method, path
    or headers), whatever their labels. `labels` counts the rows of each label.
    """

    rows: int
    distinct_rows: int
    bytes_min: int
    bytes_median: int
    bytes_max: int
    bytes_total: int
    labels: dict[str, int]

    def to_json(self) -> dict:
        return asdict(self)


def summarise(rows: Sequence[Row]) -> DatasetSummary:
    """Statistics of at least one row."""
    sizes = sorted(len(row.body) for row in rows)
    sent = {(row.body, row.content_type, row.method, row.path, row.headers) for row in rows}
    labels = Counter(row.label for row in rows if row.label is not None)
    return DatasetSummary(
        rows=len(rows),
        distinct_rows=len(sent),
        bytes_min=sizes[0],
        bytes_median=sizes[(len(sizes) - 1) // 2],
        bytes_max=sizes[-1],
        bytes_total=sum(sizes),
        labels=dict(sorted(labels.items())),
    )
