"""What a request may bring: more than is allowed never reaches the disk."""

from __future__ import annotations

import pytest

from tests.page_rows import upload


@pytest.mark.parametrize(
    ("sizes", "kept"), [([10], [10]), ([11], [0]), ([4, 6], [4, 6]), ([4, 7, 1], [4, 0, 0])]
)
def test_what_is_over_the_limit_is_dropped_and_keeps_its_size(rf, settings, sizes, kept) -> None:
    settings.PROFILER_MAX_UPLOAD_BYTES = 10
    files = [upload(f"{number}.bin", b"x" * size) for number, size in enumerate(sizes)]
    received = rf.post("/", {"files": files}).FILES.getlist("files")
    assert [file.size for file in received] == sizes
    assert [len(file.read()) for file in received] == kept
