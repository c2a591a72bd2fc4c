"""`python -m profiler`: the engine from a shell, with no web, queue or database."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from profiler import __version__, events
from profiler.circumstances import host_capacity
from profiler.errors import InvalidSpec, RunFailed
from profiler.spec import Spec
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
    run.add_argument("--quiet", action="store_true", help="print no progress, only the outcome")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="say what is wrong with a spec, starting nothing")
    check.add_argument("spec", type=Path, metavar="SPEC.json")
    check.set_defaults(command=_check)
    return parser


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
    except RunFailed as failure:
        _write(options.out, Result.refused(failure).to_json())
        return _refused(failure, options.spec)
    result = _profile(profile, spec, quiet=options.quiet)
    _write(options.out, result.to_json())
    say(result.summary())
    if result.error and result.error.log_tail:
        say(result.error.log_tail)
    return EXIT_STATUS[result.state]


def _profile(profile, spec: Spec, *, quiet: bool):
    """Run it in a scratch folder; Ctrl-C or SIGTERM cancels and keeps what was measured."""
    stopping: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with tempfile.TemporaryDirectory(prefix="model-profiler-") as work_dir:
            return profile(
                spec,
                run_id=f"local-{os.getpid()}",
                work_dir=Path(work_dir),
                on_event=_ignore if quiet else _print_event,
                should_stop=lambda: bool(stopping),
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_event: events.Event) -> None:
    pass


def _print_event(event: events.Event) -> None:
    if event.kind == events.PHASE:
        data = event.data
        say(f"{data['fraction']:4.0%}  {data['phase']:<10} {data['message']}")


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


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
