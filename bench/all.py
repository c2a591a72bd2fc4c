"""Every benchmark, one after the other, and what they reached.

`--quick` tries all of them for a minute each. What fails does not keep the next from running.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.kit.report import NOT_REACHED, REACHED, say
from bench.kit.script import RESULTS, ROOT, TRIES

#: In order of how much they bear on each number of a measurement; the long ones come last.
BENCHMARKS = (
    "stall",
    "lateness",
    "closed_loop",
    "driver_cost",
    "scoring_server",
    "cpu",
    "memory",
    "sampler",
    "run_times",
    "slower_service",
    "identical_runs",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Every benchmark, one after the other")
    parser.add_argument("--quick", action="store_true", help="a try; no figure counts")
    parser.add_argument("--out", type=Path, help="folder of the JSON they write")
    arguments = parser.parse_args()
    folder = (arguments.out or (TRIES if arguments.quick else RESULTS)).resolve()
    began = time.monotonic()
    options = ["--out", str(folder), *(["--quick"] if arguments.quick else [])]
    failed = []
    for name in BENCHMARKS:
        command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *options]
        (folder / f"{name}.json").unlink(missing_ok=True)
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(name)
    say(f"\nAll, in {(time.monotonic() - began) / 60:.0f} minutes")
    for name in BENCHMARKS:
        say("  FAILED to run: " + name if name in failed else summary(folder / f"{name}.json"))
    sys.exit(1 if failed else 0)


def summary(path: Path) -> str:
    """How many goals a benchmark reached, and the rows that did not."""
    told = json.loads(path.read_text())
    rows = [row for table in told["tables"] for row in table["rows"] if row["goal"]]
    missed = [row for row in rows if not row["reached"]]
    lines = [f"  {told['title']}: {REACHED} {len(rows) - len(missed)} of {len(rows)}"]
    lines += [
        f"    {NOT_REACHED}: {', '.join(filter(None, row['cells']))}: {row['measured']}, "
        f"{row['goal']}"
        for row in missed
    ]
    lines += [f"    {note}" for note in told["notes"] if note.startswith("Not measured")]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
