"""Every step of the sizing benchmarks that is missing, and what they reached.

Truth and runs that are kept are not taken again. `--quick` tries one service, apart from them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit.script import ROOT, TRIES

QUICK_SERVICE = "fixed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a try; no figure counts")
    for script, *options in steps(quick=parser.parse_args().quick):
        command = [sys.executable, str(ROOT / "bench" / "sizing" / f"{script}.py"), *options]
        if status := subprocess.run(command, cwd=ROOT).returncode:
            return status
    return 0


def steps(*, quick: bool) -> list[list[str]]:
    """Script and options of each."""
    if not quick:
        return [["together"], ["memory_truth"], ["memory_kept"], ["soak"], ["accuracy"]]
    truth, kept = (str(TRIES / "sizing" / part) for part in ("truth", "runs"))
    return [
        ["truth", QUICK_SERVICE, "--requests", "200", "--out", truth, "--afresh"],
        ["runs", QUICK_SERVICE, "--runs", "1", "--out", kept, "--afresh"],
        ["accuracy", "--quick"],
    ]


if __name__ == "__main__":
    sys.exit(main())
