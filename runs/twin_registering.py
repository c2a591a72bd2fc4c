"""Registering as a twins.Action, filled in with what a form holds so far."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runs.twins import YOUR_NAME, Action, Words, each_pair, filled

if TYPE_CHECKING:
    from runs.models import StagedUpload

#: Files of a folder that curl names one by one; more go as an archive.
MOST_FILES = 12


class Files:
    """What was chosen in a form: a file, several, or a folder; `usual` where nothing is yet."""

    def __init__(self, staged: StagedUpload | None, usual: str) -> None:
        paths = [entry["path"] for entry in staged.manifest] if staged else []
        self.is_folder = bool(staged and staged.is_folder)
        self.are_chosen = bool(paths)
        self.paths = paths or [usual]
        #: As the command and the client take them.
        self.chosen = [self.paths[0].partition("/")[0]] if self.is_folder else self.paths

    def words(self, option: str) -> list[Words]:
        return [(option, path) for path in self.chosen]

    @property
    def value(self) -> str | list[str]:
        return self.chosen[0] if len(self.chosen) == 1 else self.chosen

    @property
    def is_zipped(self) -> bool:
        return self.is_folder and len(self.paths) > MOST_FILES

    @property
    def before(self) -> str:
        name = self.chosen[0]
        return f"zip -qr {shlex.quote(f'{name}.zip')} {shlex.quote(name)}" if self.is_zipped else ""

    @property
    def form(self) -> list[tuple[str, str]]:
        named = self.is_folder and not self.is_zipped
        return [("folder_paths", json.dumps(self.paths))] if named else []

    @property
    def sent(self) -> list[tuple[str, str]]:
        if self.is_zipped:
            return [("files", f"{self.chosen[0]}.zip")]
        return [("folder" if self.is_folder else "files", path) for path in self.paths]


def _lines(pairs: Mapping[str, str], joint: str = "=") -> str:
    return "\n".join(f"{key}{joint}{value}" for key, value in pairs.items())


def register_model(values: Mapping[str, Any], files: Files) -> Action:
    """`values` are the cleaned fields of the form, those that are right."""
    tags, properties = values.get("tags") or {}, values.get("properties") or {}
    texts = filled({key: values.get(key) for key in ("framework", "framework_version")})
    texts |= filled({"description": values.get("description")})
    name = values.get("name") or YOUR_NAME
    unpack = bool(values.get("unpack"))
    options = {
        "framework": "--model-framework", "framework_version": "--model-framework-version",
        "description": "--description",
    }  # fmt: skip
    lines = filled({"tags": _lines(tags), "properties": _lines(properties)})
    return Action(
        command=[
            ("model", "register", "-n", name), *files.words("-p"),
            *((options[key], value) for key, value in texts.items()),
            *each_pair("--tag", tags), *each_pair("--property", properties),
            *([("--unpack",)] if unpack else []),
        ],
        call="register_model",
        arguments=(name, files.value),
        options=texts | filled({"tags": tags, "properties": properties, "unpack": unpack}),
        path="models/",
        form=[("name", name), *texts.items(), *lines.items(),
              *([("unpack", "on")] if unpack or files.is_zipped else []), *files.form],
        files=files.sent,
        before=files.before,
    )  # fmt: skip


def register_dataset(values: Mapping[str, Any], files: Files) -> Action:
    name = values.get("name") or YOUR_NAME
    texts = filled({key: values.get(key) for key in ("content_type", "description")})
    words = [(f"--{key.replace('_', '-')}", value) for key, value in texts.items()]
    return Action(
        command=[("dataset", "register", "-n", name), *files.words("-f"), *words],
        call="register_dataset",
        arguments=(name, files.value),
        options=texts,
        path="datasets/",
        form=[("name", name), *texts.items(), *files.form],
        files=files.sent,
        before=files.before,
    )


#: Fields of a config that the command, the client and the form call alike.
SCORED = ("entry_script", "base_image", "python", "workers")
CONTAINER = ("image", "port", "health_path", "score_path", "method")


def register_config(values: Mapping[str, Any], files: Files) -> Action:
    is_container = values.get("kind") == "container"
    name = values.get("name") or YOUR_NAME
    own = CONTAINER if is_container else SCORED
    texts = filled({key: values.get(key) for key in (*own, "gpu", "description")})
    former = "" if is_container or files.are_chosen else values.get("sources_of")
    texts |= filled({"sources_of": former})
    if is_container:
        texts = {"image": YOUR_NAME, "port": 8080} | texts
    headers = values.get("headers") or {} if is_container else {}
    env, egress = values.get("env") or {}, bool(values.get("egress"))
    kind = "" if is_container else values.get("environment_kind") or "pip"
    packages = [
        line for line in (values.get("requirements") or "").splitlines() if line.strip()
    ] if kind == "pip" else []  # fmt: skip
    # A pip environment is what there is without saying so.
    made_from = {"environment": kind} if kind not in ("", "pip") else {}
    beside = _beside(values, kind)
    lines = {"requirements": "\n".join(packages), "headers": _lines(headers, ": ")}
    lines |= {"env": _lines(env)}
    form = {"name": name, "kind": "container" if is_container else "scored"}
    form |= {"environment_kind": kind, **texts, **lines, "egress": "on" if egress else ""}
    sources = None if is_container or former else files
    return Action(
        command=[
            ("config", "register", "-n", name), *(sources.words("--source") if sources else []),
            *((f"--{key.replace('_', '-')}", str(value))
              for key, value in (made_from | texts).items()),
            *(("--requirement", package) for package in packages),
            *((f"--{key.replace('_', '-')}", path) for key, path in beside.items()),
            *each_pair("--header", headers, ":"), *each_pair("--env", env),
            *([("--egress",)] if egress else []),
        ],
        call="register_config",
        arguments=(name, sources.value) if sources else (name,),
        options=made_from | texts | beside | filled(
            {"requirements": packages, "headers": headers, "env": env, "egress": egress}
        ),
        path="configs/",
        form=[
            *((key, str(value)) for key, value in filled(form).items()),
            *(sources.form if sources else []),
        ],
        files=[*(sources.sent if sources else []), *beside.items()],
        before=sources.before if sources else "",
    )  # fmt: skip


def _beside(values: Mapping[str, Any], kind: str) -> dict[str, str]:
    """A conda file or Dockerfile sent apart from the sources; its name is all that is known."""
    field = {"conda": "conda_file", "dockerfile": "dockerfile"}.get(kind)
    sent = values.get(field) if field else None
    return {field: sent.name} if field and sent else {}
