"""The image a service runs in: built from environment, models and code, each layer once."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from profiler.errors import IMAGE_BUILD_FAILED, IMAGE_NOT_FOUND, RunFailed
from profiler.services import disk
from profiler.services.build_context import BuildContext
from profiler.services.docker_engine import (
    Check,
    StreamEnded,
    check_docker,
    engine_errors,
    failure_of,
    stream,
)
from profiler.services.scoring import layout
from profiler.services.scoring.dockerfiles import (
    APP_ROOT,
    environment_context,
    explain_environment,
    models_dockerfile,
    run_dockerfile,
)
from profiler.spec import ContainerConfig, Environment, ModelFiles, ScoredConfig, Spec

__all__ = ["APP_ROOT", "Images", "check_docker"]

LOCAL_BASE = "model-profiler-base:bookworm"
DEFAULT_PYTHON = "3.11"
REPOSITORY = "model-profiler"

#: Where the certificates of this network are named: for us, and for OpenSSL (openssl-env(7)).
CERTIFICATE_VARIABLES = ("PROFILER_CA_BUNDLE", "SSL_CERT_FILE")

#: How much of a build's output is kept for its error.
LOG_TAIL_BYTES = 16_384
#: An image reference as Docker takes it. No blanks: it can add no lines to a Dockerfile.
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")

#: Terminal colours, and lines about the engine's own housekeeping.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ENGINE_CHATTER = (" --->", "Removing intermediate container", "Successfully ")

#: From a build's failure (exit status of a step or None, its output) to a message for the user.
Explain = Callable[[int | None, str], str]


@dataclass
class Images:
    """Makes the images of services, or finds those already made.

    `log` gets the output of builds as it comes. `check` is called at least ten times a second and
    ends the work by raising. All must be done by `deadline` (time.monotonic).

    Errors: RunFailed with ImageBuildFailed (the requirement at fault named), ImageNotFound,
    DiskFull or TargetUnavailable.
    """

    client: docker.DockerClient
    log: Callable[[str], None]
    check: Check
    deadline: float
    _output: list[str] = field(default_factory=list, init=False)
    _piece: str = field(default="", init=False)

    def prepare(self, spec: Spec) -> str:
        """The name of the image for this spec's service, made if it is not there."""
        if isinstance(spec.config, ContainerConfig):
            return self.available(spec.config.image)
        environment = self.environment_image(spec.config.environment)
        with_models = self.models_image(environment, spec.models)
        return self.run_image(with_models, spec.config)

    def available(self, name: str) -> str:
        """`name`, pulled if the engine does not have it."""
        if not REFERENCE.fullmatch(name):
            raise RunFailed(IMAGE_NOT_FOUND, f"{name!r} is not the name of an image.")
        if self._id_of(name) is None:
            self._pull(name)
        return name

    def environment_image(self, environment: Environment) -> str:
        """Server and packages, on the environment's base."""
        base = self.base_image(environment)
        context = environment_context(base, environment)
        name = f"{REPOSITORY}/env:{context.content_hash(self._id_of(base) or '')}"
        if self._id_of(name) is None:
            _add_certificates(context)
            self._build(
                name,
                context,
                lambda status, output: explain_environment(status, output, base, environment),
            )
        return name

    def models_image(self, environment: str, models: tuple[ModelFiles, ...]) -> str:
        """The environment and the models: below the code, so that a change of code is cheap."""
        if not models:
            return environment
        context = BuildContext(models_dockerfile(environment))
        self._add_placed(context, "models", layout.model_files(models))
        return self._built("models", context)

    def run_image(self, below: str, config: ScoredConfig) -> str:
        """What a service is started from: all of the image below, and the source directory."""
        context = BuildContext(run_dockerfile(below))
        self._add_placed(context, "code", layout.source_files(config))
        return self._built("run", context)

    def base_image(self, environment: Environment) -> str:
        """The environment's own base, the configured one, the local one, or one from a registry."""
        if environment.dockerfile is not None:
            return self._user_image(environment.dockerfile)
        chosen = environment.base_image or os.environ.get("PROFILER_BASE_IMAGE")
        if chosen:
            return self.available(chosen)
        if self._id_of(LOCAL_BASE) is not None:
            return LOCAL_BASE
        return self.available(f"python:{environment.python or DEFAULT_PYTHON}-slim-bookworm")

    def _user_image(self, dockerfile: Path) -> str:
        """The image of the user's Dockerfile, with its folder as the build's context."""
        context = BuildContext(dockerfile.read_text())
        files = [
            file for file in layout.files_below(dockerfile.parent) if file.source != dockerfile
        ]
        self._add_placed(context, "", files)
        return self._built("base", context)

    def _add_placed(self, context: BuildContext, folder: str, files) -> None:
        for file in files:
            self.check()
            context.add_file(f"{folder}/{file.place}".lstrip("/"), file.source, file.mode)

    def _built(self, kind: str, context: BuildContext) -> str:
        name = f"{REPOSITORY}/{kind}:{context.content_hash()}"
        if self._id_of(name) is None:
            self._build(name, context, lambda _status, output: f"The build failed: {_end(output)}")
        return name

    def _id_of(self, name: str) -> str | None:
        try:
            with engine_errors():
                return self.client.images.get(name).id
        except ImageNotFound:
            return None

    def _pull(self, name: str) -> None:
        has_tag = ":" in name.rpartition("/")[2] or "@" in name
        params = {"fromImage": name if has_tag else f"{name}:latest"}
        self.log(f"Pulling {name}\n")
        try:
            for message in self._stream("/images/create", params):
                if "error" in message:
                    raise _pull_failure(name, message["error"])
        except APIError as error:
            raise failure_of(error) or _pull_failure(name, error.explanation) from error
        if self._id_of(name) is None:
            raise _pull_failure(name, "the registry sent nothing")

    def _build(self, name: str, context: BuildContext, explain: Explain) -> None:
        """Build and tag, or raise what explains the failure. Nothing half-made keeps the name."""
        self._output.clear()
        self._piece = ""
        started = time.monotonic()
        params = {"t": name, "rm": "1", "forcerm": "1", "buildargs": _build_arguments()}
        try:
            for message in self._stream("/build", params, context):
                self._note(message.get("stream", ""))
                if "error" in message:
                    status = message.get("errorDetail", {}).get("code")
                    raise self._build_failure(status, message["error"], explain)
        except APIError as error:
            raise failure_of(error) or self._build_failure(
                None, str(error.explanation), explain
            ) from error
        self.log(f"Built {name} in {time.monotonic() - started:.1f} s\n")

    def _note(self, text: str) -> None:
        """Keep and pass on the output in whole lines: the engine sends it in pieces, coloured."""
        self._piece += COLOURS.sub("", text)
        *lines, self._piece = self._piece.split("\n")
        for line in lines:
            if line and not line.startswith(ENGINE_CHATTER):
                self._output.append(f"{line}\n")
                self.log(f"{line}\n")

    def _build_failure(self, status: int | None, error: str, explain: Explain) -> RunFailed:
        output = "".join(self._output)
        tail = f"{output}\n{error}"[-LOG_TAIL_BYTES:]
        if disk.says_full(tail):
            return disk.full_at_engine(error)
        if self._output and " : FROM " in self._output[-1]:
            return _pull_failure(self._output[-1].partition(" : FROM ")[2].strip(), error)
        # A step that failed has said why in its output; else the engine's own words are all.
        message = explain(status, output) if status else f"The image was not built: {error}"
        return RunFailed(IMAGE_BUILD_FAILED, message, tail)

    def _stream(self, path: str, params: dict, context: BuildContext | None = None):
        body = context.tar() if context else None
        try:
            with engine_errors():
                yield from stream(
                    self.client,
                    path,
                    params=params,
                    check=self.check,
                    deadline=self.deadline,
                    body=body,
                )
        except StreamEnded:
            raise RunFailed(
                IMAGE_BUILD_FAILED,
                "The image was not ready in the time given (budget.build_s). Give more, or fewer "
                "packages.",
                "".join(self._output)[-LOG_TAIL_BYTES:],
            ) from None


def _add_certificates(context: BuildContext) -> None:
    """The certificates that this machine was told to trust, for networks with a TLS proxy."""
    for variable in CERTIFICATE_VARIABLES:
        if bundle := os.environ.get(variable):
            context.add_text("certificates/ca.crt", _certificates(variable, Path(bundle)))
            return
    context.add_text("certificates/none", "")


def _certificates(variable: str, bundle: Path) -> str:
    try:
        return bundle.read_text()
    except OSError as error:
        raise RunFailed(
            IMAGE_BUILD_FAILED, f"{variable}={bundle} cannot be read: {error.strerror}."
        ) from error


def _build_arguments() -> str:
    """The package index of this machine, as the engine wants build arguments: JSON."""
    arguments = {
        "PIP_INDEX_URL": os.environ.get("PIP_INDEX_URL"),
        "UV_INDEX_URL": os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL"),
    }
    return json.dumps({name: value for name, value in arguments.items() if value})


def _pull_failure(name: str, reason: str) -> RunFailed:
    full = failure_of(Exception(reason))
    if full is not None:
        return full
    return RunFailed(
        IMAGE_NOT_FOUND,
        f"Image {name} is not on this machine and could not be pulled: {reason.strip()} "
        "Check its name; where no registry can be reached, load it (docker load) or make a base "
        "image (make base-image).",
    )


def _end(output: str) -> str:
    """The last lines of a build step's output, as one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-1000:]
