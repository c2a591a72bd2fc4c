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

    def results(self) -> Columns:
        """All of them. Costs a merge of what is new, and a copy."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
        if arrived:
            self._ordered = _merged(self._ordered, _columns(np.concatenate(arrived)))
        return dict(self._ordered)

    def take(self) -> Columns:
        """Those that arrived since the last call."""
        with self._lock:
            untaken, self._untaken = self._untaken, []
        return _sorted(_columns(np.concatenate([np.empty(0, RECORD_DTYPE), *untaken])))

    def pending(self) -> np.ndarray:
        """Due times of requests without an end, earliest first."""
        with self._lock:
            return np.sort(self._pending)


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
