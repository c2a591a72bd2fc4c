"""The noise floor of this host's targets: where it is kept, and on the target's row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from profiler import noise_floor

if TYPE_CHECKING:
    from runs.models import Target


def folder() -> Path:
    return settings.PROFILER_DATA_DIR / "noise-floor"


def refresh(target: Target) -> None:
    """Bring the row's floor up to what holds on this host now; a query only where it changed."""
    from profiler.circumstances import host_facts

    floor, why_not = noise_floor.read(folder(), host_facts(), target.kind, target.service_cores)
    target.keep_noise_floor(floor, why_not)
