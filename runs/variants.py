"""The measurements of a run that are about what it advises, apart from those of other variants."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.sizing.evidence import advised_variant
from runs.models import Measurement, ProfileRun


def of_the_advised(run: ProfileRun, measurements: Sequence[Measurement]) -> list[Measurement]:
    """Those of the variant of the config that the advice is for; without one, of the first."""
    variant = advised_variant(run.advice, [row.data for row in measurements])
    return [row for row in measurements if row.data.get("variant", {}) == variant]
