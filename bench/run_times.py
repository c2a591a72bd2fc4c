"""How long the sample takes from asking to a verified size, and what of that is the platform's own.

On an installation of its own, in a temporary folder, as `make run` starts it. The first run makes
images and is not counted. Nothing is asserted: times depend on the machine and what else it does.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.installation import Installation

#: Seconds that each figure should stay within.
FIRST_PAGE_S, WHOLE_RUN_S, OVERHEAD_S, STOP_S = 5.0, 60.0, 3.0, 5.0
RUN_TIMEOUT_S = 600

LATEST_RUN = """
import json
from runs.models import ProfileRun
run = ProfileRun.objects.latest("pk")
seconds = lambda start, end: (end - start).total_seconds() if start and end else None
print(json.dumps({
    "name": run.name, "state": run.state, "is_finished": run.is_finished,
    "standing": (run.advice or {}).get("standing"), "error": run.error_message,
    "reasons": (run.advice or {}).get("reasons"),
    "queued_s": seconds(run.queued_at, run.started_at),
    "whole_s": seconds(run.queued_at, run.finished_at),
    "phases": run.phase_times,
    "probes": run.measurements.count(),
    "not_believed": run.measurements.filter(valid=False).count(),
}))
"""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mp-bench-"))
    try:
        bench(Installation(ROOT, folder / "data"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench(site: Installation) -> None:
    try:
        say("Starting for the first time; the sample's first run makes the images ...")
        first_s = site.start()
        report(wait_for_run(site), "First run, images made where they were missing")
        stop_s = site.stop()
        again_s = site.start()
        site.manage("register_sample")
        warm = wait_for_run(site)
        site.stop()
    finally:
        site.kill()
    report(warm, "Warm run: from asking to the end")
    say("\nmake run")
    row("first page, database made anew", first_s)
    row("first page, again", again_s, FIRST_PAGE_S)
    row("Ctrl-C to all stopped, after a run", stop_s, STOP_S)


def wait_for_run(site: Installation) -> dict:
    end = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < end:
        run = json.loads(site.manage("shell", "--verbosity", "0", "-c", LATEST_RUN))
        if run["is_finished"]:
            return run
        # Each look starts a Python: often enough would disturb what is measured.
        time.sleep(10)
    raise SystemExit(f"The run did not end within {RUN_TIMEOUT_S} s:\n{site.printed()}")


def report(run: dict, title: str) -> None:
    say(f"\n{title}: {run['state']}, {run['standing']} {run['error']}".rstrip())
    for reason in run["reasons"] or ():
        say(f"    {reason}")
    in_phases_s = 0.0
    for phase in run["phases"]:
        row(phase["phase"], phase["seconds"])
        in_phases_s += phase["seconds"]
    say(f"    {run['probes']} measurements, {run['not_believed']} of them not believed")
    row("waiting for the worker", run["queued_s"])
    row("platform's own, waiting included", run["whole_s"] - in_phases_s, OVERHEAD_S)
    row("whole run", run["whole_s"], WHOLE_RUN_S)


def row(name: str, seconds: float | None, wanted_s: float | None = None) -> None:
    took = "   unknown" if seconds is None else f"{seconds:8.2f} s"
    compared = ""
    if wanted_s is not None and seconds is not None:
        compared = f"   {seconds / wanted_s:5.2f} of the {wanted_s:g} s wanted at most"
    say(f"    {name:<36}{took}{compared}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
