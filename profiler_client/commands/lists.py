"""model-profiler export ..."""

from __future__ import annotations

from pathlib import Path

import click

from profiler_client.client import Client
from profiler_client.commands.options import connected, writable

LISTS = ("runs", "models", "portfolio", "datasets", "configs", "review", "targets")


@click.command()
@click.argument("listing", metavar="LIST", type=click.Choice(LISTS))
@click.option(
    "--query", default="",
    help="What stands behind the ? of the list's address: filters, order, columns.",
)  # fmt: skip
@click.option(
    "--format", "what", type=click.Choice(["csv", "json"]), default="csv", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), help="By default LIST.csv or LIST.json.")
@connected
def export(client: Client, listing: str, query: str, what: str, out: Path | None) -> None:
    """Write a list as its page shows it to a file, all of its pages.

    LIST is runs, models, portfolio, datasets, configs, review or targets.
    """
    path = writable(out or Path(f"{listing}.{what}"))
    click.echo(client.export_list(listing, path, what, query=query))  # type: ignore[arg-type]
