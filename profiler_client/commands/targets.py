"""model-profiler target ..."""

from __future__ import annotations

import click

from profiler_client.client import Client
from profiler_client.commands.options import connected, output
from profiler_client.output import show

COLUMNS = {
    "target": "name", "kind": "kind", "largest millicores": "max_cpu_millicores",
    "largest bytes": "max_memory_bytes", "takes runs": "is_available", "worker": "has_worker",
}  # fmt: skip


@click.group()
def target() -> None:
    """See where runs execute."""


@target.command("list")
@output
@connected
def list_(client: Client, form: str) -> None:
    """What each has, and whether somebody works there."""
    show(list(client.targets()), form, COLUMNS)
