"""Columns to bytes and back, one column alone, and lines thinned without losing their peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.codec import NotColumns, decode, encode
from profiler.samples import REQUEST_COLUMNS, USAGE_COLUMNS
from tests.raw_samples import evenly, request_columns

KINDS = ["i8", "i4", "i2", "u1", "u8", "f8", "f4", "?", ">i4"]


@given(st.data())
def test_every_bit_comes_back(data) -> None:
    columns = {}
    for name in data.draw(st.lists(st.sampled_from("abcdef"), unique=True)):
        raw = data.draw(st.binary(max_size=160))
        kind = np.dtype(data.draw(st.sampled_from(KINDS)))
        raw = raw[: len(raw) // kind.itemsize * kind.itemsize]
        if kind == "?":
            raw = bytes(byte % 2 for byte in raw)
        columns[name] = np.frombuffer(raw, kind)
    found = decode(encode(columns))
    assert list(found) == list(columns)
    for name, values in columns.items():
        assert found[name].dtype == values.dtype.newbyteorder("<")
        assert found[name].tobytes() == values.astype(values.dtype.newbyteorder("<")).tobytes()


def test_the_columns_of_requests_and_usage_keep_their_types() -> None:
    for kinds in (REQUEST_COLUMNS, USAGE_COLUMNS):
        columns = {name: np.arange(5).astype(kind) for name, kind in kinds.items()}
        found = decode(encode(columns))
        assert {name: values.dtype.str[1:] for name, values in found.items()} == kinds


def test_single_columns_are_read_alone() -> None:
    blob = encode(request_columns(evenly(50), 10))
    assert decode(blob, ["row"])["row"].tolist() == list(range(1, 51))
    assert list(decode(blob, ["row", "absent"])) == ["row"]
    assert decode(blob, []) == {}


def test_ten_thousand_requests_are_small() -> None:
    random = np.random.default_rng(0)
    columns = request_columns(
        np.cumsum(random.exponential(0.01, 10_000)), random.gamma(4, 3, 10_000)
    )
    plain = sum(values.nbytes for values in columns.values())
    assert len(encode(columns)) < plain / 4


@pytest.mark.parametrize("spoil", [
    lambda blob: b"", lambda blob: b"XYZ1" + blob[4:], lambda blob: blob[:-1],
    lambda blob: blob[:12], lambda blob: blob + b"!",
    lambda blob: blob[:-20] + bytes(20), lambda blob: blob[:8] + b"]" + blob[9:],
])  # fmt: skip
def test_spoilt_bytes_are_refused(spoil) -> None:
    blob = encode(request_columns(evenly(50), 10))
    with pytest.raises(NotColumns):
        decode(spoil(blob))
