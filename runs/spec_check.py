"""What the engine would refuse of a run, asked before the run is made."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from profiler.errors import NO_GPU, InvalidSpec, Problem, RunFailed
from profiler.spec_reader import Capacity, read_spec_data
from runs import run_spec
from runs.models import ProfileRun, Target

if TYPE_CHECKING:
    from runs.models import RegisteredModel

#: Words that stand where a run's name would in an address.
RESERVED_NAMES = {"new", "compare"}


def why_name_refused(name: str) -> str:
    """Why a new run cannot have this name; "" when it can."""
    if name in RESERVED_NAMES:
        return f"{name} means something else in an address."
    if ProfileRun.objects.filter(name=name).exists():
        return f"There is a run {name} already."
    return ""


def why_target_refused(target: Target) -> str:
    """Why no run can be sent there by how the site is set up; "" when one can."""
    if target.kind == Target.Kind.PROCESS and not settings.PROFILER_ALLOW_PROCESS_TARGET:
        return (
            "Processes run code as the site's own user, which is not allowed here "
            "(PROFILER_ALLOW_PROCESS_TARGET)."
        )
    return ""


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
