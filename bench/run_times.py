"""How long the sample takes from asking to a verified size, and what of that is the platform's own.

On an installation of its own, in a temporary folder, as `make run` starts it. The first run makes
images and is not judged.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.kit import script
from bench.kit.report import Goal, Report
from tests.e2e.installation import Installation

ALL_CORES = os.sched_getaffinity(0)

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


def bench(report: Report) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mp-bench-"))
    # An installation has all cores, and shares them out itself.
    os.sched_setaffinity(0, ALL_CORES)
    try:
        time_it(report, Installation(ROOT, folder / "data"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def time_it(report: Report, site: Installation) -> None:
    try:
        first_s = site.start()
        tell_run(report, wait_for_run(site), "First run, images made where they were missing")
        stop_s = site.stop()
        again_s = site.start()
        site.manage("register_sample")
        warm = wait_for_run(site)
        site.stop()
    finally:
        site.kill()
    tell_run(report, warm, "Warm run, from asking to the end", judged=True)
    table = report.table("make run", "", figure="took")
    table.row("first page, database made anew", values=[first_s], unit="s")
    table.row("first page, again", values=[again_s], goal=Goal(FIRST_PAGE_S, "s"))
    table.row("Ctrl-C to all stopped, after a run", values=[stop_s], goal=Goal(STOP_S, "s"))


def wait_for_run(site: Installation) -> dict:
    end = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < end:
        run = json.loads(site.manage("shell", "--verbosity", "0", "-c", LATEST_RUN))
        if run["is_finished"]:
            return run
        # Each look starts a Python: often enough would disturb what is measured.
        time.sleep(10)
    raise SystemExit(f"The run did not end within {RUN_TIMEOUT_S} s:\n{site.printed()}")


def tell_run(report: Report, run: dict, title: str, *, judged: bool = False) -> None:
    """A run's phases; `judged` by what it should stay within."""
    table = report.table(title, "", figure="took")
    report.note(f"{title}: {run['state']}, {run['standing']} {run['error']}".rstrip())
    for reason in run["reasons"] or ():
        report.note(reason)
    in_phases_s = 0.0
    for phase in run["phases"]:
        table.row(phase["phase"], values=[phase["seconds"]], unit="s")
        in_phases_s += phase["seconds"]
    report.note(f"{title}: {run['probes']} measurements, {run['not_believed']} not believed")
    own_s = run["whole_s"] - in_phases_s
    overhead, whole = (Goal(OVERHEAD_S, "s"), Goal(WHOLE_RUN_S, "s")) if judged else (None, None)
    table.row("waiting for the worker", values=[run["queued_s"]], unit="s")
    table.row("platform's own, waiting included", values=[own_s], unit="s", goal=overhead)
    table.row("whole run", values=[run["whole_s"]], unit="s", goal=whole)


if __name__ == "__main__":
    script.run(bench, name="run_times", title="How long a run takes")
