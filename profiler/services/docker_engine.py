"""The Docker engine: reaching it, breaking off its long answers, its errors by our codes."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker
import requests
import urllib3
from docker.errors import (
    APIError,
    DockerException,
    NotFound,
    create_api_error_from_http_exception,
)
from docker.models.containers import Container

from profiler.errors import TARGET_UNAVAILABLE, RunFailed
from profiler.services import disk

#: For answers that come at once; streams have no limit of their own but a deadline.
REQUEST_TIMEOUT_S = 60
#: How often a stream that is silent looks whether it should be broken off.
LOOK_S = 0.1

Check = Callable[[], None]


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names; raises RunFailed TargetUnavailable."""
    try:
        client = docker.from_env(timeout=REQUEST_TIMEOUT_S)
        client.ping()
    except (DockerException, requests.RequestException) as error:
        raise unavailable(error) from error
    return client


def unavailable(error: Exception) -> RunFailed:
    return RunFailed(
        TARGET_UNAVAILABLE,
        f"The Docker engine does not answer ({_last_cause(error)}). Start it (systemctl start "
        "docker) and see that this user may use it, or choose another target.",
    )


def check_docker() -> str | None:
    """Why the engine cannot be used on this machine; None when it can."""
    try:
        connect().close()
    except RunFailed as failure:
        return failure.message
    return None


def failure_of(error: Exception) -> RunFailed | None:
    """What an error of the engine's means whatever was being done; None when it is particular.

    A full disk and an engine that has gone are such.
    """
    if disk.is_full(error):
        return disk.full_at_engine(str(error))
    if isinstance(error, APIError):
        return None  # the engine is there, and said no
    if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return unavailable(error)
    return None


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turns errors of the engine that mean the same everywhere into RunFailed; others pass."""
    try:
        yield
    except (OSError, DockerException) as error:
        failure = failure_of(error)
        if failure is None:
            raise
        raise failure from error


class StreamEnded(Exception):
    """The deadline of a stream passed."""


def stream(
    client: docker.DockerClient,
    path: str,
    *,
    params: dict,
    check: Check,
    deadline: float,
    body: Iterator[bytes] | None = None,
) -> Iterator[dict]:
    """POST to the engine and yield its JSON messages as they come.

    `check` is called ten times a second, also while the engine is silent, and ends the stream by
    raising; so does StreamEnded at `deadline` (time.monotonic). The connection is then closed, upon
    which the engine gives up what it was doing. Raises docker.errors.APIError for a refusal.
    """
    request = _Request(client.api, path, params, body)
    request.start()
    try:
        while True:
            check()
            if time.monotonic() > deadline:
                raise StreamEnded
            try:
                message = request.messages.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if message is None:
                return
            if isinstance(message, Exception):
                raise message
            yield message
    finally:
        request.abandon()


class _Request(threading.Thread):
    """Reads one answer into a queue: messages, then None, or the exception that ended it.

    A thread of its own, because only so a silent connection can be left at any moment.
    """

    def __init__(self, api, path: str, params: dict, body: Iterator[bytes] | None) -> None:
        super().__init__(name=f"docker{path}", daemon=True)
        self.messages: queue.Queue[dict | Exception | None] = queue.Queue()
        self._api = api
        self._url = f"{api.base_url}/v{api.api_version}{path}"
        self._params = params
        self._body = body
        self._response: requests.Response | None = None
        self._abandoned = False

    def run(self) -> None:
        try:
            self._read()
            self.messages.put(None)
        except Exception as error:
            # Whatever it is belongs to the thread that waits for the messages.
            self.messages.put(error)

    def _read(self) -> None:
        with self._api.post(
            self._url,
            params=self._params,
            data=self._sent(),
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=None,
        ) as response:
            self._response = response
            _refuse(response)
            for line in response.iter_lines():
                if line:
                    self.messages.put(json.loads(line))

    def _sent(self) -> Iterator[bytes] | None:
        if self._body is None:
            return None
        return self._unless_abandoned(self._body)

    def _unless_abandoned(self, body: Iterator[bytes]) -> Iterator[bytes]:
        for block in body:
            if self._abandoned:
                raise ConnectionAbortedError("given up while sending")
            yield block

    def abandon(self) -> None:
        """Make a blocked read return; the thread then closes the connection and ends."""
        self._abandoned = True
        if self.is_alive() and self._response is not None:
            try:
                self._response.raw.shutdown()
            except (ValueError, RuntimeError, OSError):
                return  # its end was reached meanwhile


def remove(container: Container) -> None:
    """Kill and remove, with its anonymous volumes. What is gone already is no error."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != requests.codes.conflict:
            raise
        # 409: its removal is already under way, started by someone else.


def _refuse(response: requests.Response) -> None:
    """Raise docker.errors.APIError, with the engine's own words, for a refusal."""
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        create_api_error_from_http_exception(error)


def _last_cause(error: BaseException) -> str:
    """The innermost reason, which is the one that says something: "Connection refused"."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return str(error)
