"""The `policy` of a spec: what a team decides once for all its runs."""

from __future__ import annotations

import re
from dataclasses import asdict

from profiler.spec import STANDARD, Floors, Grid, Limits, Policy
from profiler.spec_fields import Problems, Table, shown
from profiler.spec_reader import objective
from profiler.spec_reader.target import MEMORY_BYTES_MIN
from profiler.units import MIB

KEYS = tuple(Policy.__dataclass_fields__)
GRID_KEYS = tuple(Grid.__dataclass_fields__)
FLOOR_KEYS = tuple(Floors.__dataclass_fields__)
#: A policy bounds no latency: that is for each run to say.
OBJECTIVE_KEYS = tuple(key for key in objective.KEYS if key != "latency_ms")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-._]{0,99}")
NAME_ADVICE = (
    "begin with a letter or digit and use only letters, digits, hyphens, dots and underscores,"
    " 100 at most"
)
#: A kernel's quota is 1 ms of each 100 ms at least.
STEP_MIN, MILLICORES_MAX = 10, 1_000_000
MEMORY_MAX = 1 << 50
MARGIN_MAX, STEPS_UP_MAX = 10, 100


def read_policy(root: Table) -> Policy:
    """The policy; what it leaves open is the standard one's."""
    table, default = root.table("policy", KEYS), STANDARD
    if table is None:
        return default
    share = "a share such as 0.15, not a percentage"
    return Policy(
        name=table.text("name", default.name, pattern=NAME, advice=NAME_ADVICE),
        cpu_margin=table.number("cpu_margin", 0, MARGIN_MAX, default.cpu_margin, advice=share),
        memory_margin=table.number(
            "memory_margin", 0, MARGIN_MAX, default.memory_margin, advice=share
        ),
        memory_step_bytes=table.integer(
            "memory_step_bytes", MIB, MEMORY_MAX, default.memory_step_bytes
        ),
        steps_up=table.integer("steps_up", 0, STEPS_UP_MAX, default.steps_up),
        grid=_read_grid(table),
        floors=_read_floors(table),
        objective=objective.read_objective(table, default.objective, OBJECTIVE_KEYS),
    )


def check_floors(root: Table, policy: Policy, limits: Limits | None) -> None:
    """A floor above the largest size of the run would leave nothing to try."""
    for name, floor in asdict(policy.floors).items():
        limit = limits and getattr(limits, name)
        if floor and limit and floor > limit:
            root.add(
                f"policy.floors.{name}",
                f"{floor} is above limits.{name}, {limit}; lower the floor or raise the limit",
            )


def policy_of(data: dict) -> Policy:
    """A stored policy; what it lacks, and what of it makes no sense, is the standard one's."""
    return read_policy(Table({"policy": data}, "", Problems(), ("policy",)))


def policy_to_json(policy: Policy) -> dict:
    """Everything said, as a spec writes it."""
    data = asdict(policy)
    del data["objective"]["latency_ms"]
    data["grid"]["steps_millicores"] = [list(pair) for pair in policy.grid.steps_millicores]
    return data


def _read_floors(table: Table) -> Floors:
    floors = table.table("floors", FLOOR_KEYS)
    if floors is None:
        return STANDARD.floors
    return Floors(
        cpu_millicores=floors.integer("cpu_millicores", STEP_MIN, MILLICORES_MAX),
        memory_bytes=floors.integer("memory_bytes", MEMORY_BYTES_MIN, MEMORY_MAX),
    )


def _read_grid(table: Table) -> Grid:
    grid, default = table.table("grid", GRID_KEYS), STANDARD.grid
    if grid is None:
        return default
    given = grid.has("steps_millicores")
    return Grid(
        steps_millicores=_read_steps(grid) if given else default.steps_millicores,
        step_above_millicores=grid.integer(
            "step_above_millicores", STEP_MIN, MILLICORES_MAX, default.step_above_millicores
        ),
    )


def _read_steps(grid: Table) -> tuple[tuple[int, int], ...]:
    """Pairs of a step and the size up to which it is taken, each further than the one before."""
    pairs: list[tuple[int, int]] = []
    for index, pair in enumerate(grid.rows("steps_millicores")):
        wrong = _wrong_pair(pair, pairs[-1][1] if pairs else 0)
        if wrong:
            grid.add(f"steps_millicores[{index}]", wrong)
            return STANDARD.grid.steps_millicores
        pairs.append(tuple(pair))
    return tuple(pairs)


def _wrong_pair(pair: object, end_before: int) -> str | None:
    numbers = pair if isinstance(pair, list | tuple) else ()
    if len(numbers) != 2 or any(type(number) is not int for number in numbers):
        return f"must be two whole numbers, [step, up to], not {shown(pair)}"
    step, end = numbers
    if not STEP_MIN <= step <= MILLICORES_MAX:
        return f"the step must be from {STEP_MIN} to {MILLICORES_MAX}, not {shown(step)}"
    if not end_before < end <= MILLICORES_MAX:
        before = f"above {end_before}, where the one before ends," if end_before else "above 0"
        return f"must go up to a size {before} and at most {MILLICORES_MAX}, not {shown(end)}"
    return None
