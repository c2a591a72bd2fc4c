"""`python -m profiler`: the engine from a shell, with no web, queue or database."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from profiler import __version__, events
from profiler.circumstances import host_capacity
from profiler.comparing import RunResult
from profiler.errors import BudgetEnded, Cancelled, InvalidSpec, RunFailed
from profiler.noise_floor import default_folder
from profiler.raw.folder import BadFolder, RawWriter, export
from profiler.raw.formats import FORMATS, NoParquet
from profiler.spec_reader import read_spec

EXIT_STATUS = {"succeeded": 0, "failed": 1, "cancelled": 3, "timed_out": 4}
INVALID = 2


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return options.command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m profiler",
        description="Measure a model service and find the smallest size that keeps its objective.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="profile the service of a spec")
    run.add_argument("spec", type=Path, metavar="SPEC.json")
    run.add_argument("--out", type=Path, required=True, metavar="RESULT.json")
    run.add_argument(
        "--raw", type=Path, metavar="RAW_DIR", help="keep every request and usage sample there"
    )
    run.add_argument("--quiet", action="store_true", help="print no progress, only the outcome")
    _add_store(run)
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="say what is wrong with a spec, starting nothing")
    check.add_argument("spec", type=Path, metavar="SPEC.json")
    check.set_defaults(command=_check)
    _add_export(commands)
    _add_compare(commands)
    _add_aa(commands)
    return parser


def _add_export(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("export", help="raw data of `run --raw` as tables")
    parser.add_argument("folder", type=Path, metavar="RAW_DIR")
    parser.add_argument("--format", choices=list(FORMATS), default="csv")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(command=_export)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    compare = commands.add_parser("compare", help="say whether a run is better than another")
    compare.add_argument("results", type=Path, nargs="*", metavar="RESULT.json", help="base, new")
    compare.add_argument("--base", type=Path, nargs="+", default=[], metavar="RESULT.json")
    compare.add_argument("--new", type=Path, nargs="+", default=[], metavar="RESULT.json")
    compare.add_argument("--out", type=Path, metavar="COMPARISON.json")
    compare.set_defaults(command=_compare)


def _add_aa(commands: argparse._SubParsersAction) -> None:
    aa = commands.add_parser(
        "aa", help="measure a service against itself: by how much identical runs differ here"
    )
    aa.add_argument("spec", type=Path, metavar="SPEC.json")
    aa.add_argument("--against", type=Path, metavar="SPEC.json", help="measure this one in turns")
    aa.add_argument("--pairs", type=_pairs, default=5, help="pairs of runs (default 5)")
    aa.add_argument("--cpu-millicores", type=int, help="instead of the largest size")
    aa.add_argument("--out", type=Path, required=True, metavar="AA.json")
    _add_store(aa)
    aa.set_defaults(command=_aa)


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=Path,
        default=default_folder(),
        metavar="DIR",
        help="where the noise floors of this host's targets are kept (%(default)s)",
    )


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError("must be a whole number of at least 2")
    return int(text)


def _check(options: argparse.Namespace) -> int:
    try:
        spec = read_spec(options.spec, capacity=host_capacity())
    except RunFailed as failure:
        return _refused(failure, options.spec)
    say(f"{options.spec}: OK, up to {spec.limits.cpu_millicores}m cpu on {spec.target.kind}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from profiler.run import Result, profile

    problem = _why_not_writable(options.out)
    if problem:
        say(f"--out {options.out}: {problem}")
        return INVALID
    try:
        spec = read_spec(options.spec, capacity=host_capacity())
        raw = RawWriter(options.raw) if options.raw else None
    except RunFailed as failure:
        _write(options.out, Result.refused(failure).to_json())
        return _refused(failure, options.spec)
    with _interruptible() as should_stop, _scratch_folder() as work_dir:
        result = profile(
            spec,
            run_id=f"local-{os.getpid()}",
            work_dir=work_dir,
            on_event=_listener(options.quiet, raw),
            should_stop=should_stop,
            floors=options.store,
        )
    _write(options.out, result.to_json())
    say(result.summary())
    if raw:
        raw.close()
        if raw.problem:
            say(raw.problem)
    if result.error and result.error.log_tail:
        say(result.error.log_tail)
    return EXIT_STATUS[result.state]


def _listener(quiet: bool, raw: RawWriter | None) -> events.Listener:
    told = ([] if quiet else [_print_event]) + ([raw] if raw else [])

    def hear(event: events.Event) -> None:
        for listener in told:
            listener(event)

    return hear


def _export(options: argparse.Namespace) -> int:
    try:
        for path in export(options.folder, options.format, options.out, say):
            say(str(path))
    except (BadFolder, NoParquet, OSError) as problem:
        say(f"export: {problem}")
        return EXIT_STATUS["failed"]
    return 0


def _compare(options: argparse.Namespace) -> int:
    from profiler import comparing

    base, new = options.base or options.results[:1], options.new or options.results[1:]
    if bool(options.results) == bool(options.base or options.new) or not base or not new:
        say("Name two results, base and new, or several after each of --base and --new.")
        return INVALID
    if len(options.results) > 2:
        say("Only two results can be named so; use --base and --new for more.")
        return INVALID
    if options.out and (problem := _why_not_writable(options.out)):
        say(f"--out {options.out}: {problem}")
        return INVALID
    sides = [[_result_of(path) for path in side] for side in (base, new)]
    if any(run is None for side in sides for run in side):
        return INVALID
    found = dict(comparing.comparisons(*sides))
    if options.out:
        _write(options.out, {phase: one.to_json() for phase, one in found.items()})
    tell("\n\n".join(comparing.text(phase, one) for phase, one in found.items()))
    return 0


def _result_of(path: Path) -> RunResult | None:
    """The run in a RESULT file; None, and said why, where it cannot be compared."""
    try:
        return RunResult.from_json(path.stem, json.loads(path.read_text()))
    except OSError as error:
        say(f"{path}: cannot be read: {error.strerror}")
    except ValueError as error:
        reason = "is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        say(f"{path}: {reason}")
    return None


def _aa(options: argparse.Namespace) -> int:
    from profiler import aa

    if problem := _why_not_writable(options.out):
        say(f"--out {options.out}: {problem}")
        return INVALID
    specs = []
    for path in filter(None, (options.spec, options.against)):
        try:
            specs.append(read_spec(path, capacity=host_capacity()))
        except RunFailed as failure:
            return _refused(failure, path)
    if problem := aa.refusal(specs, options.cpu_millicores):
        say(problem)
        return INVALID
    try:
        with _interruptible() as should_stop, _scratch_folder() as work_dir:
            found = aa.alternate(
                specs, pairs=options.pairs, cpu_millicores=options.cpu_millicores,
                work_dir=work_dir, floors=options.store, should_stop=should_stop,
                on_run=lambda run: say(aa.line(run)),
            )  # fmt: skip
    except Cancelled:
        return EXIT_STATUS["cancelled"]
    except BudgetEnded as ended:
        say(f"timed_out: {ended}")
        return EXIT_STATUS["timed_out"]
    except RunFailed as failure:
        say(f"{failure.code}: {failure.message}\n{failure.log_tail}")
        return EXIT_STATUS["failed"]
    _write(options.out, found.to_json())
    if found.floor:
        say(f"Stored in {aa.store(options.store, found.floor)}")
    tell(aa.text(found))
    return 0 if found.is_conclusive else EXIT_STATUS["failed"]


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C or SIGTERM asks to stop, and what was measured is kept."""
    stopping: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(stopping)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="model-profiler-") as folder:
        yield Path(folder)


def _print_event(event: events.Event) -> None:
    if event.kind == events.PHASE:
        data = event.data
        say(f"{data['fraction']:4.0%}  {data['phase']:<10} {data['message']}")
    if event.kind == events.ESTIMATE:
        data = event.data
        say(f"      estimate   {_about(data)}, by {data['requests']} requests; not measured yet")


def _about(estimate: dict) -> str:
    """A rate or a size, and where a replay keeps the objective at none, that."""
    if "rate_rps" in estimate:
        rate_rps = estimate["rate_rps"]
        return f"about {rate_rps:g} requests/s" if rate_rps else "no rate keeps it"
    cpu_millicores = estimate["cpu_millicores"]
    return f"about {cpu_millicores}m cpu" if cpu_millicores else "none up to the largest"


def _refused(failure: RunFailed, place: Path) -> int:
    """Say what was refused before anything was started; the exit status of it."""
    if not isinstance(failure, InvalidSpec):
        say(f"{place}: {failure.code}: {failure.message}")
        return EXIT_STATUS["failed"]
    say(f"{place}: {len(failure.problems)} problem(s); nothing was started")
    for problem in failure.problems:
        say(f"  {problem}")
    return INVALID


def _why_not_writable(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist; make it first"
    if path.is_dir():
        return "is a folder; name a file"
    if not os.access(path if path.exists() else folder, os.W_OK):
        return "cannot be written; choose another path or change its permissions"
    return None


def _write(path: Path, result: dict) -> None:
    """Whole or not at all: a reader never sees half a result."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    part.replace(path)


def tell(text: str) -> None:
    """What a command was asked for; what it says on the way goes elsewhere."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
