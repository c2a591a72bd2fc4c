"""A measurement's samples as its charts read them: all of them, or those of a range of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Min

from profiler.raw.tables import clock_of
from profiler.samples import Columns
from profiler.units import NS
from runs.charts import series
from runs.charts.series import SETTLING_S, Latencies
from runs.charts.span import Span
from runs.models import Measurement, ProfileRun, SampleChunk

REQUEST_COLUMNS = ("scheduled_ns", "finished_ns", "outcome")


@dataclass(frozen=True)
class Taken:
    """`row` is None while the measurement is under way."""

    run: ProfileRun
    row: Measurement | None
    ordinal: int
    span: Span | None = None

    @cached_property
    def _begins_ns(self) -> dict[str, int]:
        """When each series begins that there are samples of; none while they are being dropped."""
        if self.run.raw_dropped_at:
            return {}
        chunks = SampleChunk.objects.filter(run=self.run, measurement=self.ordinal)
        return dict(chunks.order_by().values_list("series").annotate(Min("start_ns")))

    @property
    def is_empty(self) -> bool:
        return not self._begins_ns

    @cached_property
    def start_ns(self) -> int:
        """Where the measured time begins; the load, while it is under way."""
        if self.row:
            return self.row.data["started_ns"]
        return self._begins_ns.get("requests") or min(self._begins_ns.values())

    @property
    def start_up_s(self) -> float | None:
        """How long before the measured time the service was started; None for one that ran."""
        first_ns = self._begins_ns.get("usage", self.start_ns)
        before_s = (self.start_ns - first_ns) / NS
        return before_s if before_s > SETTLING_S else None

    def columns(
        self, name: str, names: Sequence[str] | None = None, span: Span | None = None
    ) -> Columns:
        """The named columns of one series; those of `span` where there is one."""
        if span is None:
            return series.read_columns(self.run, self.ordinal, name, names)
        within_ns = span.in_ns(self.start_ns)
        found = series.read_columns(self.run, self.ordinal, name, names, within_ns)
        return series.between(found, clock_of(name), *within_ns)

    def latencies(self, *more: str) -> Latencies | None:
        """Of whole seconds, since percentiles are told of seconds; None where there is nothing."""
        span = self.span.whole_seconds if self.span else None
        columns = self.columns("requests", (*REQUEST_COLUMNS, *more), span)
        if not columns:
            return None
        end_ns = self.row.data["ended_ns"] if self.row else None
        values = series.latencies(columns, self.start_ns, end_ns)
        return values if len(values.at_s) else None

    def usage(self, names: Sequence[str] | None = None, name: str = "usage") -> Columns:
        """Samples with the service's start before them; without the settling of one that ran."""
        columns = self.columns(name, names, self.span)
        if not columns or self.start_up_s is not None:
            return columns
        return series.between(columns, "at_ns", self.start_ns)
