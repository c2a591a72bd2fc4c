"""The bytes of a request, made once before the load."""

from __future__ import annotations

import pytest

from profiler.errors import InvalidSpec
from profiler.load.request_file import RequestFile, request_head, write_requests
from profiler.service import Address
from tests.http_answers import row

ADDRESS = Address("172.18.0.2", 5001)


def fields(head: bytes) -> dict[str, str]:
    lines = head.decode().split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in lines)


def test_a_row_becomes_a_whole_request(tmp_path):
    write_requests(tmp_path / "requests", [row(1, b'{"x": 1}')], ADDRESS)
    assert bytes(RequestFile(tmp_path / "requests")[1][0]) == (
        b"POST /score HTTP/1.1\r\n"
        b"Host: 172.18.0.2:5001\r\n"
        b"User-Agent: model-profiler\r\n"
        b"Accept: */*\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: 8\r\n"
        b"\r\n"
        b'{"x": 1}'
    )


def test_rows_are_numbered_from_one_and_keep_their_own_bytes(tmp_path):
    rows = [row(number, bytes([number]) * number) for number in range(1, 51)]
    write_requests(tmp_path / "requests", rows, ADDRESS)
    file = RequestFile(tmp_path / "requests")
    assert len(file) == 50
    for number in range(1, 51):
        _, _, body = bytes(file[number][0]).partition(b"\r\n\r\n")
        assert body == bytes([number]) * number


def test_a_row_says_its_own_method_path_and_fields():
    headers = (("X-Key", "one"), ("host", "model.example"), ("Content-Length", "99"))
    head = request_head(row(1, b"a,b", method="PUT", path="/v2?q=a b#x", headers=headers), ADDRESS)
    assert head.startswith(b"PUT /v2?q=a%20b HTTP/1.1\r\n")
    said = fields(head)
    assert said["X-Key"] == "one"
    assert said["host"] == "model.example"
    assert "Host" not in said
    assert said["Content-Length"] == "3"


def test_a_get_without_a_body_says_nothing_about_one():
    said = fields(request_head(row(1, b"", method="GET"), ADDRESS))
    assert "Content-Length" not in said
    assert "Content-Type" not in said


def test_a_post_without_a_body_says_so():
    assert fields(request_head(row(1, b""), ADDRESS))["Content-Length"] == "0"


def test_an_ipv6_host_stands_in_brackets():
    assert fields(request_head(row(1), Address("fd00::2", 80)))["Host"] == "[fd00::2]:80"


def test_only_head_requests_are_answered_without_a_body(tmp_path):
    write_requests(tmp_path / "requests", [row(1, b"", method="HEAD"), row(2)], ADDRESS)
    file = RequestFile(tmp_path / "requests")
    assert [file[1][1], file[2][1]] == [True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": (("X", "a\r\nEvil: 1"),)},
        {"method": "GET / HTTP/1.1\r\nX: 1"},
        {"headers": (("X\n", "a"),)},
    ],
)
def test_a_row_cannot_smuggle_lines_into_the_request(wrong):
    with pytest.raises(InvalidSpec, match=r"row\[7\]"):
        request_head(row(7, **wrong), ADDRESS)
