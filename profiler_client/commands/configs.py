"""model-profiler config ..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from profiler_client.client import Client
from profiler_client.commands.options import Pair, connected, output, pairs
from profiler_client.output import show

COLUMNS = {
    "config": "ref", "kind": "kind", "entry script": "definition/entry_script",
    "image": "definition/image", "registered": "created_at", "by": "created_by",
}  # fmt: skip


@click.group()
def config() -> None:
    """Register inference configs, and see them."""


@config.command("register")
@click.option("-n", "--name", required=True)
@click.option("--sd", "--source", "source", multiple=True,
              help="score.py, several files (repeat), or the folder with all of it.")  # fmt: skip
@click.option("--sources-of", default="", help="A config, whose sources are taken instead.")
@click.option("--es", "--entry-script", "entry_script", default="", help="Of the source.")
@click.option("--environment", type=click.Choice(["pip", "conda", "dockerfile"]), default=None,
              help="What it is made from, where that lies in the source.")  # fmt: skip
@click.option("-r", "--requirements", type=click.Path(), help="A file for pip.")
@click.option("--requirement", "packages", multiple=True, help="One package for pip; repeat.")
@click.option("--cf", "--conda-file", "conda_file", type=click.Path())
@click.option("--dockerfile", type=click.Path())
@click.option("--bi", "--base-image", "base_image", default="")
@click.option("--python", default="", help="Such as 3.11.")
@click.option("--workers", type=int)
@click.option("--image", default="", help="A container of your own, in place of a source.")
@click.option("--port", type=int, help="Of the image.")
@click.option("--health-path", default="")
@click.option("--score-path", default="")
@click.option("--method", default="")
@click.option("--header", "headers", type=Pair(":"), multiple=True)
@pairs("--env", "env", help="Seen by everyone who sees the config: no secrets.")
@click.option("--gpu", type=int, help="How many it needs.")
@click.option("--egress", is_flag=True, help="May reach the network.")
@click.option("-d", "--description", default="")
@output
@connected
def register(
    client: Client,
    name: str,
    source: tuple[str, ...],
    environment: str | None,
    requirements: str | None,
    packages: tuple[str, ...],
    form: str,
    **about: Any,
) -> None:
    """Register the next version of a name: a score.py with its environment, or an image."""
    if sum(map(bool, (source, about["sources_of"], about["image"]))) != 1:
        raise click.UsageError("Give one of --source, --sources-of and --image.")
    if requirements:
        packages += tuple(Path(requirements).read_text().splitlines())
    about |= {key: dict(about[key]) for key in ("headers", "env")}
    about |= {"environment": environment or "", "requirements": packages}
    made = client.register_config(name, source or None, **about)
    show(made, form)


@config.command("list")
@click.option("-n", "--name", default="", help="All versions of this one.")
@click.option("-q", "--search", "q", default="", help="In name and description.")
@click.option("--kind", type=click.Choice(["scored", "container"]))
@output
@connected
def list_(client: Client, form: str, **query: str) -> None:
    """The latest version of each config, newest first."""
    show(list(client.configs(**query)), form, COLUMNS)


@config.command("show")
@click.argument("ref")
@output
@connected
def show_(client: Client, ref: str, form: str) -> None:
    """One config, by name:version, or by name its latest version."""
    show(client.config(ref), form)
