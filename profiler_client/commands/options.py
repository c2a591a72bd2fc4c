"""Options that many commands have."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from profiler_client.client import Client
from profiler_client.connection import DEFAULT_SERVER, SERVER_VARIABLE, TOKEN_VARIABLE
from profiler_client.errors import FAILED, SUCCEEDED, Invalid
from profiler_client.output import FORMATS, show


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """--server and --token, given to the command as its `client`."""

    @click.option(
        "--server", envvar=SERVER_VARIABLE, default=DEFAULT_SERVER, show_default=True,
        show_envvar=True, help="Where the site is.",
    )  # fmt: skip
    @click.option(
        "--token", envvar=TOKEN_VARIABLE, default="", show_envvar=True,
        help="What to sign in with.",
    )  # fmt: skip
    @wraps(command)
    def with_client(*args: object, server: str, token: str, **options: object) -> object:
        with Client(server, token) as client:
            return command(client, *args, **options)

    return with_client


output = click.option(
    "-o", "--output", "form", type=click.Choice(FORMATS), default="table", show_default=True
)


class Pair(click.ParamType):
    """KEY=VALUE, split at the first =."""

    name = "KEY=VALUE"

    def __init__(self, separator: str = "=") -> None:
        self.separator = separator
        self.name = f"KEY{separator}VALUE"

    def convert(self, value: Any, param: object, ctx: object) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, found, item = value.partition(self.separator)
        if not found or not key.strip():
            self.fail(f"write {value!r} as {self.name}", param, ctx)  # type: ignore[arg-type]
        return key.strip(), item.strip()


class Json(click.ParamType):
    """JSON, or @FILE with JSON in it."""

    name = "JSON|@FILE"

    def convert(self, value: Any, param: object, ctx: object) -> Any:
        if not isinstance(value, str):
            return value
        try:
            text = Path(value[1:]).read_text() if value.startswith("@") else value
            return json.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value[1:]} cannot be read: {error}", param, ctx)  # type: ignore[arg-type]
        except ValueError as error:
            self.fail(f"this is not JSON: {error}", param, ctx)  # type: ignore[arg-type]


def pairs(*names: str, **options: Any) -> Callable:
    """An option of KEY=VALUE that may be given several times."""
    return click.option(*names, type=Pair(), multiple=True, **options)


def writable(path: Path) -> Path:
    """Before anything is asked for that could not be kept."""
    if not path.parent.is_dir():
        raise Invalid(f"There is no folder {path.parent}.")
    return path


OUTCOMES = {"row": "row", "done": "done", "what happened": "message"}


def told(outcomes: list[dict[str, Any]], form: str) -> int:
    """What happened to each of many rows; the status is that of the worst."""
    show(outcomes, form, OUTCOMES)
    return SUCCEEDED if all(one["done"] for one in outcomes) else FAILED
