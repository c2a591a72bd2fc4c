"""A sound spec on disk, to be spoiled one thing at a time."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from profiler.errors import InvalidSpec
from profiler.spec import Spec
from profiler.spec_reader import Capacity, read_spec

GIB = 1 << 30
#: A host of four cores, one of them for the driver.
HOST = Capacity(service_cores=(0, 1, 2), driver_cores=(3,), memory_bytes=8 * GIB)

SCORE = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"

SOUND = {
    "models": [{"name": "ridge", "version": 1, "path": "model.pkl"}],
    "config": {"entry_script": "score.py"},
    "dataset": {"path": "requests.txt"},
    "target": {"kind": "docker"},
}


class SpecFiles:
    """A folder with everything a sound spec names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = copy.deepcopy(SOUND)
        (folder / "model.pkl").write_bytes(b"model")
        (folder / "score.py").write_text(SCORE)
        (folder / "requests.txt").write_text('{"x": 1}\n{"x": 2}\n')

    def set(self, place: str, value: object) -> SpecFiles:
        """Give the value at a dotted place (`models.0.name`), making objects on the way."""
        *way, last = place.split(".")
        here = self.data
        for step in way:
            here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
        here[last] = value
        return self

    def write(self) -> Path:
        path = self.folder / "spec.json"
        path.write_text(json.dumps(self.data))
        return path

    def read(self, capacity: Capacity = HOST, **options: bool) -> Spec:
        return read_spec(self.write(), capacity=capacity, **options)

    def problems(self, capacity: Capacity = HOST, **options: bool) -> list[tuple[str, str]]:
        """Place and message of everything that is wrong; empty for a sound spec."""
        try:
            self.read(capacity, **options)
        except InvalidSpec as refusal:
            return [(problem.place, problem.message) for problem in refusal.problems]
        return []
