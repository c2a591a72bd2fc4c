"""Waiting for a run, with how far it is on standard error."""

from __future__ import annotations

from typing import Any

import click

from profiler_client.client import Client
from profiler_client.errors import CANCELLED, FAILED, SUCCEEDED, TIMED_OUT
from profiler_client.output import show

EXIT_STATUS = {
    "succeeded": SUCCEEDED, "failed": FAILED, "cancelled": CANCELLED, "timed_out": TIMED_OUT,
}  # fmt: skip


def wait_for(client: Client, name: str, form: str, timeout_s: float | None = None) -> int:
    """Until the run has ended; its exit status, after it was shown."""
    run = client.wait(name, timeout_s=timeout_s, on_status=Progress())
    show(run, form)
    if run["error"]:
        click.echo(f"{name} {run['state']}: {run['error']['message']}", err=True)
    return EXIT_STATUS[run["state"]]


class Progress:
    """Says where a run is whenever that changed, by tenths."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, status: dict[str, Any]) -> None:
        words = self._words(status)
        if words != self._last:
            click.echo(f"{status['name']}: {words}", err=True)
        self._last = words

    def _words(self, status: dict[str, Any]) -> str:
        if status["state"] == "queued":
            return f"queued, number {status['queue_position']}"
        if status["state"] != "running":
            return status["state"].replace("_", " ")
        if status["is_cancelling"]:
            return "stopping"
        return f"{status['phase'] or 'starting'}, {int(status['fraction'] * 10) * 10} %"
