"""model-profiler dataset ..."""

from __future__ import annotations

from typing import Any

import click

from profiler_client.client import Client
from profiler_client.commands.options import connected, output
from profiler_client.output import show

COLUMNS = {
    "dataset": "ref", "format": "file_format", "rows": "rows", "different": "distinct_rows",
    "median bytes": "bytes_median", "registered": "created_at", "by": "created_by",
}  # fmt: skip


@click.group()
def dataset() -> None:
    """Register datasets of sample requests, and see them."""


@dataset.command("register")
@click.option("-n", "--name", required=True)
@click.option("-f", "--file", "files", multiple=True, required=True,
              help="One file; several, or a folder, hold a body each.")  # fmt: skip
@click.option("--content-type", default="", help="Of rows that do not say their own.")
@click.option("-d", "--description", default="")
@output
@connected
def register(client: Client, name: str, files: tuple[str, ...], form: str, **about: Any) -> None:
    """Register the next version of a name."""
    show(client.register_dataset(name, files, **about), form)


@dataset.command("list")
@click.option("-n", "--name", default="", help="All versions of this one.")
@click.option("-q", "--search", "q", default="", help="In name and description.")
@click.option("--format", "file_format", default="", help="Such as jsonl.")
@output
@connected
def list_(client: Client, form: str, **query: str) -> None:
    """The latest version of each dataset, newest first."""
    show(list(client.datasets(**query)), form, COLUMNS)


@dataset.command("show")
@click.argument("ref")
@output
@connected
def show_(client: Client, ref: str, form: str) -> None:
    """One dataset, by name:version, or by name its latest version."""
    show(client.dataset(ref), form)
