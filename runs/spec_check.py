"""What the engine would refuse of a run, asked before the run is made."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from profiler.errors import NO_GPU, InvalidSpec, Problem, RunFailed
from profiler.spec_reader import Capacity, read_spec_data
from runs import run_spec
from runs.models import Target

if TYPE_CHECKING:
    from runs.models import ProfileRun, RegisteredModel


def problems_of(run: ProfileRun, models: list[RegisteredModel]) -> list[Problem]:
    """Every problem of a run that is not saved yet, each with its place in the spec."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as name:
        folder = Path(name)
        run_spec.link_inputs(run, models, folder)
        try:
            read_spec_data(
                run_spec.build(run, models),
                folder,
                capacity=capacity_of(run.target),
                confined=True,
            )
        except InvalidSpec as refusal:
            return refusal.problems
        except RunFailed as refusal:
            return [Problem("target", told(refusal, run))]
    return []


def told(refusal: RunFailed, run: ProfileRun) -> str:
    """A refusal in words; one for want of GPUs names the targets that have them."""
    if refusal.code != NO_GPU:
        return refusal.message
    having = [target.name for target in Target.objects.with_gpus(run.config.gpus)]
    if having:
        return f"{refusal.message}. Targets that have: {', '.join(having)}."
    return (
        f"{refusal.message}. No target here has: `manage.py ensure_target` on a machine with GPUs "
        "makes one that does."
    )


def capacity_of(target: Target) -> Capacity:
    """What the target's machine has: the site may run on another."""
    return Capacity(
        service_cores=tuple(target.service_cores),
        driver_cores=tuple(target.driver_cores),
        memory_bytes=target.memory_bytes,
        gpus=tuple(target.gpu_indices),
    )
