"""model-profiler model ..."""

from __future__ import annotations

from typing import Any

import click

from profiler_client.client import Client
from profiler_client.commands.options import Json, connected, output, pairs, told
from profiler_client.commands.waiting import wait_for
from profiler_client.errors import Refused
from profiler_client.output import show

COLUMNS = {
    "model": "ref", "framework": "framework", "cpu": "tags/requestedCpu",
    "memory GiB": "tags/requestedMemoryInGb", "standing": "tags/profile.standing",
    "registered": "created_at", "by": "created_by",
}  # fmt: skip


@click.group()
def model() -> None:
    """Register models, see them, tag them, and profile them."""


@model.command("register")
@click.option("-n", "--name", required=True)
@click.option(
    "-p", "--path", "paths", multiple=True, required=True, help="A file (repeat), or a folder."
)
@click.option("-d", "--description", default="")
@click.option("--model-framework", "framework", default="")
@click.option("--model-framework-version", "framework_version", default="")
@pairs("--tag", "tags", help="Can be changed later.")
@pairs("--property", "properties", help="Can never be changed.")
@click.option("--unpack", is_flag=True, help="Keep a zip archive as the folder in it.")
@output
@connected
def register(client: Client, name: str, paths: tuple[str, ...], form: str, **about: Any) -> None:
    """Register the next version of a name."""
    about |= {key: dict(about[key]) for key in ("tags", "properties")}
    show(client.register_model(name, paths, **about), form)


@model.command("list")
@click.option("-n", "--name", default="", help="All versions of this one.")
@click.option("-q", "--search", "q", default="", help="In name, description and tags.")
@click.option("--tag", default="", help="KEY or KEY=VALUE.")
@click.option("--framework", default="")
@output
@connected
def list_(client: Client, form: str, **query: str) -> None:
    """The latest version of each model, newest first."""
    show(list(client.models(**query)), form, COLUMNS)


@model.command("show")
@click.argument("ref")
@output
@connected
def show_(client: Client, ref: str, form: str) -> None:
    """One model, by name:version, or by name its latest version."""
    show(client.model(ref), form)


@model.command("update")
@click.argument("refs", nargs=-1, required=True)
@pairs("--add-tag", "tags", help="Sets it, whatever it was.")
@click.option("--remove-tag", "remove_tags", multiple=True)
@pairs("--add-property", "properties")
@output
@connected
def update(
    client: Client, refs: tuple[str, ...], form: str, remove_tags: tuple[str, ...], **pairs: Any
) -> int:
    """Set and take away tags, add properties; so for several models."""
    changes = {key: dict(value) for key, value in pairs.items()}
    if not any([remove_tags, *changes.values()]):
        raise click.UsageError("Nothing to do: give --add-tag, --remove-tag or --add-property.")
    changes["remove_tags"] = remove_tags
    if len(refs) == 1:
        show(client.update_model(refs[0], **changes), form)
        return 0
    return told([_updated(client, ref, changes) for ref in refs], form)


def _updated(client: Client, ref: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What happened to one of several; it keeps no other from it."""
    try:
        client.update_model(ref, **changes)
    except Refused as refusal:
        return {"row": ref, "done": False, "message": refusal.message}
    return {"row": ref, "done": True, "message": "Changed."}


@model.command("profile")
@click.option("-n", "--name", default="", help="Of the run; by default the model's with a number.")
@click.option("-m", "--model", "models", multiple=True, help="name:version; repeat for several.")
@click.option("--ic", "--config", "config", required=True, help="Inference config.")
@click.option("--idi", "--dataset", "dataset", required=True, help="Dataset of sample requests.")
@click.option("--target", default="", help="By default the first that a worker listens at.")
@click.option("--cc", "--cpu", "cores", type=float, help="Cores of the largest size.")
@click.option("--gb", "--memory", "memory_gib", type=float, help="GiB of the largest size.")
@click.option("--rate", type=float, help="Requests a second, at random times.")
@click.option("--concurrency", type=int, help="Requests under way at a time.")
@click.option("--load", type=Json(), help="In place of both: a spec's load.")
@click.option("--percentile", type=float, help="With --latency-ms.")
@click.option("--latency-ms", type=float, help="The bound that it has to keep.")
@click.option("--objective", type=Json(), help="In place of both: a spec's objective.")
@click.option("--duration-s", type=float, help="Measuring, from the service's start.")
@click.option("--build-s", type=float, help="Building the environment.")
@click.option("--answers", type=Json(), help="What answers have to be: a spec's answers.")
@click.option("--workers", help="Numbers to try, with commas between.")
@click.option("--threads", help="The same.")
@click.option("--policy", default="", help="By default the site's own.")
@click.option("--question", type=click.Choice(["size", "rate", "curve"]), default="size")
@click.option("--peak-rps", type=float, help="Of all replicas together, for the question rate.")
@click.option("--memory-probe", is_flag=True, help="Lower the memory limit until it hurts.")
@click.option("--key", default="", help="Asking again under it starts no second run.")
@click.option("-w", "--wait", is_flag=True, help="Until it has ended; exits with its status.")
@output
@connected
def profile(client: Client, form: str, wait: bool, **asked: Any) -> int:
    """Start a run: find the smallest size that is good enough, and prove it."""
    run = client.start_run(**wishes(asked))
    if wait:
        return wait_for(client, run["name"], form)
    show(run, form)
    return 0


def wishes(asked: dict[str, Any]) -> dict[str, Any]:
    """The options as arguments of Client.start_run."""
    take = asked.pop
    asked["load"] = _load(take("rate"), take("concurrency"), take("load"))
    asked["objective"] = _objective(take("percentile"), take("latency_ms"), take("objective"))
    cores, gib = take("cores"), take("memory_gib")
    limits = {
        "cpu_millicores": None if cores is None else round(cores * 1000),
        "memory_bytes": None if gib is None else round(gib * 2**30),
    }
    counts = {key: _counts(key, take(key)) for key in ("workers", "threads")}
    budget = {key: take(key) for key in ("duration_s", "build_s")}
    parts = {"limits": limits, "budget": budget, "concurrency": counts}
    return {**asked, **{key: _given(part) for key, part in parts.items()}}


def _given(part: dict[str, Any]) -> dict[str, Any] | None:
    return {key: value for key, value in part.items() if value is not None} or None


def _load(rate: float | None, concurrency: int | None, load: Any) -> Any:
    if sum(value is not None for value in (rate, concurrency, load)) > 1:
        raise click.UsageError("Give one of --rate, --concurrency and --load.")
    if rate is not None:
        return {"mode": "open", "rate_rps": rate}
    return {"mode": "closed", "concurrency": concurrency} if concurrency is not None else load


def _objective(percentile: float | None, latency_ms: float | None, objective: Any) -> Any:
    bound = _given({"percentile": percentile, "latency_ms": latency_ms})
    if bound and objective is not None:
        raise click.UsageError("Give --percentile and --latency-ms, or --objective.")
    return bound or objective


def _counts(name: str, text: str | None) -> list[int] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise click.UsageError(f"--{name}: write whole numbers with commas between, such as 1,2,4.")
    return [int(word) for word in words]
