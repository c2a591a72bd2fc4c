"""model-profiler proposal ..."""

from __future__ import annotations

from typing import Any

import click

from profiler_client.client import Client
from profiler_client.commands.options import connected, output, told
from profiler_client.output import show

COLUMNS = {
    "number": "number", "state": "state", "models": "models", "millicores": "size/cpu_millicores",
    "bytes": "size/memory_bytes", "standing": "size/standing", "run": "run", "by": "created_by",
}  # fmt: skip
BOXES = ("waiting", "approved", "yours", "mentions", "open", "all")

text = click.option("-t", "--text", default="", help="Markdown; @name mentions somebody.")
text_needed = click.option("-t", "--text", required=True, help="Markdown; @name mentions somebody.")
although = click.option("--although", is_flag=True, help="I know what speaks against it.")
number = click.argument("number", type=int)


@click.group()
def proposal() -> None:
    """Put sizes forward, discuss, decide, apply and revert them."""


@proposal.command("list")
@click.option("--box", type=click.Choice(BOXES), help="A view of your inbox.")
@click.option("--state", default="")
@output
@connected
def list_(client: Client, form: str, box: str | None, state: str) -> None:
    """Newest first."""
    show(list(client.proposals(box=box or "", state=state)), form, COLUMNS)


@proposal.command("show")
@number
@output
@connected
def show_(client: Client, number: int, form: str) -> None:
    """One, with what speaks against it and what was said."""
    show(client.proposal(number), form)


@proposal.command("create")
@click.argument("run")
@click.option("--measurement", type=int, help="A measured size, in place of the advised.")
@click.option("-m", "--model", "models", multiple=True, help="By default all of the run's.")
@click.option("--reviewer", "reviewers", multiple=True, help="By default any reviewer.")
@click.option("--baseline", default="", help="A run to compare with.")
@click.option("--as-properties", is_flag=True, help="Record the same as properties too.")
@text
@output
@connected
def create(client: Client, run: str, models: tuple[str, ...], form: str, **about: Any) -> None:
    """Put a run's size forward for review."""
    show(client.propose(run, models=models or None, **about), form)


@proposal.command("comment")
@number
@text_needed
@output
@connected
def comment(client: Client, number: int, text: str, form: str) -> None:
    """Say something."""
    show(client.comment(number, text), form)


@proposal.command("approve")
@number
@text
@although
@output
@connected
def approve(client: Client, number: int, text: str, although: bool, form: str) -> None:
    """Approve it."""
    show(client.approve(number, text, although=although), form)


@proposal.command("request-changes")
@number
@text_needed
@output
@connected
def request_changes(client: Client, number: int, text: str, form: str) -> None:
    """Say what has to change first."""
    show(client.request_changes(number, text), form)


@proposal.command("ask-again")
@number
@text
@output
@connected
def ask_again(client: Client, number: int, text: str, form: str) -> None:
    """Open it once more, after changes were requested."""
    show(client.ask_again(number, text), form)


@proposal.command("withdraw")
@number
@text
@output
@connected
def withdraw(client: Client, number: int, text: str, form: str) -> None:
    """Take it back."""
    show(client.withdraw(number, text), form)


@proposal.command("apply")
@click.argument("numbers", type=int, nargs=-1, required=True)
@although
@output
@connected
def apply(client: Client, numbers: tuple[int, ...], although: bool, form: str) -> int:
    """Write its size into the tags of its models; so for several proposals."""
    if len(numbers) > 1:
        return told(client.in_bulk("review", "apply", numbers, {"although": although}), form)
    show(client.apply_proposal(numbers[0], although=although), form)
    return 0


@proposal.command("revert")
@number
@output
@connected
def revert(client: Client, number: int, form: str) -> None:
    """Give the tags that it wrote their former values."""
    show(client.revert(number), form)
