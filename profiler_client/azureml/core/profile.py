"""A profile is a run."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from profiler_client.client import Client

STATES = {
    "queued": "NotStarted", "running": "Running", "succeeded": "Succeeded", "failed": "Failed",
    "cancelled": "Cancelled", "timed_out": "TimedOut",
}  # fmt: skip


class ModelProfile:
    """Of one run; what Azure ML v1 does not know of it is on its page and in `client.run(name)`."""

    def __init__(self, client: Client, run: dict[str, Any], description: str = "") -> None:
        self._client, self._run, self._description = client, run, description

    @property
    def name(self) -> str:
        return self._run["name"]

    @property
    def state(self) -> str:
        return STATES[self._run["state"]]

    def wait_for_completion(self, show_output: bool = False) -> None:
        """However it ends: what went wrong is warned of, and is among the details."""
        said = ""

        def tell(status: dict[str, Any]) -> None:
            nonlocal said
            state = STATES[status["state"]]
            if show_output:
                sys.stdout.write("." if state == said else f"\n{state}")
                sys.stdout.flush()
            said = state

        self._run = self._client.wait(self.name, on_status=tell)
        if show_output:
            sys.stdout.write("\n")
        if error := self._run["error"]:
            warnings.warn(f"{self.name} {self.state}: {error['message']}", stacklevel=2)

    def get_details(self) -> dict[str, Any]:
        """The keys of Azure ML v1; memory under both spellings. Those without a value are absent.

        `requestedCpu` is the largest size that was tried, `recommendedCpu` the advice.
        """
        self._run = self._client.run(self.name)
        known = self._run["azureml"] or {"name": self.name, "createdTime": self._run["created_at"]}
        described = {"description": self._description} if self._description else {}
        return {**described, **known, "state": self.state}
