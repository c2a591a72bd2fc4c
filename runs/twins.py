"""An action as one types it: a command, Python, and curl, of one description of what is asked.

All three take the token from the environment, so that it stands in no shell's history.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TOKEN_VARIABLE = "MODEL_PROFILER_TOKEN"
#: A line that is longer goes on in the next one.
LINE = 88

Words = tuple[str, ...]
#: Of what is not filled in yet.
YOUR_NAME, YOUR_KEY, YOUR_VALUE, YOUR_WORDS = "my-name", "key", "value", "Your words"


@dataclass(frozen=True)
class Action:
    """What is asked: the command's groups of words (an option and its value are one), the client's
    call, and the request, with `body` in JSON, or `form` and `files` as (name, value) each.
    """

    command: Sequence[Words]
    call: str
    arguments: Sequence[Any] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"
    path: str = ""
    body: Mapping[str, Any] | None = None
    form: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()
    #: Where curl writes a download.
    out: str = ""
    #: Whether Python shows what comes back, which is what was asked for.
    prints: bool = False
    #: What a shell has to do before curl can send.
    before: str = ""


@dataclass(frozen=True)
class Twin:
    """One of the ways, with its text."""

    key: str
    label: str
    text: str


def twins(action: Action, server: str) -> list[Twin]:
    """All three, against the site at this address."""
    server = server.rstrip("/")
    return [
        Twin("cli", "CLI", _cli(action, server)),
        Twin("python", "Python", _python(action, server)),
        Twin("curl", "curl", _curl(action, server)),
    ]


# --- What actions are made of ---------------------------------------------------------------------
def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say anything."""
    return {key: value for key, value in values.items() if value not in (None, "", False, [], {})}


def each_pair(option: str, pairs: Mapping[str, str], joint: str = "=") -> list[Words]:
    """The option once for each pair."""
    return [(option, f"{key}{joint}{value}") for key, value in pairs.items()]


# --- Shell ----------------------------------------------------------------------------------------
def _cli(action: Action, server: str) -> str:
    return _lines("model-profiler", [*action.command, ("--server", server)])


def _curl(action: Action, server: str) -> str:
    groups: list[Words] = [("--fail-with-body",)]
    if action.method != "GET" and not (action.form or action.files):
        groups[0] += ("-X", action.method)
    groups[0] += (f"{server}/api/v1/{action.path}",)
    text = _lines("curl", groups)
    # Double quotes, so that the shell puts the token in.
    text += f' \\\n    -H "Authorization: Bearer ${TOKEN_VARIABLE}"'
    more: list[Words] = []
    if action.body is not None:
        more.append(("-H", "Content-Type: application/json"))
        more.append(("-d", json.dumps(action.body, ensure_ascii=False)))
    more += [("--form-string", f"{name}={value}") for name, value in action.form]
    more += [("-F", f"{name}=@{_curl_path(path)}") for name, path in action.files]
    if action.out:
        more.append(("-o", action.out))
    text += "".join(f" \\\n    {_shell(group)}" for group in more)
    return f"{action.before}\n{text}" if action.before else text


def _curl_path(path: str) -> str:
    """In quotes where curl would read more into it."""
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"' if set(path) & set(';,"\\') else path


def _lines(program: str, groups: Sequence[Words]) -> str:
    """On one line, or with each option on a line of its own."""
    words = [_shell(group) for group in groups]
    line = " ".join((program, *words))
    if len(line) <= LINE and "\n" not in line:
        return line
    return " \\\n    ".join((f"{program} {words[0]}", *words[1:]))


def _shell(group: Words) -> str:
    return " ".join(map(shlex.quote, group))


# --- Python ---------------------------------------------------------------------------------------
def _python(action: Action, server: str) -> str:
    given = [repr(value) for value in action.arguments]
    given += [f"{key}={value!r}" for key, value in action.options.items()]
    call = _call(f"client.{action.call}", given)
    call = f"print({call})" if action.prints else call
    return f"from profiler_client import Client\n\nclient = Client({server!r})\n{call}"


def _call(function: str, given: Sequence[str]) -> str:
    line = f"{function}({', '.join(given)})"
    if len(line) <= LINE:
        return line
    inner = "".join(f"    {one},\n" for one in given)
    return f"{function}(\n{inner})"
