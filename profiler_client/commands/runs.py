"""model-profiler run ..."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import click

from profiler_client.client import Client
from profiler_client.commands.options import connected, output, told, writable
from profiler_client.commands.waiting import wait_for
from profiler_client.output import show

COLUMNS = {
    "run": "name", "state": "state", "advice": "standing", "models": "models",
    "config": "config", "dataset": "dataset", "target": "target", "asked for": "created_at",
}  # fmt: skip
SIZES = {
    "measurement": "measurement", "millicores": "cpu_millicores", "bytes": "memory_bytes",
    "outcome": "outcome", "standing": "standing", "refused": "refused",
}  # fmt: skip
DIFFERENCES = {
    "run": "run", "phase": "phase", "metric": "label", "unit": "unit", "base": "base",
    "new": "new", "change": "change", "verdict": "verdict",
}  # fmt: skip


@click.group()
def run() -> None:
    """Follow runs, repeat, compare and export them, and apply their sizes."""


@run.command("list")
@click.option(
    "-q", "--search", "q", default="", help="In the names of run, model, config, dataset."
)
@click.option("--state", default="")
@click.option("--standing", default="", help="verified, provisional or declined.")
@click.option("--target", default="")
@click.option("--limit", type=click.IntRange(1), help="No more than these.")
@output
@connected
def list_(client: Client, form: str, limit: int | None, **query: str) -> None:
    """Newest first."""
    show(list(islice(client.runs(**query), limit)), form, COLUMNS)


@run.command("show")
@click.argument("name")
@output
@connected
def show_(client: Client, name: str, form: str) -> None:
    """What a run was asked, its state, and what came of it."""
    show(client.run(name), form)


@run.command("sizes")
@click.argument("name")
@output
@connected
def sizes(client: Client, name: str, form: str) -> None:
    """Every size that a run measured, as one to apply or propose."""
    show(client.sizes(name), form, SIZES)


@run.command("wait")
@click.argument("name")
@click.option("--timeout-s", type=float, help="Give up after so long; the run goes on.")
@output
@connected
def wait(client: Client, name: str, form: str, timeout_s: float | None) -> int:
    """Until a run has ended; exits with its status."""
    return wait_for(client, name, form, timeout_s)


@run.command("cancel")
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Kill one that was asked to stop and has not.")
@output
@connected
def cancel(client: Client, names: tuple[str, ...], force: bool, form: str) -> int:
    """Cancel a run, or several. What they measured so far is kept."""
    if len(names) > 1 and force:
        raise click.UsageError("--force takes one run at a time.")
    if len(names) > 1:
        return told(client.in_bulk("runs", "cancel", names), form)
    show(client.cancel(names[0], force=force), form)
    return 0


@run.command("again")
@click.argument("names", nargs=-1, required=True)
@click.option("--key", default="", help="Asking again under it starts no second run.")
@output
@connected
def again(client: Client, names: tuple[str, ...], key: str, form: str) -> int:
    """Queue the same once more, with the same inputs and settings; so for several runs."""
    if len(names) > 1:
        return told(client.in_bulk("runs", "again", names, key=key), form)
    show(client.run_again(names[0], key=key), form)
    return 0


@run.command("keep")
@click.argument("names", nargs=-1, required=True)
@output
@connected
def keep(client: Client, names: tuple[str, ...], form: str) -> int:
    """Keep the raw samples of runs for ever, whatever the retention setting says."""
    return told(client.in_bulk("runs", "keep", names), form)


@run.command("release")
@click.argument("names", nargs=-1, required=True)
@output
@connected
def release(client: Client, names: tuple[str, ...], form: str) -> int:
    """Let the retention setting hold for the raw samples of runs again."""
    return told(client.in_bulk("runs", "release", names), form)


@run.command("log")
@click.argument("name")
@connected
def log(client: Client, name: str) -> None:
    """A run's log."""
    click.echo(client.log(name), nl=False)


@run.command("apply")
@click.argument("name")
@click.option("-m", "--model", "models", multiple=True, help="By default all of the run's.")
@click.option("--measurement", type=int, help="A measured size, in place of the advised.")
@click.option("--confirmed", is_flag=True, help="I know what the size lacks.")
@click.option("--as-properties", is_flag=True, help="Record the same as properties too.")
@click.option("--key", default="", help="Asking again under it writes nothing a second time.")
@output
@connected
def apply(client: Client, name: str, models: tuple[str, ...], form: str, **how: Any) -> None:
    """Write a run's size into the tags of its models."""
    show(client.apply(name, models=models or None, **how), form)


@run.command("mend")
@click.argument("name")
@click.option("--fix", required=True, help="The code of a diagnosis, or advised.")
@click.option("--key", default="", help="Asking again under it starts no second run.")
@output
@connected
def mend(client: Client, name: str, fix: str, key: str, form: str) -> None:
    """Apply a fix that a run measured, and start a run with it."""
    show(client.mend(name, fix, key=key), form)


@run.command("compare")
@click.argument("names", nargs=-1, required=True)
@click.option("--base", default="", help="One of them; the first by default.")
@click.option(
    "--report", type=click.Path(path_type=Path),
    help="In place of a table, the page with its charts as an HTML file that opens offline.",
)  # fmt: skip
@output
@connected
def compare(
    client: Client, names: tuple[str, ...], base: str, report: Path | None, form: str
) -> None:
    """Runs against a base: better, worse, or no difference shown."""
    if report:
        click.echo(client.comparison_report(names, writable(report), base))
        return
    found = client.compare(names, base)
    show(_differences(found) if form == "table" else found, form, DIFFERENCES)


def _differences(found: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each metric of each comparison; what has none says why."""
    rows = []
    for other in found["runs"]:
        if other["why_not"]:
            rows.append({"run": other["run"], "verdict": other["why_not"]})
        for phase, one in other["comparisons"].items():
            rows += [
                {**metric, "run": other["run"], "phase": phase, "change": _percent(metric)}
                for metric in one["metrics"]
            ]
    return rows


def _percent(metric: dict[str, Any]) -> str:
    return "-" if metric["relative"] is None else f"{metric['relative']:+.1%}"


@run.command("report")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="By default NAME-report.html.")
@connected
def report(client: Client, name: str, out: Path | None) -> None:
    """Write a run that has ended to an HTML file that opens offline."""
    click.echo(client.run_report(name, writable(out or Path(f"{name}-report.html"))))


@run.command("export")
@click.argument("name")
@click.option("--format", "what", type=click.Choice(["json", "csv", "parquet"]), default="json",
              show_default=True, help="json: the RESULT; else every sample, in a zip.")  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), help="By default NAME.json or NAME-raw.zip."
)
@click.option("--measurement", type=int, help="With --series: of this measurement alone.")
@click.option("--series", default="", help="requests, usage, gpu, or as the run's page says.")
@connected
def export(
    client: Client, name: str, what: str, out: Path | None, measurement: int | None, series: str
) -> None:
    """Write a run's result or raw samples to a file."""
    is_one = measurement is not None or bool(series)
    if is_one and (what == "json" or measurement is None or not series):
        raise click.UsageError("One series takes --measurement, --series and --format csv or so.")
    usual = f"{name}.json" if what == "json" else f"{name}-raw-{what}.zip"
    path = writable(out or Path(f"{name}-{measurement}-{series}.{what}" if is_one else usual))
    if is_one:
        client.export_series(name, measurement, series, path, what)  # type: ignore[arg-type]
    elif what == "json":
        path.write_text(json.dumps(client.result(name), indent=2, ensure_ascii=False) + "\n")
    else:
        client.export_raw(name, path, what)  # type: ignore[arg-type]
    click.echo(path)
