"""What tests of the REST API's writes share."""

from __future__ import annotations

SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def send(client, path: str, data: dict | None = None, method: str = "post", **headers: str):
    return getattr(client, method)(
        f"/api/v1/{path}", data or {}, content_type="application/json", headers=headers
    )


def refused(answer, status: int, code: str) -> dict:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert set(answer.json()) == {"code", "message", "fields"}
    return answer.json()
