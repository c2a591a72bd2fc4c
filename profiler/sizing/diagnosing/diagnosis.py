"""A cause in a sentence, with its numbers and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass, field

from profiler.spec import Variant

#: What to do about each cause, in the order in which they are told.
ADVICE = {
    "threads-over-quota": "Give libraries as many threads as the size has cores.",
    "workers-over-quota": "Give the service as many workers as the size has cores.",
    "one-worker-saturated": "Give the service a worker for each core of the size.",
    "driver-shares-core": "Leave the driver a core of its own: run on a target with two cores or "
    "more, and give the service all but one of them.",
    "one-class-takes-cpu": "Make sure that the dataset has as many of these rows as production; "
    "or serve them apart, with a size of their own.",
    "swapping": "Give the host more memory, or stop what uses it: swapped memory is slow memory.",
    "noisy-neighbour": "Keep the service's cores from others (cpuset, isolcpus), or run when they "
    "rest.",
}


@dataclass(frozen=True)
class Diagnosis:
    """A cause in a sentence, its numbers, and the variant of the config that would mend it.

    `remeasured` and `saving` are of the fix, in the units of their names; None where it was not
    measured, which `gain` then says, as it says in words what it saves.
    """

    code: str
    text: str
    numbers: dict = field(default_factory=dict)
    fix: Variant | None = None
    remeasured: dict | None = None
    saving: dict | None = None
    gain: str = ""
    advice: str = ""

    @property
    def docs(self) -> str:
        return f"docs/diagnosis.md#{self.code}"

    def to_json(self) -> dict:
        return {
            **vars(self),
            "advice": self.advice or ADVICE[self.code],
            "docs": self.docs,
            "fix": self.fix.to_json() if self.fix else None,
        }
