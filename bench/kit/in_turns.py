"""Services measured again and again, by `python -m profiler aa`, and what pairs of runs say.

The service burns a fixed amount of CPU for each request, about SERVICE_MS of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.kit.containers import PORT, PROGRAMS, engine, image_of
from bench.kit.cores import ALL_CORES
from bench.kit.script import ROOT
from bench.kit.truth_server import compiled, work_folder
from profiler import noise_floor
from profiler.measuring.comparison import Comparison, compare
from profiler.measuring.unlike import Measured

SERVICE_MS = 5
Pair = tuple[Measured, Measured]


class InTurns:
    """Services of one image, told apart by how much work a request is."""

    def __init__(self, image: str, turns: int, folder: Path) -> None:
        self._image = image
        self._turns = turns
        self._folder = folder
        (folder / "requests.jsonl").write_text("".join(f'{{"data": {n}}}\n' for n in range(5)))

    def spec(self, name: str, more: float = 0.0) -> Path:
        """SPEC.json of the service with so much more work, as a share."""
        path = self._folder / f"{name}.json"
        config = {
            "image": self._image,
            "port": PORT,
            "score_path": "/",
            "env": {"TURNS": str(round(self._turns * (1 + more)))},
        }
        spec = {
            "models": [],
            "config": config,
            "dataset": {"path": "requests.jsonl"},
            "target": {"kind": "docker"},
            "limits": {"cpu_millicores": 1000, "memory_bytes": 256 << 20},
            "load": {"mode": "closed", "concurrency": 1},
        }
        path.write_text(json.dumps(spec))
        return path

    def measure(self, spec: Path, pairs: int, against: Path | None = None) -> dict:
        """What `aa` writes; its noise floor is kept in this folder, not among this host's.

        RuntimeError where it fails. That too few of its runs may be believed is no failure.
        """
        out = self._folder / f"{spec.stem}-{pairs}.json"
        command = [sys.executable, "-m", "profiler", "aa", spec, "--pairs", str(pairs)]
        command += ["--out", out, "--store", self._folder / "floors"]
        command += ["--against", against] if against else []
        done = subprocess.run(
            list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True,
            # It chooses among all cores by itself; ours is one of them.
            preexec_fn=lambda: os.sched_setaffinity(0, ALL_CORES),
        )  # fmt: skip
        if not out.exists():
            raise RuntimeError(f"`aa` ended with status {done.returncode}: {done.stdout[-2000:]}")
        return json.loads(out.read_text())


@contextmanager
def burning() -> Iterator[InTurns]:
    """NotHere without Docker or a C compiler."""
    with work_folder() as folder, engine() as client, image_of(client, "burner") as image:
        program = compiled(PROGRAMS / "burner.c", folder)
        calibrated = subprocess.run([program, "calibrate"], capture_output=True, check=True)
        yield InTurns(image, round(float(calibrated.stdout) * SERVICE_MS), folder)


def pairs_of(found: dict) -> list[Pair]:
    """The pairs of which both runs may be believed, base first."""
    sides: dict[int, dict[str, Measured]] = {}
    for run in found["runs"]:
        if run["measurement"]["validity"]["valid"]:
            measured = Measured(run["name"], run["measurement"], run["circumstances"])
            sides.setdefault(run["pair"], {})[run["side"]] = measured
    return [(sides[pair]["A"], sides[pair]["B"]) for pair in sorted(sides) if len(sides[pair]) == 2]


def floor_of(pairs: list[Pair]) -> dict:
    """The noise floor of these runs, as comparisons take it."""
    runs = [run for pair in pairs for run in pair]
    return {"runs": len(runs), "metrics": noise_floor.relative_differences(runs)}


def alone(pair: Pair, floor: dict | None) -> Comparison:
    """One run a side."""
    return compare(pair[:1], pair[1:], noise_floor=floor)


def together(pairs: list[Pair]) -> Comparison:
    """Runs taken in turns, as pairs."""
    return compare(*map(list, zip(*pairs, strict=True)), paired=True)


def told_apart(comparison: Comparison) -> tuple[bool, bool]:
    """Whether a difference was claimed: in the objective's own metric, and in any."""
    own = comparison.verdict in ("better", "worse")
    return own, any(row.verdict in ("better", "worse") for row in comparison.metrics)
