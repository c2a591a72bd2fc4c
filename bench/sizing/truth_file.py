"""What brute force found about a service, kept in a file; the sizes that follow from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("truth")
REPEATS = 3
#: A point that may not be believed is taken again, this often at most.
MOST_TRIES = 6
SCHEMA_VERSION = 1


@dataclass
class Truth:
    """Each point's repetitions, by cpu millicores, and the sessions they were taken in.

    A repetition says what was measured (see truth.py) and which session it belongs to. `inputs`
    are the hashes of what was measured; `memory` what memory_truth.py found, None before.
    """

    service: str
    inputs: dict[str, str]
    bound: dict = field(default_factory=dict)
    requests: int = 0
    sessions: list[dict] = field(default_factory=list)
    points: dict[int, list[dict]] = field(default_factory=dict)
    memory: dict | None = None

    @classmethod
    def read(cls, path: Path) -> Truth:
        """FileNotFoundError where nothing is known yet."""
        told = json.loads(path.read_text())
        told.pop("schema_version")
        points = {int(cpu): taken for cpu, taken in told.pop("points").items()}
        return cls(**told, points=points)

    def write(self, folder: Path = FOLDER) -> None:
        """Whole or not at all: a session that is ended loses at most the point it was taking."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {"schema_version": SCHEMA_VERSION, **vars(self)}
        told["points"] = {str(cpu): self.points[cpu] for cpu in sorted(self.points)}
        part = folder / f".{self.service}.part"
        part.write_text(json.dumps(told, indent=1) + "\n")
        part.replace(folder / f"{self.service}.json")

    def missing(self, grid: Sequence[int], tries: int = MOST_TRIES) -> Iterator[int]:
        """The points to take, a whole repetition of the grid after the other, from the largest;
        none that was tried so often.
        """
        for done in range(tries):
            for cpu in reversed(grid):
                taken = self.points.get(cpu, [])
                if len(taken) == done and len(believed(taken)) < REPEATS:
                    yield cpu

    def is_whole(self, grid: Sequence[int]) -> bool:
        return next(self.missing(grid), None) is None

    def counts(self, cpu: int) -> list[dict]:
        """The repetitions of a point that count."""
        return believed(self.points.get(cpu, []))[:REPEATS]

    @property
    def passes_once_millicores(self) -> int | None:
        """The smallest size that passes in any repetition; None where none does."""
        return self._smallest(any)

    @property
    def passes_always_millicores(self) -> int | None:
        """The smallest size that passes in all repetitions; None where none does."""
        return self._smallest(all)

    def _smallest(self, quantifier) -> int | None:
        for cpu in sorted(self.points):
            outcomes = [one["outcome"] == "passed" for one in self.counts(cpu)]
            if outcomes and quantifier(outcomes):
                return cpu
        return None


def believed(taken: Sequence[dict]) -> list[dict]:
    return [one for one in taken if one["valid"]]
