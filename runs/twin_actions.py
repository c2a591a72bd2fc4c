"""What is done on the pages, each as a twins.Action, filled in with a page's own values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from runs.twins import YOUR_KEY, YOUR_VALUE, YOUR_WORDS, Action, Words, each_pair, filled

if TYPE_CHECKING:
    from runs.models import ProfileRun, RegisteredModel


# --- Tags -----------------------------------------------------------------------------------------
def set_tag(model: str, key: str = "", value: str = "") -> Action:
    return _add(model, "--add-tag", "tags", key, value)


def remove_tag(model: str, key: str = "") -> Action:
    key = key or YOUR_KEY
    return Action(
        command=[("model", "update", model), ("--remove-tag", key)],
        call="update_model",
        arguments=(model,),
        options={"remove_tags": [key]},
        method="PATCH",
        path=f"models/{model}/",
        body={"tags": {key: None}},
    )


def add_property(model: str, key: str = "", value: str = "") -> Action:
    return _add(model, "--add-property", "properties", key, value)


def _add(model: str, option: str, kind: str, key: str, value: str) -> Action:
    pairs = {key or YOUR_KEY: value or YOUR_VALUE}
    return Action(
        command=[("model", "update", model), *each_pair(option, pairs)],
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
    wishes = filled({key: asked[key] for key in parts})
    rest = {"memory_probe": asked["memory_probe"], "question": question}
    rest |= {"peak_rps": asked["peak_rps"]}
    body = {"models": list(models), **inputs, "target": target, "name": name, "policy": policy}
    body = filled({**body, **wishes, **rest})
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


def force_cancel(name: str) -> Action:
    return Action(
        [("run", "cancel", name), ("--force",)], "cancel", (name,), {"force": True},
        path=f"runs/{name}/cancel/", body={"force": True},
    )  # fmt: skip


def run_again(name: str) -> Action:
    return Action([("run", "again", name)], "run_again", (name,), path=f"runs/{name}/again/")


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
    rest = filled({"confirmed": confirmed, "as_properties": as_properties})
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
    texts = filled({"baseline": baseline, "text": text})
    options = {"models": list(models), **point, **filled({"reviewers": list(reviewers)}), **texts}
    options |= filled({"as_properties": as_properties})
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


# --- Many rows of a list --------------------------------------------------------------------------
#: (list, action) -> the command that does it; its options are made of the values.
IN_BULK = {
    ("runs", "cancel"): ("run", "cancel"),
    ("runs", "again"): ("run", "again"),
    ("runs", "keep"): ("run", "keep"),
    ("runs", "release"): ("run", "release"),
    ("models", "tag"): ("model", "update"),
    ("portfolio", "tag"): ("model", "update"),
    ("review", "apply"): ("proposal", "apply"),
}


def in_bulk(
    listing: str,
    action: str,
    rows: Sequence[str],
    values: Mapping[str, str | bool] | None = None,
) -> Action:
    given = filled(values or {})
    options: list[Words] = []
    if action == "tag":
        given = given if given.get("key") else {"key": YOUR_KEY, "value": YOUR_VALUE}
        key, value = given["key"], given.get("value")
        options = [("--add-tag", f"{key}={value}") if value else ("--remove-tag", key)]
    elif "although" in given:
        options = [("--although",)]
    return Action(
        command=[(*IN_BULK[listing, action], *rows), *options],
        call="in_bulk",
        arguments=(listing, action, list(rows), *([given] if given else [])),
        path=f"bulk/{listing}/{action}/",
        body={"rows": list(rows), **given},
        prints=True,
    )
