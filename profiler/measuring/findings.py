"""What there is to tell of a measurement: a sentence with its numbers, and what to do about it.

Reasons of invalidity, warnings, and reasons of an outcome are all findings. Each kind has a code,
which is also its place in the documentation: docs/validity.md#<code> says rule, formula, threshold
and source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """What to do about findings of a code, and the page of docs/ that explains it."""

    advice: str
    page: str = "validity"


#: Every code there is, in the order of docs/validity.md.
KINDS: dict[str, Kind] = {
    # reasons not to believe a measurement
    "too-few-requests": Kind(
        "Give the run a longer budget or a higher rate, or ask for a lower percentile or less "
        "confidence."
    ),
    "windows-not-steady": Kind(
        "Look at the latency chart for what changed; run again, longer, when nothing else does."
    ),
    "driver-late": Kind(
        "Run again on a quieter target, or with a lower rate: the driver's core was taken from it."
    ),
    "driver-saturated": Kind(
        "Lower the rate or the concurrency, or use a target with a faster core for the driver."
    ),
    "host-steal": Kind(
        "Run on a host that is not oversubscribed, or ask its operator for dedicated cores."
    ),
    "host-busy": Kind(
        "Stop other work on the target's cores, or keep them for it (cpuset, isolcpus); run again."
    ),
    "host-swapping": Kind("Give the host more memory, or stop what uses it; run again."),
    "changed-midway": Kind(
        "Keep cores online and their governor and limits fixed while runs are measured; run again."
    ),
    "still-warming-up": Kind(
        "It is measured again by itself. Where it stays: warm the service up in init(), or raise "
        "the budget."
    ),
    "memory-thrashing": Kind("Give the service more memory: what it maps does not fit."),
    "gpu-shared": Kind(
        "Stop other programs on the GPU (nvidia-smi lists them), or give runs one of their own."
    ),
    # warnings
    "identical-rows": Kind("Use a dataset with different requests, like those of production."),
    "memory-growing": Kind(
        "Run longer to see whether it ends; size memory for the longest life of a replica."
    ),
    "memory-leak": Kind("Find the leak before choosing a size: no size is enough for long."),
    "answers-look-like-errors": Kind(
        "Read the answers; let the service answer errors with an error status, or check answers."
    ),
    "answers-differ": Kind(
        "Ask for what does not change with json_path or pattern, or let the service draw no "
        "random numbers."
    ),
    "answers-not-checked": Kind(
        "Ask less of the answers, or send rows whose answers are smaller and always the same."
    ),
    "kept-within-noise": Kind(
        "Take the next larger size, or measure again: a further run of this size may fail."
    ),
    "latency-drifting": Kind(
        "Look at the latency chart; run longer to see where it leads (a cache, a leak, heat)."
    ),
    "two-kinds-of-requests": Kind(
        "Look at each kind for itself: a percentile between them says little of either."
    ),
    "periodic-stalls": Kind(
        "Spread the work that comes at this period, or give the service more cpu for it: a quota's "
        "periods take fewer threads or a larger size, garbage collection a tuned collector."
    ),
    "cpu-saturated": Kind("Use a larger size where latency or throughput should be better."),
    "host-pressure": Kind("Run again on a quieter host if the figures matter."),
    "machine-slower": Kind("Run again when the machine is quieter: a smaller size may be enough."),
    "machine-faster": Kind(
        "Take the next larger size, or run again: in another minute this one may not be enough."
    ),
    "warm-up-unsettled": Kind(
        "Warm the service up in init(), or look in its log for what it still does."
    ),
    "slow-start": Kind("Scale ahead of need, or load the model at build time."),
    "slow-start-at-size": Kind(
        "Take the size named, give more cpu while it starts where the platform can, or scale ahead "
        "of need."
    ),
    "threads-over-quota": Kind(
        "Set OMP_NUM_THREADS (or the library's own setting) to the number of cores of the size."
    ),
    "gpu-throttled": Kind(
        "See to its cooling and power limit (nvidia-smi -q -d PERFORMANCE), or expect the same of "
        "the GPUs of production."
    ),
    "gpu-processes-unseen": Kind(
        "See that the script uses its GPU at all; run the worker in the host's own pid namespace."
    ),
    "class-takes-most-cpu": Kind(
        "Make sure that the dataset has as many of these rows as production; or serve them apart.",
        "payload",
    ),
    "class-breaks-bound": Kind(
        "Bound the size of these requests, serve them apart, or give them an objective of their "
        "own.",
        "payload",
    ),
    # reasons of an outcome
    "killed-for-memory": Kind("Give the service more memory, or fewer workers."),
    "did-not-start": Kind("Read the end of the service's log; try a larger size."),
    "errors-over-budget": Kind(
        "Look at the first bad row and its answer; allow errors only where production does."
    ),
    "wrong-answers": Kind(
        "Compare the answer with what the spec expects of it; a smaller size must not change it."
    ),
    "percentile-over-bound": Kind("Use a larger size, or relax the objective."),
    "too-slow-alone": Kind("Use a larger size, or relax the objective: no lower rate helps."),
    "percentile-undecided": Kind(
        "Give the run a longer budget: the service is too near to its bound to tell."
    ),
    "rate-not-achieved": Kind("Use a larger size or a lower rate: the service falls behind."),
    "in-flight-growing": Kind("Use a larger size or a lower rate: the service falls behind."),
    "throughput-too-low": Kind("Use a larger size, or more workers where cores are idle."),
    "load-too-short": Kind("Give the run a longer budget."),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One sentence about a measurement, in plain words with its numbers.

    `advice` and `page` are those of the code's kind unless given. ValueError for an unknown code.
    """

    code: str
    text: str
    advice: str = ""
    page: str = ""

    def __post_init__(self) -> None:
        if self.code not in KINDS:
            raise ValueError(f"{self.code!r} is no code of profiler.measuring.findings.KINDS")
        kind = KINDS[self.code]
        object.__setattr__(self, "advice", self.advice or kind.advice)
        object.__setattr__(self, "page", self.page or kind.page)

    @property
    def docs(self) -> str:
        """Where the repository's documentation explains it."""
        return f"docs/{self.page}.md#{self.code}"

    def to_json(self) -> dict:
        return {"code": self.code, "text": self.text, "advice": self.advice, "docs": self.docs}


def texts(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """The sentences alone."""
    return tuple(finding.text for finding in findings)
