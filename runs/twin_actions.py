"""What can be done on the pages, each as a twins.Action, filled in with a page's own values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from runs.twins import Action, Words

if TYPE_CHECKING:
    from runs.models import ProfileRun, RegisteredModel, StagedUpload

#: Of what is not filled in yet.
YOUR_NAME, YOUR_KEY, YOUR_VALUE, YOUR_WORDS = "my-name", "key", "value", "Your words"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", False, [], {})}


# --- Registering ----------------------------------------------------------------------------------
#: Files of a folder that curl names one by one; more go as an archive.
MOST_FILES = 12


class Files:
    """What was chosen in a form: a file, several, or a folder; `usual` where nothing is yet."""

    def __init__(self, staged: StagedUpload | None, usual: str) -> None:
        paths = [entry["path"] for entry in staged.manifest] if staged else []
        self.is_folder = bool(staged and staged.is_folder)
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


def _pairs(option: str, pairs: Mapping[str, str], joint: str = "=") -> list[Words]:
    return [(option, f"{key}{joint}{value}") for key, value in pairs.items()]


def _lines(pairs: Mapping[str, str], joint: str = "=") -> str:
    return "\n".join(f"{key}{joint}{value}" for key, value in pairs.items())


def register_model(values: Mapping[str, Any], files: Files) -> Action:
    """`values` are the cleaned fields of the form, those that are right."""
    tags, properties = values.get("tags") or {}, values.get("properties") or {}
    texts = _given({key: values.get(key) for key in ("framework", "framework_version")})
    texts |= _given({"description": values.get("description")})
    name = values.get("name") or YOUR_NAME
    unpack = bool(values.get("unpack"))
    options = {
        "framework": "--model-framework", "framework_version": "--model-framework-version",
        "description": "--description",
    }  # fmt: skip
    lines = _given({"tags": _lines(tags), "properties": _lines(properties)})
    return Action(
        command=[
            ("model", "register", "-n", name), *files.words("-p"),
            *((options[key], value) for key, value in texts.items()),
            *_pairs("--tag", tags), *_pairs("--property", properties),
            *([("--unpack",)] if unpack else []),
        ],
        call="register_model",
        arguments=(name, files.value),
        options=texts | _given({"tags": tags, "properties": properties, "unpack": unpack}),
        path="models/",
        form=[("name", name), *texts.items(), *lines.items(),
              *([("unpack", "on")] if unpack or files.is_zipped else []), *files.form],
        files=files.sent,
        before=files.before,
    )  # fmt: skip


def register_dataset(values: Mapping[str, Any], files: Files) -> Action:
    name = values.get("name") or YOUR_NAME
    texts = _given({key: values.get(key) for key in ("content_type", "description")})
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
    texts = _given({key: values.get(key) for key in (*own, "gpu", "description")})
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
    sources = None if is_container else files
    return Action(
        command=[
            ("config", "register", "-n", name), *(sources.words("--source") if sources else []),
            *((f"--{key.replace('_', '-')}", str(value))
              for key, value in (made_from | texts).items()),
            *(("--requirement", package) for package in packages),
            *((f"--{key.replace('_', '-')}", path) for key, path in beside.items()),
            *_pairs("--header", headers, ":"), *_pairs("--env", env),
            *([("--egress",)] if egress else []),
        ],
        call="register_config",
        arguments=(name, sources.value) if sources else (name,),
        options=made_from | texts | beside | _given(
            {"requirements": packages, "headers": headers, "env": env, "egress": egress}
        ),
        path="configs/",
        form=[
            *((key, str(value)) for key, value in _given(form).items()),
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


# --- Tags -----------------------------------------------------------------------------------------
def set_tag(model: str, key: str = "", value: str = "") -> Action:
    return _add(model, "--add-tag", "tags", key, value)


def add_property(model: str, key: str = "", value: str = "") -> Action:
    return _add(model, "--add-property", "properties", key, value)


def _add(model: str, option: str, kind: str, key: str, value: str) -> Action:
    pairs = {key or YOUR_KEY: value or YOUR_VALUE}
    return Action(
        command=[("model", "update", model), *_pairs(option, pairs)],
        call="update_model",
        arguments=(model,),
        options={kind: pairs},
        method="PATCH",
        path=f"models/{model}/",
        body={kind: pairs},
    )


# --- Runs -----------------------------------------------------------------------------------------
def start_run(
    asked: Mapping[str, Any], models: Sequence[str], name: str, policy: str = ""
) -> Action:
    """`asked` is as NewRunForm.asked_for says it; `policy` the name of one that was chosen."""
    inputs = {key: asked[key].ref for key in ("config", "dataset")}
    target = asked["target"].name
    question = asked["question"] if asked["question"] != "size" else ""
    parts = ("load", "objective", "limits", "budget", "answers", "concurrency")
    wishes = _given({key: asked[key] for key in parts})
    rest = {"memory_probe": asked["memory_probe"], "question": question}
    rest |= {"peak_rps": asked["peak_rps"]}
    body = {"models": list(models), **inputs, "target": target, "name": name, "policy": policy}
    body = _given({**body, **wishes, **rest})
    return Action(
        command=[
            ("model", "profile"), *([("-n", name)] if name else []),
            *(("-m", ref) for ref in models),
            ("--config", inputs["config"]), ("--dataset", inputs["dataset"]), ("--target", target),
            *([("--policy", policy)] if policy else []), *_wishes(wishes),
            *([("--question", question)] if question else []),
            *([("--peak-rps", f"{asked['peak_rps']:g}")] if asked["peak_rps"] else []),
            *([("--memory-probe",)] if asked["memory_probe"] else []),
        ],
        call="start_run",
        options=body,
        path="runs/",
        body=body,
    )  # fmt: skip


def _wishes(wishes: Mapping[str, Any]) -> list[Words]:
    """Load and objective as in a spec; what is a number or two has an option of its own."""
    words = [
        (f"--{key}", json.dumps(wishes[key], ensure_ascii=False))
        for key in ("load", "objective", "answers") if key in wishes
    ]  # fmt: skip
    limits, budget = wishes.get("limits", {}), wishes.get("budget", {})
    if cpu := limits.get("cpu_millicores"):
        words.append(("--cpu", f"{cpu / 1000:g}"))
    if memory := limits.get("memory_bytes"):
        words.append(("--memory", repr(memory / 2**30)))
    words += [(f"--{key.replace('_', '-')}", f"{value:g}") for key, value in budget.items()]
    for key, counts in wishes.get("concurrency", {}).items():
        words.append((f"--{key}", ",".join(map(str, counts))))
    return words


def cancel(name: str) -> Action:
    return Action(
        [("run", "cancel", name)], "cancel", (name,), path=f"runs/{name}/cancel/", body={}
    )


def mend(name: str, fix: str) -> Action:
    return Action(
        [("run", "mend", name, "--fix", fix)], "mend", (name, fix),
        path=f"runs/{name}/mend/", body={"fix": fix},
    )  # fmt: skip


def apply(
    name: str,
    models: Sequence[str],
    measurement: int | None = None,
    confirmed: bool = False,
    as_properties: bool = False,
) -> Action:
    rest = _given({"confirmed": confirmed, "as_properties": as_properties})
    point = {} if measurement is None else {"measurement": measurement}
    return Action(
        command=[
            ("run", "apply", name), *(("-m", ref) for ref in models),
            *(("--measurement", str(one)) for one in point.values()),
            *((f"--{key.replace('_', '-')}",) for key in rest),
        ],
        call="apply",
        arguments=(name,),
        options={"models": list(models), **point, **rest},
        path=f"runs/{name}/apply/",
        body={"models": list(models), **point, **rest},
    )  # fmt: skip


def apply_advised(run: ProfileRun, models: Sequence[RegisteredModel], confirmed: bool) -> Action:
    return apply(run.name, [model.ref for model in models], confirmed=confirmed)


def compare_runs(runs: Sequence[ProfileRun]) -> Action:
    """The first is the base."""
    return compare([run.name for run in runs], runs[0].name)


def compare(names: Sequence[str], base: str) -> Action:
    query = urlencode({"runs": ",".join(names), "base": base}, safe=",")
    return Action(
        [("run", "compare", *names), ("--base", base)], "compare", (list(names),),
        {"base": base}, "GET", f"compare/?{query}", prints=True,
    )  # fmt: skip


def export_raw(name: str, form: str = "csv") -> Action:
    out = f"{name}-raw-{form}.zip"
    return Action(
        [("run", "export", name, "--format", form), ("--out", out)], "export_raw",
        (name, out, form), {}, "GET", f"runs/{name}/raw/{form}/", out=out,
    )  # fmt: skip


# --- Review ---------------------------------------------------------------------------------------
def propose(
    run: str,
    models: Sequence[str],
    measurement: int | None = None,
    reviewers: Sequence[str] = (),
    baseline: str = "",
    text: str = "",
    as_properties: bool = False,
) -> Action:
    point = {} if measurement is None else {"measurement": measurement}
    texts = _given({"baseline": baseline, "text": text})
    options = {"models": list(models), **point, **_given({"reviewers": list(reviewers)}), **texts}
    options |= _given({"as_properties": as_properties})
    return Action(
        command=[
            ("proposal", "create", run), *(("-m", ref) for ref in models),
            *(("--measurement", str(one)) for one in point.values()),
            *(("--reviewer", name) for name in reviewers),
            *((f"--{key}", value) for key, value in texts.items()),
            *([("--as-properties",)] if as_properties else []),
        ],
        call="propose",
        arguments=(run,),
        options=options,
        path="proposals/",
        body={"run": run, **options},
    )  # fmt: skip


#: Action of a proposal -> the client's method, and whether it takes words and a confirmation.
DECISIONS = {
    "comment": ("comment", True, False),
    "approve": ("approve", False, True),
    "request-changes": ("request_changes", True, False),
    "ask-again": ("ask_again", False, False),
    "withdraw": ("withdraw", False, False),
    "apply": ("apply_proposal", False, True),
    "revert": ("revert", False, False),
}


def decide(number: int, action: str, although: object = False) -> Action:
    """`although` where something speaks against it: whoever sends it confirms to know."""
    call, takes_words, can_confirm = DECISIONS[action]
    known = {"although": True} if although and can_confirm else {}
    words = {"text": YOUR_WORDS} if takes_words else {}
    return Action(
        command=[
            ("proposal", action, str(number)), *(("-t", text) for text in words.values()),
            *(("--although",) for _ in known),
        ],
        call=call,
        arguments=(number, *words.values()),
        options=known,
        path=f"proposals/{number}/{action}/",
        body={**words, **known},
    )  # fmt: skip
