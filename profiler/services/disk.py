"""Recognising a full disk, however it is said, and telling its owner what to free."""

from __future__ import annotations

import errno
from pathlib import Path

from profiler.errors import DISK_FULL, RunFailed

#: In the words of the C library, of Rust programs and of quotas.
SIGNS = ("no space left on device", "os error 28", "disk quota exceeded")


def is_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or says_full(str(error))


def says_full(text: str) -> bool:
    lower = text.lower()
    return any(sign in lower for sign in SIGNS)


def full_at(folder: Path, advice: str) -> RunFailed:
    """DiskFull for a folder of ours."""
    return RunFailed(
        DISK_FULL, f"The disk is full: nothing more can be written to {folder}. {advice}"
    )


def full_at_engine(detail: str) -> RunFailed:
    """DiskFull in the words of the Docker engine or of a build step."""
    return RunFailed(
        DISK_FULL,
        f"The disk is full: {detail.strip()[:500]} Free space where Docker keeps its images "
        "(docker image prune), then run again.",
    )
