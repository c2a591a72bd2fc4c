"""The `load` of a spec: one stage, a list of stages, or stages with their order and seed."""

from __future__ import annotations

from profiler.spec import Load, Stage
from profiler.spec_fields import Table, shown

STAGE_KEYS = ("mode", "rate_rps", "arrivals", "concurrency", "duration_s", "requests")
LOAD_KEYS = ("stages", "order", "seed", "timeout_s")

STAGES_MAX = 100
RATE_RPS = (0.01, 100_000)
CONCURRENCY_MAX = 10_000
REQUESTS_MAX = 100_000_000
DAY_S = 86_400
SEED_MAX = 2**63 - 1

DEFAULT_LOAD = Load(stages=(Stage(mode="closed", concurrency=1),))


def read_load(root: Table) -> Load:
    """The load; closed with one request at a time when none is given."""
    value = root.raw("load")
    if value is None:
        return DEFAULT_LOAD
    if isinstance(value, list | tuple):
        return Load(stages=_read_stages(root, "load"))
    table = Table.of(value, "load", root.problems, (*STAGE_KEYS, *LOAD_KEYS))
    if table is None:
        return DEFAULT_LOAD
    if table.has("stages"):
        for key in table.given(*STAGE_KEYS):
            table.add(key, 'belongs to a stage; move it into one of "stages"')
        stages = _read_stages(table, "stages")
    else:
        stages = (_read_stage(table),)
    return Load(
        stages=stages,
        order=table.choice("order", ("sequential", "shuffled"), "sequential"),
        seed=table.integer("seed", 0, SEED_MAX, 0),
        timeout_s=table.number("timeout_s", 0.01, 3600, 30.0),
    )


def _read_stages(parent: Table, key: str) -> tuple[Stage, ...]:
    items = parent.rows(key)
    if not items and isinstance(parent.raw(key), list | tuple):
        parent.add(key, "has no stages; add one, or leave it out for the default")
    if len(items) > STAGES_MAX:
        parent.add(key, f"has {len(items)} stages; {STAGES_MAX} at most")
        return ()
    stages = []
    for index, item in enumerate(items):
        table = Table.of(item, f"{parent.at(key)}[{index}]", parent.problems, STAGE_KEYS)
        if table is None:
            continue
        stages.append(_read_stage(table))
        if index < len(items) - 1 and not table.given("duration_s", "requests"):
            table.add("duration_s", "missing; only the last stage may have no end (or requests)")
    return tuple(stages)


def _read_stage(table: Table) -> Stage | None:
    mode = table.choice("mode", ("open", "closed"), missing='write "open" or "closed"')
    duration_s = table.number("duration_s", 0.1, DAY_S)
    requests = table.integer("requests", 1, REQUESTS_MAX)
    if len(table.given("duration_s", "requests")) == 2:
        table.add("requests", 'cannot stand beside "duration_s"; a stage ends by one of them')
    rate_rps = table.number(
        "rate_rps",
        *RATE_RPS,
        missing="give the requests per second of an open load" if mode == "open" else None,
    )
    arrivals = table.choice("arrivals", ("poisson", "constant"), "poisson")
    concurrency = table.integer("concurrency", 1, CONCURRENCY_MAX)
    _refuse_other_mode(table, mode)
    if mode == "open":
        return Stage("open", rate_rps, arrivals, None, duration_s, requests)
    return Stage("closed", None, "poisson", concurrency or 1, duration_s, requests)


def _refuse_other_mode(table: Table, mode: str | None) -> None:
    foreign = {"open": ("concurrency",), "closed": ("rate_rps", "arrivals")}.get(mode or "", ())
    other = "a closed" if mode == "open" else "an open"
    for key in table.given(*foreign):
        table.add(key, f"belongs to {other} load, and this one is {shown(mode)}; remove it")
