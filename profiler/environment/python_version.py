"""Which versions of Python a scored service can run on."""

from __future__ import annotations

#: What the scoring server (azureml-inference-server-http 1.5) and its dependencies run on.
OLDEST, NEWEST = (3, 9), (3, 14)


def wrong_python(version: str) -> str | None:
    """Why a service cannot run on this version (`3.11` or `3.11.2`), or None."""
    major_minor = tuple(int(part) for part in version.split(".")[:2])
    if OLDEST <= major_minor <= NEWEST:
        return None
    oldest, newest = (".".join(map(str, end)) for end in (OLDEST, NEWEST))
    return f"{version} cannot run the scoring server; use {oldest} to {newest}"
