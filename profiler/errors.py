"""How a run can end other than well: the codes a user sees, and the two ways of stopping early."""

from __future__ import annotations

from dataclasses import dataclass

INVALID_SPEC = "InvalidSpec"
IMAGE_BUILD_FAILED = "ImageBuildFailed"
ENVIRONMENT_FAILED = "EnvironmentFailed"
IMAGE_NOT_FOUND = "ImageNotFound"
SCRIPT_FAILED = "ScriptFailed"
NEVER_READY = "NeverReady"
OUT_OF_MEMORY = "OutOfMemory"
REQUESTS_FAILED = "RequestsFailed"
NO_GPU = "NoGpu"
TARGET_UNAVAILABLE = "TargetUnavailable"
DISK_FULL = "DiskFull"
WORKER_LOST = "WorkerLost"
PROFILER_ERROR = "ProfilerError"
TIMED_OUT = "TimedOut"


class RunFailed(Exception):
    """What was asked for failed, with a message its owner can act on.

    `code` is one of the constants above; `log_tail` is the end of the service's (or build's) log.
    A bug of ours is never raised as this: it is reported as ProfilerError by whoever catches it.
    """

    def __init__(self, code: str, message: str, log_tail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.log_tail = log_tail

    def to_json(self) -> dict:
        return {"code": self.code, "message": self.message, "log_tail": self.log_tail}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a spec: `place` is a dotted path into it (`limits.cpu_millicores`)."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class InvalidSpec(RunFailed):
    """Refused before anything was started; carries every problem at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(INVALID_SPEC, "\n".join(str(problem) for problem in problems))
        self.problems = list(problems)


class Cancelled(Exception):
    """Someone asked the run to stop."""


class BudgetEnded(Exception):
    """The run's total time is used up."""
