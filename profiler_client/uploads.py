"""Files as the site's forms take them, read piece by piece: a model may be larger than memory."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from profiler_client.errors import Invalid

PIECE_BYTES = 1 << 20
#: What comes along with a folder and is never meant to.
JUNK = {"__pycache__", ".git", ".DS_Store", "__MACOSX", ".ipynb_checkpoints"}

Paths = str | os.PathLike | Iterable[str | os.PathLike]


class Multipart:
    """A multipart/form-data body that knows its length without holding its files."""

    def __init__(self, fields: Mapping[str, object], files: Iterable[tuple[str, Path]]) -> None:
        self._boundary = secrets.token_hex(16)
        self._parts: list[bytes | Path] = []
        for name, value in fields.items():
            if value not in (None, "", False):
                self._parts.append(self._head(name) + _text(value) + b"\r\n")
        for name, path in files:
            self._parts += [self._head(name, path.name), path, b"\r\n"]
        self._parts.append(f"--{self._boundary}--\r\n".encode())

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    def _head(self, name: str, filename: str = "") -> bytes:
        quoted = filename.replace("\\", "\\\\").replace('"', '\\"')
        of_file = f'; filename="{quoted}"\r\nContent-Type: application/octet-stream'
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"'
        return f"{head}{of_file if filename else ''}\r\n\r\n".encode()

    def __len__(self) -> int:
        return sum(_size(part) for part in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
                continue
            with part.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece


def _size(part: bytes | Path) -> int:
    return len(part) if isinstance(part, bytes) else part.stat().st_size


def _text(value: object) -> bytes:
    return b"on" if value is True else str(value).encode()


def chosen(paths: Paths) -> tuple[dict[str, str], list[tuple[str, Path]]]:
    """The form's fields and files for one folder, or for one file or several."""
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = [Path(path) for path in given]
    for path in found:
        if not path.exists():
            raise Invalid(f"There is no {path}.", f"Looked for it in {Path.cwd()}.")
    if not any(path.is_dir() for path in found):
        return {}, [("files", path) for path in found]
    if len(found) > 1:
        raise Invalid("Give one folder, or files, not both.")
    return _folder(found[0])


def _folder(root: Path) -> tuple[dict[str, str], list[tuple[str, Path]]]:
    files = sorted(
        path for path in root.rglob("*")
        if path.is_file() and not JUNK.intersection(path.relative_to(root).parts)
    )  # fmt: skip
    if not files:
        raise Invalid(f"There are no files in {root}.")
    name = root.resolve().name
    paths = [f"{name}/{path.relative_to(root).as_posix()}" for path in files]
    return {"folder_paths": json.dumps(paths)}, [("folder", path) for path in files]


def lines(pairs: Mapping[str, object] | None, joint: str = "=") -> str:
    """Pairs as the forms take them, one a line."""
    for key, value in (pairs or {}).items():
        if "\n" in f"{key}{value}":
            raise Invalid(f"{key}: a value is one line.")
    return "\n".join(f"{key}{joint}{value}" for key, value in (pairs or {}).items())
