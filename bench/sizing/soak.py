"""Ten minutes of the load at the smallest size that runs advised: is anything killed for memory?"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from bench.kit.report import circumstances, say
from bench.sizing.catalogue import inputs_of, spec_of
from bench.sizing.command import parsed, parser, stopper
from bench.sizing.runs import kept
from bench.sizing.stage import Stage, staged
from profiler.errors import Cancelled, RunFailed
from profiler.rig import DRAIN_S
from profiler.samples import ABORTED, OK
from profiler.spec import Limits
from profiler.units import MIB

FOLDER = Path(__file__).with_name("soak")
MINUTES = 10.0


def main() -> int:
    by = parser(__doc__)
    by.add_argument("--minutes", type=float, default=MINUTES, help="of each (%(default)s)")
    by.add_argument("--out", type=Path, default=FOLDER, help="folder of what is kept")
    options = parsed(by)
    should_stop = stopper(float("inf"))
    for name in options.services:
        sizes = [run for run in kept(name)["runs"] if run["memory_bytes"]]
        if not sizes or soaked(name, options.out) is not None:
            continue
        least = min(sizes, key=lambda run: run["memory_bytes"])
        size = Limits(least["cpu_millicores"], least["memory_bytes"])
        try:
            found = soak(name, size, options.minutes, should_stop)
        except Cancelled:
            say("stopped; this soak begins anew next time")
            break
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


def soaked(name: str, folder: Path = FOLDER) -> dict | None:
    """What was found of the service as it is now; None where it was not soaked yet."""
    path = folder / f"{name}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return found if found.get("inputs") == inputs_of(name) else None


def soak(name: str, size: Limits, minutes: float, should_stop) -> dict:
    say(f"{name}: {size.cpu_millicores}m, {size.memory_bytes // MIB} MiB, {minutes:g} minutes")
    facts, began = circumstances(), time.monotonic()
    found: dict = {"oom_kills": None, "requests": None, "died_of": None}
    with staged(spec_of(name), should_stop) as stage:
        try:
            found |= _loaded(stage, size, minutes)
        except RunFailed as failure:
            found["died_of"] = failure.code
    say(f"  {found}")
    return {
        "service": name,
        "inputs": inputs_of(name),
        "cpu_millicores": size.cpu_millicores,
        "memory_bytes": size.memory_bytes,
        "minutes": minutes,
        **found,
        "took_s": round(time.monotonic() - began, 1),
        "circumstances": facts,
    }


def _loaded(stage: Stage, size: Limits, minutes: float) -> dict:
    with stage.service(size) as rig:
        rig.driver.start(rig.load)
        end = time.monotonic() + minutes * 60
        try:
            while time.monotonic() < end:
                rig.control.sleep(1.0)
                rig.refuse_gone()
        finally:
            report = rig.driver.stop(DRAIN_S)
        outcomes = rig.driver.results()["outcome"]
        usage = rig.service.read_usage(complete=True)
        return {
            "oom_kills": usage.oom_kills if usage else None,
            "requests": report.sent,
            "errors": int(((outcomes != OK) & (outcomes != ABORTED)).sum()),
            "unanswered": int((outcomes == ABORTED).sum()),
        }


if __name__ == "__main__":
    sys.exit(main())
