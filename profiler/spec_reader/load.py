"""The `load` of a spec: one stage, a list of stages, or stages with their order and seed."""

from __future__ import annotations

import math
from pathlib import Path

from profiler.spec import Budget, Load, Stage
from profiler.spec_fields import Folder, Table, shown
from profiler.spec_reader.arrivals import (
    ARRIVALS_MAX,
    RATE_RPS,
    WrongArrivals,
    read_arrivals,
    recorded_stage,
)

STAGE_KEYS = (
    "mode",
    "rate_rps",
    "arrivals",
    "arrivals_file",
    "times_s",
    "speed",
    "concurrency",
    "duration_s",
    "requests",
)
RECORDED_KEYS = ("arrivals_file", "times_s", "speed")
LOAD_KEYS = ("stages", "order", "seed", "timeout_s")

STAGES_MAX = 100
CONCURRENCY_MAX = 10_000
REQUESTS_MAX = 100_000_000
DAY_S = 86_400
SEED_MAX = 2**63 - 1
SPEED = (0.001, 1000)

DEFAULT_LOAD = Load(stages=(Stage(mode="closed", concurrency=1),))


def read_load(root: Table, folder: Folder) -> Load:
    """The load; closed with one request at a time when none is given."""
    value = root.raw("load")
    if value is None:
        return DEFAULT_LOAD
    if isinstance(value, list | tuple):
        return Load(stages=_read_stages(root, "load", folder))
    table = Table.of(value, "load", root.problems, (*STAGE_KEYS, *LOAD_KEYS))
    if table is None:
        return DEFAULT_LOAD
    if table.has("stages"):
        for key in table.given(*STAGE_KEYS):
            table.add(key, 'belongs to a stage; move it into one of "stages"')
        stages = _read_stages(table, "stages", folder)
    else:
        stages = (_read_stage(table, folder),)
    return Load(
        stages=stages,
        order=table.choice("order", ("sequential", "shuffled"), "sequential"),
        seed=table.integer("seed", 0, SEED_MAX, 0),
        timeout_s=table.number("timeout_s", 0.01, 3600, 30.0),
    )


def _read_stages(parent: Table, key: str, folder: Folder) -> tuple[Stage, ...]:
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
        stages.append(_read_stage(table, folder))
        ends = table.given("duration_s", "requests") or table.raw("arrivals") == "recorded"
        if index < len(items) - 1 and not ends:
            table.add("duration_s", "missing; only the last stage may have no end (or requests)")
    return tuple(stages)


def _read_stage(table: Table, folder: Folder) -> Stage | None:
    mode = table.choice("mode", ("open", "closed"), missing='write "open" or "closed"')
    arrivals = table.choice("arrivals", ("poisson", "constant", "recorded"), "poisson")
    _refuse_other_mode(table, mode)
    if mode == "open" and arrivals == "recorded":
        return _read_recorded(table, folder)
    for key in table.given(*RECORDED_KEYS) if mode != "closed" else ():
        table.add(key, 'belongs to an open load with "arrivals": "recorded"; remove it')
    duration_s = table.number("duration_s", 0.1, DAY_S)
    requests = table.integer("requests", 1, REQUESTS_MAX)
    if len(table.given("duration_s", "requests")) == 2:
        table.add("requests", 'cannot stand beside "duration_s"; a stage ends by one of them')
    rate_rps = table.number(
        "rate_rps",
        *RATE_RPS,
        missing="give the requests per second of an open load" if mode == "open" else None,
    )
    concurrency = table.integer("concurrency", 1, CONCURRENCY_MAX)
    if mode == "open":
        return Stage("open", rate_rps, arrivals, None, duration_s, requests)
    return Stage("closed", None, "poisson", concurrency or 1, duration_s, requests)


def _read_recorded(table: Table, folder: Folder) -> Stage | None:
    """A stage at the times of a file, or of the spec itself."""
    for key in table.given("rate_rps", "duration_s", "requests"):
        table.add(key, "is settled by the recorded arrivals; remove it")
    given = table.given("arrivals_file", "times_s")
    if len(given) == 2:
        table.add("times_s", 'cannot stand beside "arrivals_file"; keep one of them')
    speed = table.number("speed", *SPEED, 1.0)
    path = table.path("arrivals_file", folder, "file")
    if not given:
        table.add("arrivals_file", "missing; name the file with the recorded times")
    if len(given) != 1:
        return None
    try:
        times = _read_file(path) if path else _read_times(table)
        return recorded_stage(times, speed) if times else None
    except WrongArrivals as wrong:
        table.add(given[0], str(wrong))
        return None


def _read_file(path: Path) -> list[float]:
    try:
        with path.open(encoding="utf-8") as lines:
            return read_arrivals(lines) or _refuse_empty()
    except UnicodeDecodeError as error:
        raise WrongArrivals(f"byte {error.start + 1} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise WrongArrivals(f"cannot be read: {error.strerror}") from error


def _refuse_empty() -> list[float]:
    raise WrongArrivals("holds no times; write one a line")


def _read_times(table: Table) -> list[float]:
    """The times in the spec itself; empty when they are none, which was noted."""
    times = table.rows("times_s")
    if len(times) > ARRIVALS_MAX:
        raise WrongArrivals(f"has {len(times):,} arrivals; {ARRIVALS_MAX:,} at most")
    before = 0.0
    for index, at_s in enumerate(times):
        if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not at_s >= before:
            raise WrongArrivals(
                f"item {index} must be a number of seconds, not below the one before, "
                f"not {shown(at_s)}"
            )
        before = at_s
    if times and not math.isfinite(before):
        raise WrongArrivals("must hold finite numbers only")
    return times or (_refuse_empty() if table.raw("times_s") == [] else [])


def check_rounds(table: Table, load: Load, budget: Budget) -> None:
    """Refuse a recording that takes longer than the run may measure: nothing could be decided."""
    recorded_s = sum(stage.duration_s for stage in load.stages if stage and stage.times_s)
    if recorded_s > budget.duration_s:
        table.add(
            "budget.duration_s",
            f"the recorded arrivals last {recorded_s:.0f} s, each size is judged by all of them, "
            f"and this is {budget.duration_s:g}; raise it, choose a higher speed or cut the "
            "recording",
        )


def _refuse_other_mode(table: Table, mode: str | None) -> None:
    foreign = {
        "open": ("concurrency",),
        "closed": ("rate_rps", "arrivals", *RECORDED_KEYS),
    }.get(mode or "", ())
    other = "a closed" if mode == "open" else "an open"
    for key in table.given(*foreign):
        table.add(key, f"belongs to {other} load, and this one is {shown(mode)}; remove it")
