"""How values are written: units, relative times, and a dash for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runs import formatting

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("millicores", "written"),
    [
        (100, "100m"),
        (331.4, "331m"),
        (999.7, "1 core"),
        (1000, "1 core"),
        (1500, "1.5 cores"),
        (1250, "1.25 cores"),
        (4000, "4 cores"),
        (None, "–"),  # noqa: RUF001
    ],
)
def test_cpu(millicores, written) -> None:
    assert formatting.cpu(millicores) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "0.00 EUR"),
        (1240.0, "1,240.00 EUR"),
        (1.005, "1.00 EUR"),
        (0.04567, "0.0457 EUR"),
        (0.1, "0.100 EUR"),
        (0.000012345, "0.0000123 EUR"),
    ],
)
def test_money(amount, written) -> None:
    assert formatting.money(amount, "EUR") == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(160 * MIB, "160 MiB"), (GIB, "1,024 MiB"), (int(1.5 * MIB), "1.5 MiB"), (0, "0 MiB")],
)
def test_memory_is_in_mib(value, written) -> None:
    assert formatting.memory(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0 B"), (900, "900 B"), (14_336, "14.0 KiB"), (3 * MIB, "3.0 MiB"), (5 * GIB, "5.0 GiB")],
)
def test_file_sizes_take_the_unit_that_suits(value, written) -> None:
    assert formatting.file_size(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.634, "1.63 ms"), (21.14, "21.1 ms"), (847.2, "847 ms"), (2538.4, "2,538 ms")],
)
def test_latencies_have_three_figures(value, written) -> None:
    assert formatting.latency(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(50, "50"), (2.5, "2.5"), (6.2475, "6.25"), (1200, "1,200")]
)
def test_a_bound_has_no_spurious_zeros(value, written) -> None:
    assert formatting.bound(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.32, "320 ms"),
        (1.94, "1.9 s"),
        (2.0, "2 s"),
        (59.8, "1 min"),
        (376, "6 min 16 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, written) -> None:
    assert formatting.duration(seconds) == written


@pytest.mark.parametrize(
    ("fraction", "written"),
    [(0, "0 %"), (0.0001, "< 0.1 %"), (0.025, "2.5 %"), (0.231, "23 %"), (1, "100 %")],
)
def test_a_share_that_is_not_nothing_is_never_shown_as_nothing(fraction, written) -> None:
    assert formatting.percent(fraction) == written


@pytest.mark.parametrize(
    ("before", "written"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(days=60), "22 Sep 2026"),
    ],
)
def test_moments_are_relative_until_they_are_old(before, written) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert formatting.ago(now - before, now) == written


@pytest.mark.parametrize(
    ("name", "letters"), [("Mara Lindqvist", "ML"), ("admin", "AD"), ("a.b_c", "AC"), ("", "?")]
)
def test_initials(name, letters) -> None:
    assert formatting.initials(name) == letters
