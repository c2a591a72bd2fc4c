"""Finished requests as they arrive from the driver, kept as columns in order of due time."""

from __future__ import annotations

import threading

import numpy as np

from profiler.load.channel import RECORD_DTYPE
from profiler.samples import REQUEST_COLUMNS, Columns, concatenate


class RecordLog:
    """Filled by one thread, read by another. What was handed out is never changed afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: list[np.ndarray] = []
        self._untaken: list[np.ndarray] = []
        self._ordered = _columns(np.empty(0, RECORD_DTYPE))
        self._pending = np.empty(0, np.int64)

    def add(self, records: np.ndarray, pending: np.ndarray) -> None:
        """A batch of records and the due times that are left, seen at the same moment."""
        with self._lock:
            if len(records):
                self._arrived.append(records)
                self._untaken.append(records)
            self._pending = pending

    def snapshot(self) -> tuple[Columns, np.ndarray]:
        """All of them, and what was pending when the last of them came.

        Costs a merge of what is new, and a copy.
        """
        with self._lock:
            arrived, self._arrived = self._arrived, []
            pending = self._pending
        if arrived:
            self._ordered = _merged(self._ordered, _columns(np.concatenate(arrived)))
        return dict(self._ordered), np.sort(pending)

    def take(self) -> Columns:
        """Those that arrived since the last call."""
        with self._lock:
            untaken, self._untaken = self._untaken, []
        return _sorted(_columns(np.concatenate([np.empty(0, RECORD_DTYPE), *untaken])))


def _columns(records: np.ndarray) -> Columns:
    return {
        name: np.ascontiguousarray(records[name], dtype=kind)
        for name, kind in REQUEST_COLUMNS.items()
    }


def _sorted(columns: Columns) -> Columns:
    order = np.argsort(columns["scheduled_ns"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _merged(ordered: Columns, new: Columns) -> Columns:
    """Only the part of `ordered` due after the first new one has to be sorted again."""
    first = np.searchsorted(ordered["scheduled_ns"], new["scheduled_ns"].min(), side="right")
    settled = {name: values[:first] for name, values in ordered.items()}
    open_end = {name: values[first:] for name, values in ordered.items()}
    return concatenate([settled, _sorted(concatenate([open_end, new]))])
