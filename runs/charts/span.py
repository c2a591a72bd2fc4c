"""A range of a chart's time, as a reader who looks closer asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from profiler.units import NS


class NotASpan(ValueError):
    """What was asked for is no range of time; the text says why."""


@dataclass(frozen=True)
class Span:
    """Seconds from the start of the measured time, ends included."""

    from_s: float
    to_s: float

    @classmethod
    def asked(cls, query: Mapping[str, str]) -> Span | None:
        """Of an address with `from` and `to`; None where neither is there."""
        if "from" not in query and "to" not in query:
            return None
        try:
            span = cls(float(query["from"]), float(query["to"]))
        except (KeyError, ValueError) as error:
            raise NotASpan("from and to have to be seconds, both of them.") from error
        if not (math.isfinite(span.from_s) and math.isfinite(span.to_s)):
            raise NotASpan("from and to have to be finite.")
        if span.from_s >= span.to_s:
            raise NotASpan("from has to be before to.")
        return span

    @property
    def whole_seconds(self) -> Span:
        """As wide as it takes for its first and last second to be whole."""
        return Span(math.floor(self.from_s), math.ceil(self.to_s))

    def in_ns(self, start_ns: int) -> tuple[int, int]:
        return start_ns + round(self.from_s * NS), start_ns + round(self.to_s * NS)
