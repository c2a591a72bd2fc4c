"""An objective that was kept while code was read again and again is no proof."""

from __future__ import annotations

import pytest

from profiler.measuring.paging import thrashing
from tests.measurements import measured

#: 2 page faults a second that read from a disk.
CALM = measured("measuring", 1000, duration_s=5.0, page_faults_major=10)


def proof(faults: int | None, **others: object):
    return measured("verifying", 600, duration_s=10.0, page_faults_major=faults, **others)


@pytest.mark.parametrize(
    ("faults", "is_told"), [(None, False), (0, False), (120, False), (121, True)]
)
def test_more_than_ten_a_second_above_the_largest_size_are_told(faults, is_told) -> None:
    assert (thrashing(proof(faults), CALM) is not None) == is_told


def test_it_is_told_with_both_rates() -> None:
    found = thrashing(proof(4000), CALM)
    assert found.code == "memory-thrashing"
    assert found.text == (
        "It read code and other mapped files from the disk again and again, by 400 page faults a "
        "second (at the largest size 2)."
    )


def test_what_was_not_kept_is_believed_as_ever() -> None:
    assert thrashing(proof(4000, outcome="failed"), CALM) is None


def test_where_faults_are_not_known_nothing_is_told() -> None:
    unknown = measured("measuring", 1000, page_faults_major=None)
    assert thrashing(proof(None), unknown) is None
    assert thrashing(proof(4000), None) is None
