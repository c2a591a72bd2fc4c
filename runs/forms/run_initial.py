"""The form of a new run as it would be filled in to repeat a run."""

from __future__ import annotations

from profiler.units import MIB
from runs.forms.run_answers import answers_initial
from runs.forms.run_concurrency import concurrency_initial
from runs.forms.run_load import load_initial
from runs.forms.runs import BOUND, RELATIVE
from runs.models import ProfileRun, SizingPolicy


def initial_of(run: ProfileRun) -> dict:
    """The form as it would be filled in to ask for the same run again."""
    memory_bytes = run.limits.get("memory_bytes")
    return {
        "clone": run.name,
        "models": list(run.models.all()),
        "config": run.config_id,
        "dataset": run.dataset_id,
        "target": run.target_id,
        "cpu_millicores": run.limits.get("cpu_millicores"),
        "memory_mib": memory_bytes and memory_bytes // MIB,
        "policy": SizingPolicy.objects.filter(name=run.policy.get("name")).first(),
        "memory_probe": run.memory_probe,
        "question": run.question,
        "peak_rps": run.peak_rps,
        **run.budget,
        **run.objective,
        "objective_kind": BOUND if run.objective.get("latency_ms") else RELATIVE,
        **load_initial(run),
        **answers_initial(run.answers),
        **concurrency_initial(run.concurrency),
    }
