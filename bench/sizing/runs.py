"""Runs of the engine on each service, kept for accuracy.py: as many as are missing."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit.report import circumstances, say
from bench.kit.script import ROOT
from bench.sizing.catalogue import inputs_of, spec_of, spec_path
from bench.sizing.command import add_time, in_turn, parsed, parser
from bench.sizing.run_facts import WARM, facts_of
from bench.sizing.stage import staged

FOLDER = Path(__file__).with_name("runs")
RUNS = 5


def main() -> int:
    by = parser(__doc__)
    add_time(by)
    by.add_argument("--runs", type=int, default=RUNS, help="of each service (%(default)s)")
    by.add_argument("--out", type=Path, default=FOLDER, help="folder of what is kept")
    by.add_argument("--afresh", action="store_true", help="forget the runs there are")
    return in_turn(parsed(by), take)


def kept(name: str, folder: Path = FOLDER) -> dict:
    """The runs of a service as it is now; none of another one that had its name."""
    path, inputs = folder / f"{name}.json", inputs_of(name)
    found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("inputs") == inputs:
        return found
    return {"service": name, "inputs": inputs, "sessions": [], "runs": []}


def take(name: str, options: argparse.Namespace, should_stop: Callable[[], bool]) -> None:
    found = kept(name, options.out)
    if options.afresh:
        found["sessions"], found["runs"] = [], []
    if len(found["runs"]) >= options.runs:
        return
    say(f"\n{name}")
    with staged(spec_of(name), should_stop):
        pass  # its image is there now: the runs are warm
    found["sessions"].append(circumstances())
    while len(found["runs"]) < options.runs and not should_stop():
        # Arrivals of its own for each run: what one draw of them decides is not counted thrice.
        seed = len(found["runs"]) + 1
        facts = facts_of(run(name, seed)) | {"session": len(found["sessions"]) - 1, "seed": seed}
        found["runs"].append(facts)
        write(found, options.out)
        tell(facts)


def run(name: str, seed: int) -> dict:
    """The RESULT of `python -m profiler run`, which chooses among all cores by itself."""
    with tempfile.TemporaryDirectory(prefix="mp-bench-") as folder:
        spec, out = Path(folder) / "spec.json", Path(folder) / "result.json"
        spec.write_text(json.dumps(seeded(name, seed)))
        command = [sys.executable, "-m", "profiler", "run", spec, "--quiet"]
        done = subprocess.run(
            [*map(str, command), "--out", str(out)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        if not out.exists():
            raise RuntimeError(
                f"the run ended with status {done.returncode}: {done.stderr[-2000:]}"
            )
        return json.loads(out.read_text())


def seeded(name: str, seed: int) -> dict:
    """The service's spec with another seed, as it is written from any folder."""
    path = spec_path(name)
    spec = json.loads(path.read_text())
    spec["load"]["seed"] = seed
    named = [(spec["config"], "source_directory"), (spec["dataset"], "path")]
    for part, key in [*named, *((model, "path") for model in spec["models"])]:
        part[key] = str(path.parent / part[key])
    return spec


def write(found: dict, folder: Path) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{found['service']}.part"
    part.write_text(json.dumps(found, indent=1) + "\n")
    part.replace(folder / f"{found['service']}.json")


def tell(facts: dict) -> None:
    seconds = sum(facts["phases_s"].get(phase, 0.0) for phase in WARM)
    size = f"{facts['cpu_millicores']}m {(facts['memory_bytes'] or 0) >> 20} MiB"
    tried = " ".join(f"{m['cpu_millicores']}:{m['outcome'][0]}" for m in facts["measurements"])
    why = facts["error"] or " ".join(facts["reasons"] or ())
    say(f"  {facts['standing']} {size}, {seconds:.0f} s, {facts['requests']} requests; {tried}")
    say(f"    {why}")


if __name__ == "__main__":
    sys.exit(main())
