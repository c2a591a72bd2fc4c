"""All that a program can ask of the site, a method each.

What comes back is the API's own JSON: its fields are in the site's /api/v1/schema/.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from profiler_client.connection import Connection, Json
from profiler_client.errors import ProfilerClientError
from profiler_client.uploads import Multipart, Paths, chosen, lines

Pairs = Mapping[str, str]


class StillRunning(ProfilerClientError):
    """A run did not end within the time that somebody was ready to wait."""


class Client:
    """A site; `server` and `token` are MODEL_PROFILER_URL and MODEL_PROFILER_TOKEN if left out."""

    def __init__(
        self, server: str | None = None, token: str | None = None, *, timeout_s: float = 60
    ) -> None:
        self._connection = Connection(server, token, timeout_s)

    @property
    def server(self) -> str:
        return self._connection.server

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    # --- Registry ---------------------------------------------------------------------------------
    def register_model(
        self,
        name: str,
        files: Paths,
        *,
        description: str = "",
        framework: str = "",
        framework_version: str = "",
        tags: Pairs | None = None,
        properties: Pairs | None = None,
        unpack: bool = False,
    ) -> Json:
        """Register the next version of a name; `files` is a file, several, or a folder."""
        fields = {
            "name": name, "description": description, "framework": framework,
            "framework_version": framework_version, "tags": lines(tags),
            "properties": lines(properties), "unpack": unpack,
        }  # fmt: skip
        return self._register("models/", fields, files)

    def models(
        self, *, name: str = "", q: str = "", tag: str = "", framework: str = ""
    ) -> Iterator[Json]:
        """The latest version of each model, or with `name` all versions of one."""
        return self._connection.pages("models/", name=name, q=q, tag=tag, framework=framework)

    def model(self, ref: str) -> Json:
        """One, by `name:version`, or by `name` its latest version; so for datasets and configs."""
        return self._connection.get(f"models/{_part(ref)}/")

    def update_model(
        self,
        ref: str,
        *,
        tags: Pairs | None = None,
        remove_tags: Iterable[str] = (),
        properties: Pairs | None = None,
    ) -> Json:
        """Set and take away tags, add properties: all of it or nothing."""
        changes: dict[str, str | None] = {**(tags or {}), **dict.fromkeys(remove_tags)}
        data = {"tags": changes, "properties": dict(properties or {})}
        return self._connection.patch(f"models/{_part(ref)}/", data)

    def register_dataset(
        self, name: str, files: Paths, *, content_type: str = "", description: str = ""
    ) -> Json:
        """Register the next version of a name; of several files, or a folder's, each is a body."""
        fields = {"name": name, "content_type": content_type, "description": description}
        return self._register("datasets/", fields, files)

    def datasets(self, *, name: str = "", q: str = "", file_format: str = "") -> Iterator[Json]:
        return self._connection.pages("datasets/", name=name, q=q, file_format=file_format)

    def dataset(self, ref: str) -> Json:
        return self._connection.get(f"datasets/{_part(ref)}/")

    def register_config(
        self,
        name: str,
        source: Paths | None = None,
        *,
        sources_of: str = "",
        entry_script: str = "",
        environment: Literal["", "pip", "conda", "dockerfile"] = "",
        requirements: Iterable[str] = (),
        conda_file: str | os.PathLike | None = None,
        dockerfile: str | os.PathLike | None = None,
        base_image: str = "",
        python: str = "",
        workers: int | None = None,
        image: str = "",
        port: int | None = None,
        health_path: str = "",
        score_path: str = "",
        method: str = "",
        headers: Pairs | None = None,
        env: Pairs | None = None,
        gpu: int | None = None,
        egress: bool = False,
        description: str = "",
    ) -> Json:
        """Register the next version of a name: a score.py with its environment, or an `image`.

        `source` is score.py, several files, or the folder with all that it imports; in its place
        `sources_of` takes what another config (`name:version`) was registered with. The environment
        is made from `requirements` (or requirements.txt of the source), a conda file or a
        Dockerfile: `environment` says which where it lies in the source.
        """
        found = "conda" if conda_file else "dockerfile" if dockerfile else "pip"
        fields = {
            "name": name, "kind": "container" if image else "scored",
            "sources_of": sources_of, "entry_script": entry_script,
            "environment_kind": environment or found,
            "requirements": "\n".join(requirements), "base_image": base_image, "python": python,
            "workers": workers, "image": image, "port": port, "health_path": health_path,
            "score_path": score_path, "method": method, "headers": lines(headers, ": "),
            "env": lines(env), "gpu": gpu, "egress": egress, "description": description,
        }  # fmt: skip
        beside = {"conda_file": conda_file, "dockerfile": dockerfile}
        return self._register("configs/", fields, source, beside)

    def configs(self, *, name: str = "", q: str = "", kind: str = "") -> Iterator[Json]:
        return self._connection.pages("configs/", name=name, q=q, kind=kind)

    def config(self, ref: str) -> Json:
        return self._connection.get(f"configs/{_part(ref)}/")

    def _register(
        self,
        path: str,
        fields: Mapping[str, object],
        files: Paths | None,
        beside: Mapping[str, str | os.PathLike | None] | None = None,
    ) -> Json:
        extra, parts = chosen(files) if files is not None else ({}, [])
        for field, file in (beside or {}).items():
            if file is not None:
                parts += [(field, path) for _, path in chosen(file)[1]]
        return self._connection.upload(path, Multipart({**fields, **extra}, parts))

    # --- Runs -------------------------------------------------------------------------------------
    def targets(self) -> Iterator[Json]:
        return self._connection.pages("targets/")

    def start_run(
        self,
        *,
        config: str,
        dataset: str,
        models: Iterable[str] = (),
        target: str = "",
        name: str = "",
        load: Json | list[Json] | None = None,
        objective: Json | None = None,
        limits: Json | None = None,
        budget: Json | None = None,
        answers: Json | None = None,
        concurrency: Json | None = None,
        policy: str = "",
        memory_probe: bool = False,
        question: Literal["size", "rate", "curve"] = "size",
        peak_rps: float | None = None,
        key: str = "",
    ) -> Json:
        """Queue a run. Asking again under the same `key` starts no second one; without a key, one
        is made up for this call, so that it can be retried when the connection breaks."""
        asked = {
            "config": config, "dataset": dataset, "models": list(models), "target": target,
            "name": name, "load": load, "objective": objective, "limits": limits,
            "budget": budget, "answers": answers, "concurrency": concurrency, "policy": policy,
            "memory_probe": memory_probe, "question": question, "peak_rps": peak_rps,
        }  # fmt: skip
        given = {field: value for field, value in asked.items() if value not in (None, "", False)}
        return self._once("runs/", given, key)

    def runs(
        self, *, q: str = "", state: str = "", standing: str = "", target: str = ""
    ) -> Iterator[Json]:
        """Newest first."""
        query = {"q": q, "state": state, "standing": standing, "target": target}
        return self._connection.pages("runs/", **query)

    def run(self, name: str) -> Json:
        return self._connection.get(f"runs/{_part(name)}/")

    def status(self, name: str) -> Json:
        """How far a run is; cheap to ask for."""
        return self._connection.get(f"runs/{_part(name)}/status/")

    def wait(
        self,
        name: str,
        *,
        timeout_s: float | None = None,
        on_status: Callable[[Json], object] = lambda status: None,
    ) -> Json:
        """The run, once it has ended, however it did. Raises StillRunning after `timeout_s`."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            status = self.status(name)
            on_status(status)
            if status["is_finished"]:
                return self.run(name)
            wait_s = float(status["poll_after_s"])
            if end is not None and time.monotonic() + wait_s > end:
                raise StillRunning(
                    f"{name} is still {status['state']} after {timeout_s:g} s.",
                    "It goes on; wait again, or cancel it.",
                )
            time.sleep(wait_s)

    def cancel(self, name: str, *, force: bool = False) -> Json:
        """Ask it to stop; `force` has one killed that was asked and has not stopped."""
        return self._connection.post(f"runs/{_part(name)}/cancel/", {"force": force})

    def run_again(self, name: str, *, key: str = "") -> Json:
        """Queue the same once more; the new run. `key` is as in start_run."""
        return self._once(f"runs/{_part(name)}/again/", key=key)

    def apply(
        self,
        name: str,
        *,
        models: Iterable[str] | None = None,
        measurement: int | None = None,
        confirmed: bool = False,
        as_properties: bool = False,
        key: str = "",
    ) -> Json:
        """Write a run's size into its models' tags; `measurement` takes a measured one in place of
        the advised. `confirmed` says that what the size lacks is known. Asking again under the same
        `key` writes nothing a second time."""
        asked: Json = {
            "measurement": measurement, "confirmed": confirmed, "as_properties": as_properties,
        }  # fmt: skip
        if models is not None:
            asked["models"] = list(models)
        return self._once(f"runs/{_part(name)}/apply/", asked, key)

    def mend(self, name: str, fix: str, *, key: str = "") -> Json:
        """Apply a fix that a run measured; the new run that measures it. `key` is as in
        start_run."""
        return self._once(f"runs/{_part(name)}/mend/", {"fix": fix}, key)

    def compare(self, names: Iterable[str], base: str = "") -> Json:
        """Runs against a base, the first unless another is named."""
        return self._connection.get("compare/", runs=",".join(names), base=base)

    def measurements(self, name: str) -> Iterator[Json]:
        return self._connection.pages(f"runs/{_part(name)}/measurements/")

    def sizes(self, name: str) -> list[Json]:
        """Every size measured, as one to use."""
        return self._connection.get(f"runs/{_part(name)}/sizes/")

    def result(self, name: str) -> Json:
        """The engine's RESULT document."""
        return self._connection.get(f"runs/{_part(name)}/result/")

    def log(self, name: str) -> str:
        return self._connection.text(f"runs/{_part(name)}/log/")

    def export_raw(
        self, name: str, path: str | os.PathLike, form: Literal["csv", "parquet"] = "csv"
    ) -> Path:
        """Every request and usage sample, as a zip archive at `path`."""
        return self._download(path, f"runs/{_part(name)}/raw/{_part(form)}/")

    def export_series(
        self,
        name: str,
        measurement: int,
        series: str,
        path: str | os.PathLike,
        form: Literal["csv", "parquet"] = "csv",
    ) -> Path:
        """The samples of one measurement: `requests`, `usage`, `gpu`, or as the run's page says."""
        address = f"runs/{_part(name)}/raw/{_part(form)}/{int(measurement)}/{_part(series)}/"
        return self._download(path, address)

    def export_list(
        self,
        listing: str,
        path: str | os.PathLike,
        form: Literal["csv", "json"] = "csv",
        *,
        query: str = "",
    ) -> Path:
        """All rows of a list as its page shows them. `query` is what stands behind the ? of the
        page's address: filters, order, columns."""
        behind = f"?{query}" if query else ""
        return self._download(path, f"lists/{_part(listing)}/{_part(form)}/{behind}")

    def run_report(self, name: str, path: str | os.PathLike) -> Path:
        """A run that has ended, as one HTML file at `path` that opens without a network."""
        return self._download(path, f"runs/{_part(name)}/report/")

    def comparison_report(
        self, names: Iterable[str], path: str | os.PathLike, base: str = ""
    ) -> Path:
        """A comparison, as one HTML file at `path` that opens without a network."""
        return self._download(path, "compare/report/", runs=",".join(names), base=base)

    def _download(self, path: str | os.PathLike, address: str, **query: str) -> Path:
        """All of it at `path`, or nothing."""
        pieces = self._connection.download(address, **query)
        target = Path(path)
        half = target.with_name(f"{target.name}.part")
        try:
            with half.open("wb") as file:
                file.writelines(pieces)
            return half.replace(target)
        finally:
            half.unlink(missing_ok=True)

    # --- Many at once -----------------------------------------------------------------------------
    def in_bulk(
        self,
        listing: Literal["runs", "models", "portfolio", "review"],
        action: str,
        rows: Iterable[str | int],
        values: Mapping[str, str | bool] | None = None,
        *,
        key: str = "",
    ) -> list[Json]:
        """Do to many rows what a list's page can: `cancel` runs, ask for them `again`, `keep` or
        `release` their raw samples, `tag` models (`{"key": ..., "value": ...}`; no value removes
        it), `apply` proposals in `review` (`{"although": True}`). `key` is as in start_run.

        What happened to each is `{row, done, message}`; one that is refused keeps no other from it.
        """
        asked: Json = {"rows": [str(row) for row in rows], **(values or {})}
        if action == "again":
            # What else can be done is over once it is done: asked twice, it would seem refused.
            key = key or str(uuid.uuid4())
        return self._connection.post(f"bulk/{_part(listing)}/{_part(action)}/", asked, key=key)

    # --- Review -----------------------------------------------------------------------------------
    def proposals(self, *, box: str = "", state: str = "") -> Iterator[Json]:
        """Newest first; `box` is a view of your inbox, such as `waiting`."""
        return self._connection.pages("proposals/", box=box, state=state)

    def proposal(self, number: int) -> Json:
        return self._connection.get(f"proposals/{int(number)}/")

    def propose(
        self,
        run: str,
        *,
        measurement: int | None = None,
        models: Iterable[str] | None = None,
        reviewers: Iterable[str] = (),
        baseline: str = "",
        text: str = "",
        as_properties: bool = False,
        key: str = "",
    ) -> Json:
        """Put a run's size forward for review; asking again under the same `key` answers with the
        proposal that is there."""
        asked: Json = {
            "run": run, "measurement": measurement, "reviewers": list(reviewers), "text": text,
            "as_properties": as_properties,
        }  # fmt: skip
        if models is not None:
            asked["models"] = list(models)
        if baseline:
            asked["baseline"] = baseline
        return self._once("proposals/", asked, key)

    def comment(self, number: int, text: str) -> Json:
        return self._act(number, "comment", text)

    def approve(self, number: int, text: str = "", *, although: bool = False) -> Json:
        """`although` confirms that what speaks against it is known; so for apply_proposal."""
        return self._act(number, "approve", text, although)

    def request_changes(self, number: int, text: str) -> Json:
        return self._act(number, "request-changes", text)

    def ask_again(self, number: int, text: str = "") -> Json:
        return self._act(number, "ask-again", text)

    def withdraw(self, number: int, text: str = "") -> Json:
        return self._act(number, "withdraw", text)

    def apply_proposal(self, number: int, *, although: bool = False) -> Json:
        return self._act(number, "apply", "", although)

    def revert(self, number: int) -> Json:
        return self._act(number, "revert")

    def _act(self, number: int, action: str, text: str = "", although: bool = False) -> Json:
        asked: dict[str, Any] = {"text": text, "although": although}
        return self._once(f"proposals/{int(number)}/{action}/", asked)

    def _once(self, path: str, asked: Json | None = None, key: str = "") -> Json:
        """Under a key, by default one made up here, it is safe to ask again."""
        return self._connection.post(path, asked, key=key or str(uuid.uuid4()))


def _part(text: str) -> str:
    """As a part of an address."""
    return quote(text, safe=":")
