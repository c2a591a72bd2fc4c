"""The same service measured again and again, or two in turns: by how much identical runs differ.

Every run is a fresh start, because what differs between starts (memory placement, a neighbour) is
what a single run cannot know of itself. docs/comparing.md has the formulae.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from profiler import comparing, events, noise_floor
from profiler.circumstances import aside, host_facts, input_facts
from profiler.control import Control
from profiler.dataset import DatasetSummary, read_dataset, summarise
from profiler.load.driver import Driver
from profiler.measuring.compared import METRICS
from profiler.measuring.comparison import Comparison, compare
from profiler.measuring.objective import resolve_bound
from profiler.measuring.sensitivity import RowFacts
from profiler.measuring.unlike import Measured
from profiler.probe import Probe
from profiler.rig import Rig
from profiler.run import REFERENCE_S
from profiler.running.measurer import DRAWN_FOR
from profiler.services.gpu_lock import reserved
from profiler.services.prepared import Start, prepared
from profiler.sizing.evidence import REFERENCE
from profiler.spec import Limits, Spec

SCHEMA_VERSION = 1
#: A run that may not be believed is made anew, until there were this many of it.
ATTEMPTS = 3


@dataclass(frozen=True)
class Subject:
    """One of the services measured in turns, made ready to be started any number of times."""

    label: str
    spec: Spec
    size: Limits
    start: Start
    driver: Driver
    summary: DatasetSummary
    rows: RowFacts
    facts: dict


@dataclass(frozen=True)
class Run:
    """One fresh start and what it measured; `pair` counts from 1."""

    pair: int
    side: str
    measured: Measured

    @property
    def is_believed(self) -> bool:
        return self.measured.measurement["validity"]["valid"]

    def to_json(self) -> dict:
        return {"pair": self.pair, "side": self.side, **self.measured.__dict__}


@dataclass
class Alternation:
    """All runs in their order, and what they say. `against` tells whether two specs were given."""

    against: bool
    runs: list[Run] = field(default_factory=list)
    floor: dict | None = None
    known_floor: dict | None = None

    @property
    def believed_pairs(self) -> list[tuple[Measured, Measured]]:
        """The pairs of which both runs may be believed, base first."""
        sides: dict[int, dict[str, Measured]] = {}
        for run in self.runs:
            if run.is_believed:
                sides.setdefault(run.pair, {})[run.side] = run.measured
        return [(pair["A"], pair["B"]) for pair in sides.values() if len(pair) == 2]

    @property
    def comparison(self) -> Comparison | None:
        """All pairs together; None with fewer than two."""
        pairs = self.believed_pairs
        if len(pairs) < 2:
            return None
        return compare(*zip(*pairs, strict=True), noise_floor=self.known_floor, paired=True)

    @property
    def false_verdicts(self) -> dict | None:
        """Of the pairs each taken alone, the share whose runs were called different.

        None for two specs, whose runs are different. `with_floor` uses the floor of these runs.
        """
        pairs = self.believed_pairs
        if self.against or not pairs:
            return None
        return {
            "pairs": len(pairs),
            "without_floor": _share_told_apart(pairs, None),
            "with_floor": _share_told_apart(pairs, self.floor),
        }

    @property
    def is_conclusive(self) -> bool:
        """Whether enough runs may be believed to say anything."""
        return self.comparison is not None if self.against else self.floor is not None

    @property
    def host_noise(self) -> dict:
        """The median and the most of the cores' time that the hypervisor and others took."""
        found = {}
        for name in ("steal_fraction", "outside_busy_fraction"):
            values = [run.measured.measurement["noise"].get(name) for run in self.runs]
            known = [value for value in values if value is not None]
            found[name] = (
                {"median": statistics.median(known), "most": max(known)} if known else None
            )
        return found

    def to_json(self) -> dict:
        comparison = self.comparison
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "ab" if self.against else "aa",
            "noise_floor": self.floor,
            "comparison": comparison.to_json() if comparison else None,
            "false_verdicts": self.false_verdicts,
            "host_noise": self.host_noise,
            "runs": [run.to_json() for run in self.runs],
        }


def _share_told_apart(pairs: Sequence[tuple[Measured, Measured]], floor: dict | None) -> float:
    verdicts = (compare([a], [b], noise_floor=floor).verdict for a, b in pairs)
    return sum(verdict in ("better", "worse") for verdict in verdicts) / len(pairs)


def alternate(
    specs: Sequence[Spec],
    *,
    pairs: int,
    work_dir: Path,
    floors: Path,
    cpu_millicores: int | None = None,
    labels: dict[str, str] | None = None,
    on_event: events.Listener = lambda event: None,
    on_run: Callable[[Run], None] = lambda run: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Alternation:
    """Measure one spec against itself, or two in turns, in the order ABBA ABBA.

    Each run is measured at the largest size, or at `cpu_millicores`. A drift of the host that is
    even over four runs falls out of their differences. Raises what a run raises: RunFailed,
    Cancelled, BudgetEnded.
    """
    found = Alternation(against=len(specs) == 2)
    marks = labels or {"model-profiler.run": f"aa-{os.getpid()}", "model-profiler.attempt": "1"}
    control = Control(on_event, should_stop)
    facts = host_facts()
    found.known_floor, _ = noise_floor.read(
        floors, facts, specs[0].target.kind, specs[0].target.service_cores
    )
    with ExitStack() as stack:
        subjects = [
            stack.enter_context(
                _ready(label, spec, _size(spec, cpu_millicores), control, marks, work_dir / label)
            )
            for label, spec in zip("AB", specs, strict=False)
        ]
        stack.enter_context(aside(specs[0].target.driver_cores))
        for number in range(1, pairs + 1):
            for side in "AB" if number % 2 else "BA":
                subject = subjects[-1 if side == "B" else 0]
                measured = _believed(
                    replace(subject, label=f"{side}{number}"), on_event, should_stop
                )
                found.runs.append(Run(number, side, measured))
                on_run(found.runs[-1])
    if not found.against:
        found.floor = _floor(found, specs[0], subjects[0].size, facts)
    return found


def refusal(specs: Sequence[Spec], cpu_millicores: int | None) -> str | None:
    """Why these cannot be measured in turns; None when they can."""
    if len({(spec.target.kind, spec.target.service_cores) for spec in specs}) > 1:
        return "Both specs must name the same kind of target and the same cores."
    most = min(spec.limits.cpu_millicores for spec in specs)
    if cpu_millicores is not None and not 0 < cpu_millicores <= most:
        return f"--cpu-millicores must be from 1 to {most}, the limits of the spec."
    return None


def _size(spec: Spec, cpu_millicores: int | None) -> Limits:
    return Limits(cpu_millicores or spec.limits.cpu_millicores, spec.limits.memory_bytes)


@contextmanager
def _ready(
    label: str, spec: Spec, size: Limits, control: Control, labels: dict[str, str], folder: Path
) -> Iterator[Subject]:
    """Everything that one service's starts share; the folder is its own."""
    control.enter("building", f"making what service {label} runs from")
    folder.mkdir(parents=True, exist_ok=True)
    rows = read_dataset(spec.dataset)
    summary = summarise(rows)
    with (
        prepared(spec, control, labels, folder) as start,
        aside(spec.target.driver_cores),
        Driver(rows, cores=spec.target.driver_cores, work_dir=folder, check=spec.answers) as driver,
    ):
        facts = host_facts() | input_facts(spec, summary)
        yield Subject(label, spec, size, start, driver, summary, RowFacts.of(rows), facts)


def _believed(
    subject: Subject, on_event: events.Listener, should_stop: Callable[[], bool]
) -> Measured:
    """A run that may be believed, or the last of several tries."""
    for attempt in range(1, ATTEMPTS + 1):
        # Each start has the spec's budget to itself.
        measured = _run(subject, Control(on_event, should_stop))
        if measured.measurement["validity"]["valid"] or attempt == ATTEMPTS:
            break
    return measured


def _run(subject: Subject, control: Control) -> Measured:
    """A fresh start, its rows checked, warmed up and measured."""
    spec = subject.spec
    control.enter("starting", f"starting {subject.label}")
    control.start_budget(spec.budget.duration_s)
    with (
        reserved(spec, control, until=time.monotonic() + spec.budget.build_s) as gpus,
        subject.start(subject.size, gpus=gpus) as service,
        Rig(spec, subject.size, service, subject.driver, control) as rig,
    ):
        rig.become_ready()
        facts = subject.facts | service.circumstances() | {"startup_s": rig.startup_s}
        control.enter("checking", f"sending each of {subject.summary.rows} rows once")
        rig.check_rows(subject.summary.rows)
        control.enter("warming", "warming up")
        rig.warm_up()
        control.enter("measuring", f"measuring {subject.label}")
        measurement = Probe(
            rig,
            resolve_bound(spec.objective, None),
            phase=REFERENCE,
            ordinal=0,
            at_least_s=REFERENCE_S,
            distinct_rows=subject.summary.distinct_rows,
            rows=subject.rows,
            draw=(DRAWN_FOR[REFERENCE], subject.size.cpu_millicores, 0),  # a run's first
        ).take()
    return Measured(subject.label, measurement.to_json(), facts)


# ---- the noise floor -----------------------------------------------------------------------------


def _floor(found: Alternation, spec: Spec, size: Limits, facts: dict) -> dict | None:
    """The target's noise floor from these runs; None where too few of them may be believed."""
    believed = [run.measured for run in found.runs if run.is_believed]
    if len(believed) < noise_floor.FEWEST_RUNS:
        return None
    return {
        "schema_version": noise_floor.SCHEMA_VERSION,
        **{key: facts[key] for key in noise_floor.HOLDS_FOR},
        "kind": spec.target.kind,
        "service_cores": list(spec.target.service_cores),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runs": len(believed),
        "models": [f"{model.name}:{model.version}" for model in spec.models],
        "cpu_millicores": size.cpu_millicores,
        "metrics": noise_floor.relative_differences(believed),
    }


def store(folder: Path, floor: dict) -> Path:
    """Write the target's floor where its runs look for it; whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = noise_floor.path_of(folder, floor["host"], floor["kind"], floor["service_cores"])
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(floor, indent=2) + "\n")
    part.replace(path)
    return path


# ---- for a terminal ------------------------------------------------------------------------------


def line(run: Run) -> str:
    """A run in one line."""
    data = run.measured.measurement
    cpu_s = data["cpu_seconds_per_request"]
    told = [
        f"pair {run.pair} {run.side}:",
        f"p50 {data['latency_ms']['p50']:.3g} ms, p95 {data['latency_ms']['p95']:.3g} ms,",
        f"{data['achieved_rps']:.4g} requests/s,",
        "cpu not known" if cpu_s is None else f"{cpu_s * 1000:.3g} ms cpu a request",
    ]
    if not run.is_believed:
        told.append("(not believed: " + " ".join(data["validity"]["reasons"]) + ")")
    return " ".join(told)


def text(found: Alternation) -> str:
    """What the runs say, in plain text."""
    believed = sum(run.is_believed for run in found.runs)
    lines = [f"{believed} of {len(found.runs)} runs may be believed."]
    if found.against:
        comparison = found.comparison
        if comparison is None:
            return " ".join([*lines, "Two pairs are needed at least: nothing can be compared."])
        return "\n".join([*lines, comparing.text(REFERENCE, comparison)])
    if found.floor is None:
        return " ".join([*lines, f"A noise floor needs {noise_floor.FEWEST_RUNS} at least."])
    lines.append("Two identical runs differ here, in 95 % of cases, by less than:")
    labels = {metric.name: metric.label for metric in METRICS}
    lines += [f"  {labels[name]}: {share:.1%}" for name, share in found.floor["metrics"].items()]
    told = found.false_verdicts
    if told is not None:
        lines.append(
            f"Of {told['pairs']} pairs, each taken alone, {told['without_floor']:.0%} were called "
            f"different without this floor, {told['with_floor']:.0%} with it."
        )
    return "\n".join(lines)
