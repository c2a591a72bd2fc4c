"""By how much identical runs differ on a target: worked out, written as a file, read again.

The file is the target's: host, kind and service cores name it. It holds for the kernel and CPU it
was measured on; after a change of those it is not used, and that is said.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from profiler.measuring.compared import METRICS
from profiler.measuring.differences import t_quantile
from profiler.measuring.unlike import Measured

SCHEMA_VERSION = 1
#: Two identical runs differ by less than the floor in this share of cases.
CONFIDENCE = 0.95
#: Fewer runs than this say nothing about how far runs are apart.
FEWEST_RUNS = 4
#: A floor holds for as long as these circumstances are the same.
HOLDS_FOR = {"host": "host", "kernel": "kernel", "cpu_model": "CPU model"}


def default_folder() -> Path:
    """Where the floors of this installation's targets are: with the rest of its data."""
    data = os.environ.get("PROFILER_DATA_DIR") or Path(__file__).resolve().parent.parent / "var"
    return Path(data) / "noise-floor"


def relative_differences(runs: Sequence[Measured]) -> dict[str, float]:
    """By metric: the relative difference that two further runs of the same stay under in 95 %.

    With s the standard deviation of the runs' logarithms, which holds what varies between runs and
    within them, the difference of two has sqrt(2) s, and Student's quantile at n - 1 degrees pays
    for s being an estimate: exp(t sqrt(2) s) - 1.
    """
    found = {}
    for metric in METRICS:
        values = metric.scaled([metric.of_run(run.measurement) for run in runs])
        if values is None or metric.is_share:
            continue
        quantile = t_quantile((1 + CONFIDENCE) / 2, len(values) - 1)
        found[metric.name] = math.expm1(quantile * math.sqrt(2) * float(np.std(values, ddof=1)))
    return found


def path_of(folder: Path, host: str, kind: str, service_cores: Sequence[int]) -> Path:
    cores = "-".join(str(core) for core in service_cores)
    name = re.sub(r"[^A-Za-z0-9.-]", "_", f"{host}-{kind}-{cores}")
    return folder / f"{name}.json"


def read(
    folder: Path, facts: dict, kind: str, service_cores: Sequence[int]
) -> tuple[dict | None, str]:
    """The target's floor, if it holds under these facts of the host; else None, and why."""
    path = path_of(folder, facts["host"], kind, service_cores)
    try:
        floor = json.loads(path.read_text())
    except FileNotFoundError:
        return None, "not measured on this target"
    except (OSError, ValueError) as error:
        return None, f"cannot be read from {path}: {error}"
    if floor.get("schema_version") != SCHEMA_VERSION:
        return None, f"{path} is of another version of this tool; measure it again"
    changed = outdated_by(floor, facts)
    if changed:
        return None, f"measured at {floor['measured_at']}, outdated: {'; '.join(changed)}"
    return floor, ""


def outdated_by(floor: dict, facts: dict) -> list[str]:
    """What has changed since a floor was measured; none when it holds."""
    return [
        f"the {label} was {floor.get(key)} and is {facts.get(key)}"
        for key, label in HOLDS_FOR.items()
        if floor.get(key) != facts.get(key)
    ]
