"""Bytes that services and builds say, as text that every database and every page can hold."""

from __future__ import annotations


def readable(said: bytes) -> str:
    """As UTF-8; what is not, and NUL, which PostgreSQL keeps in no text, as U+FFFD."""
    return said.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
