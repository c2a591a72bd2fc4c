"""What a run's policy decided, in words."""

from __future__ import annotations

from profiler.spec import Grid, Objective, Policy
from runs import formatting


def policy_facts(policy: Policy) -> list[tuple[str, str]]:
    """Label and text of what a policy says, its name first."""
    return [
        ("Policy", policy.name),
        ("Margins", _margins(policy)),
        ("Sizes tried", _sizes(policy)),
        ("Policy's objective", _objective(policy.objective)),
    ]


def _margins(policy: Policy) -> str:
    step = formatting.memory(policy.memory_step_bytes)
    return (
        f"memory {formatting.percent(policy.memory_margin)} in steps of {step}, "
        f"cpu {formatting.percent(policy.cpu_margin)} where not limited, "
        f"{policy.steps_up} step{'' if policy.steps_up == 1 else 's'} up"
    )


def _sizes(policy: Policy) -> str:
    floors = []
    if policy.floors.cpu_millicores:
        floors.append(formatting.cpu(policy.floors.cpu_millicores))
    if policy.floors.memory_bytes:
        floors.append(formatting.memory(policy.floors.memory_bytes))
    return f"{_grid(policy.grid)}; {'at least ' + ' and '.join(floors) if floors else 'no floor'}"


def _grid(grid: Grid) -> str:
    steps = [f"{step}m to {formatting.cpu(end)}" for step, end in grid.steps_millicores]
    return ", ".join([f"steps of {steps[0]}" if steps else "steps", *steps[1:],
                      f"{grid.step_above_millicores}m above"])  # fmt: skip


def _objective(objective: Objective) -> str:
    """What holds where a run's own objective says nothing."""
    return (
        f"{formatting.percentile_name(objective.percentile)} within "
        f"{objective.latency_ratio:g} times the largest size's, "
        f"{formatting.percent(objective.throughput_share)} of its throughput, "
        f"{formatting.percent(objective.max_error_rate)} errors, "
        f"{formatting.percent(objective.confidence)} confidence"
    )
