"""What pages are made of: where the names of icons and classes that they use are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (("templates", "*.html"), ("runs", "*.py"), ("static/js", "*.js"))


def texts(root: Path = ROOT) -> Iterator[str]:
    """Each template, Python module and script of ours."""
    return (path.read_text() for folder, glob in SOURCES for path in (root / folder).rglob(glob))
