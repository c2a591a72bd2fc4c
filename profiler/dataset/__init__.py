"""Sample requests: a file, folder or archive becomes rows, each one request to send."""

from profiler.dataset.reading import FORMATS, format_of, read_dataset
from profiler.dataset.rows import LIMITS, DatasetLimits, Row
from profiler.dataset.summary import DatasetSummary, summarise

__all__ = [
    "FORMATS",
    "LIMITS",
    "DatasetLimits",
    "DatasetSummary",
    "Row",
    "format_of",
    "read_dataset",
    "summarise",
]
