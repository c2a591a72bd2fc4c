"""Columns to bytes and back, one column alone; every version is read, no damage goes unnoticed."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring import codec
from profiler.measuring.codec import CutShort, NotColumns, decode, encode, split
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


# ---- every version is read for ever --------------------------------------------------------

#: Blobs as each version wrote them. They are never written anew: add one for a new version.
WRITTEN = sorted((Path(__file__).parent / "data").glob("columns-*.mpc"))


def known_columns() -> dict[str, np.ndarray]:
    """What each of those files holds."""
    columns = {}
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        limits = np.iinfo(kind)
        columns[kind] = np.array([0, 1, 2, limits.max, limits.min, 7, 7], kind)
    for kind in ("f2", "f4", "f8"):
        columns[kind] = np.array([0.0, -0.0, 1.5, -2.25, np.inf, -np.inf, np.nan], kind)
    columns["bool"] = np.array([True, False, True, True, False, False, True])
    columns["scheduled_ns"] = 10**15 + 10_000_000 * np.arange(100, dtype="i8")
    columns["none"] = np.empty(0, "i8")
    return columns


def test_there_is_a_file_of_every_version() -> None:
    assert {path.read_bytes()[:4] for path in WRITTEN} == set(codec.PREFIXES)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_files_of_every_version_are_read(path: Path) -> None:
    found = decode(path.read_bytes())
    expected = known_columns()
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert found[name].tobytes() == values.tobytes()


def test_a_newer_version_is_named() -> None:
    with pytest.raises(NotColumns, match=r"format MPC3 by a newer version.*reads MPC1 and MPC2"):
        decode(b"MPC3" + encode({})[4:])


# ---- damage ----------------------------------------------------------------------------------

BLOB = encode(request_columns(evenly(50), 10))
FIRST = WRITTEN[0].read_bytes()


@given(st.integers(0, 8 * len(BLOB) - 1))
def test_a_flipped_bit_never_gives_other_numbers(place: int) -> None:
    spoilt = bytearray(BLOB)
    spoilt[place // 8] ^= 1 << place % 8
    with pytest.raises(NotColumns):
        decode(bytes(spoilt))


@given(st.sampled_from([BLOB, FIRST]), st.integers(0), st.integers(0), st.binary(max_size=40))
def test_spoilt_bytes_are_refused_or_read_but_never_crash(blob, start, length, put) -> None:
    start %= len(blob)
    spoilt = blob[:start] + put + blob[start + length % (len(blob) - start + 1) :]
    try:
        decode(spoilt)
    except NotColumns:
        assert spoilt != blob
    else:
        assert spoilt == blob or spoilt.startswith(b"MPC1")


@given(st.binary(max_size=200), st.sampled_from([b"", b"MPC1", b"MPC2", b"MPC2\2\0\0\0"]))
def test_any_bytes_at_all_are_refused(junk: bytes, magic: bytes) -> None:
    with pytest.raises(NotColumns):
        decode(magic + junk)


@pytest.mark.parametrize("cut", [0, 3, 7, 11, 40, len(BLOB) - 1])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(NotColumns):
        decode(BLOB[:cut])
    with pytest.raises(NotColumns):
        decode(BLOB + BLOB[:cut] + b"!")


def version_1(header: object, packed: bytes = b"") -> bytes:
    """A blob of the version that has no checksums to protect it."""
    text = json.dumps(header).encode()
    return struct.pack("<4sI", b"MPC1", len(text)) + text + packed


def one(packed: bytes, **claims: object) -> bytes:
    entry = {"name": "a", "dtype": "<i8", "count": 8, "bytes": len(packed)} | claims
    return version_1([entry], packed)


ZEROS = zstandard.ZstdCompressor().compress(bytes(64))
BOMB = zstandard.ZstdCompressor().compress(bytes(1 << 20))


@pytest.mark.parametrize("blob", [
    version_1({"a": 1}), version_1([1]), version_1(None), version_1("ab"),
    version_1([{"name": "a"}]), one(ZEROS, count=7), one(ZEROS, count=-1), one(ZEROS, count=8.0),
    one(ZEROS, count=True), one(ZEROS, bytes=-1), one(ZEROS, dtype="O"), one(ZEROS, dtype=["<i8"]),
    one(ZEROS, dtype="<U2"), one(ZEROS, name=1), one(ZEROS + b"!"), one(ZEROS[:-1]), one(BOMB),
    one(ZEROS, count=1 << 62), one(b""), version_1([[]] * 3), one(ZEROS + ZEROS),
])  # fmt: skip
def test_headers_that_make_no_sense_are_refused(blob: bytes) -> None:
    with pytest.raises(NotColumns):
        decode(blob)


def test_no_more_is_allocated_than_the_bytes_can_stand_for() -> None:
    """A frame and a header that agree on a gigabyte, with nothing behind them."""
    size = codec.MOST_BYTES // 2
    claims = zstandard.ZstdCompressor().compress(bytes(1 << 10))
    frame = claims[:4] + b"\xe0" + struct.pack("<Q", size) + claims[-8:]
    assert zstandard.frame_content_size(frame) == size
    with pytest.raises(NotColumns, match="does not hold"):
        decode(one(frame, count=size // 8))
    with pytest.raises(NotColumns, match="more than"):
        decode(one(frame, count=codec.MOST_BYTES // 4))


def test_two_columns_of_one_name_are_refused() -> None:
    entry = {"name": "a", "dtype": "<i8", "count": 8, "bytes": len(ZEROS)}
    with pytest.raises(NotColumns, match="same name"):
        decode(version_1([entry, entry], ZEROS + ZEROS))


@pytest.mark.parametrize("values", [
    np.array(["a"]), np.zeros((2, 2)), np.array([object()]), np.zeros(3, "c16"),
    np.zeros(codec.MOST_BYTES // 8 + 1, "i8"),
], ids=["text", "two dimensions", "objects", "complex", "too many"])  # fmt: skip
def test_what_cannot_be_kept_is_refused_when_written(values) -> None:
    with pytest.raises(ValueError):
        encode({"a": values})


def test_blobs_that_follow_one_another_are_told_apart() -> None:
    found = list(split(FIRST + BLOB + BLOB))
    assert found == [FIRST, BLOB, BLOB]
    kept = []
    with pytest.raises(CutShort):
        for blob in split(BLOB + BLOB[:-1]):
            kept.append(blob)
    assert kept == [BLOB]
