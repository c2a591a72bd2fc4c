"""Requests to the server: signed, retried where that is safe, and their errors in words."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import requests

from profiler_client.errors import NotReached, Refused
from profiler_client.version import VERSION

DEFAULT_SERVER = "http://localhost:8000"
SERVER_VARIABLE, TOKEN_VARIABLE = "MODEL_PROFILER_URL", "MODEL_PROFILER_TOKEN"
#: Answers of a server that is busy or being restarted.
WORTH_RETRYING = {429, 502, 503, 504}
TRIES, WAIT_S, LONGEST_WAIT_S = 4, 0.5, 60.0

Json = dict[str, Any]


class _Bearer(requests.auth.AuthBase):
    """As an object of its own, so that no ~/.netrc takes the token's place."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Connection:
    """One server and the token that it is asked with."""

    def __init__(self, server: str | None, token: str | None, timeout_s: float) -> None:
        self.server = (server or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER).rstrip("/")
        self.timeout_s = timeout_s
        self._session = requests.Session()
        self._session.auth = _Bearer(token or os.environ.get(TOKEN_VARIABLE, ""))
        self._session.headers["User-Agent"] = f"model-profiler-client/{VERSION}"

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **query: Any) -> Any:
        return _json(self._send("GET", path, params=_given(query), retry=True))

    def pages(self, path: str, **query: Any) -> Iterator[Json]:
        """Every row of a list, fetched page by page."""
        page = self.get(path, limit=200, **query)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            # The cursor alone: the server may be known by another name than it knows itself.
            cursor = page["next"].partition("?")[2]
            page = self.get(f"{path}?{cursor}")

    def text(self, path: str) -> str:
        return self._send("GET", path, retry=True).text

    def download(self, path: str, **query: Any) -> Iterator[bytes]:
        answer = self._send("GET", path, params=_given(query), stream=True, retry=True)
        try:
            yield from answer.iter_content(1 << 20)
        except requests.RequestException as error:
            raise NotReached(f"{self.server} stopped answering midway: {error}") from error

    def post(self, path: str, data: Json | None = None, *, key: str = "") -> Any:
        """With a key it is safe to ask again: the server knows that it is the same wish."""
        headers = {"Idempotency-Key": key} if key else {}
        return _json(self._send("POST", path, json=data or {}, headers=headers, retry=bool(key)))

    def patch(self, path: str, data: Json) -> Any:
        return _json(self._send("PATCH", path, json=data))

    def upload(self, path: str, body: Any) -> Any:
        """`body` is an uploads.Multipart."""
        headers = {"Content-Type": body.content_type}
        return _json(self._send("POST", path, data=body, headers=headers))

    def _send(
        self, method: str, path: str, *, retry: bool = False, **parts: Any
    ) -> requests.Response:
        for left in reversed(range(TRIES if retry else 1)):
            try:
                answer = self._session.request(
                    method, f"{self.server}/api/v1/{path}", timeout=self.timeout_s,
                    allow_redirects=False, **parts,
                )  # fmt: skip
            except requests.RequestException as error:
                if not left or not isinstance(error, requests.ConnectionError | requests.Timeout):
                    raise self._not_reached(error) from error
                time.sleep(WAIT_S * 2 ** (TRIES - 1 - left))
                continue
            if not left or answer.status_code not in WORTH_RETRYING:
                break
            time.sleep(_wait_s(answer, TRIES - 1 - left))
        return self._checked(answer)

    def _checked(self, answer: requests.Response) -> requests.Response:
        if answer.ok and not answer.is_redirect and answer.status_code < 300:
            return answer
        try:
            error = answer.json()
            raise Refused(answer.status_code, error["code"], error["message"], error["fields"])
        except (ValueError, KeyError, TypeError):
            raise self._not_ours(answer) from None

    def _not_reached(self, error: requests.RequestException) -> NotReached:
        name = SERVER_VARIABLE
        if isinstance(error, requests.Timeout):
            return NotReached(f"{self.server} did not answer within {self.timeout_s:g} s.")
        if isinstance(error, requests.exceptions.SSLError):
            hint = "REQUESTS_CA_BUNDLE names a file with the certificates to trust."
            return NotReached(f"{self.server} shows a certificate that is not trusted.", hint)
        if isinstance(error, requests.ConnectionError):
            hint = f"Is the site running there? --server or {name} says where it is."
            return NotReached(f"{self.server} cannot be reached.", hint)
        hint = f"--server or {name} is an address such as {DEFAULT_SERVER}."
        return NotReached(f"{self.server} cannot be asked: {error}", hint)

    def _not_ours(self, answer: requests.Response) -> NotReached:
        hint = f"Is {self.server} a Model Profiler? --server or {SERVER_VARIABLE} names it."
        place = answer.headers.get("Location", "")
        leads = f" and leads to {place}" if place else ""
        return NotReached(f"{self.server} answers {answer.status_code}{leads}.", hint)


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        server = answer.url.partition("/api/")[0]
        raise NotReached(f"{server} answers, but not in JSON.") from error


def _given(query: Json) -> Json:
    return {key: value for key, value in query.items() if value not in (None, "")}


def _wait_s(answer: requests.Response, tried: int) -> float:
    asked = answer.headers.get("Retry-After", "")
    wait_s = float(asked) if asked.isdecimal() else WAIT_S * 2**tried
    return min(wait_s, LONGEST_WAIT_S)
