"""What is sent to the engine to build an image from: a tar made as it goes, and its hash."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file of the context: either `text` or the file `source`."""

    place: str
    mode: int = 0o644
    text: str | None = None
    source: Path | None = None


@dataclass
class BuildContext:
    """A Dockerfile and the files it copies.

    Nothing of a file but place, mode and content enters the tar and the hash, so that equal inputs
    give equal layers: no times, no owners.
    """

    dockerfile: str
    members: list[Member] = field(default_factory=list)

    def add_text(self, place: str, text: str, mode: int = 0o644) -> None:
        self.members.append(Member(place, mode, text=text))

    def add_file(self, place: str, source: Path, mode: int = 0o644) -> None:
        self.members.append(Member(place, mode, source=source))

    def add_folder(self, place: str, source: Path) -> None:
        """All files below `source`, without compiled Python."""
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                self.add_file(str(PurePosixPath(place, path.relative_to(source).as_posix())), path)

    def content_hash(self, *more: str) -> str:
        """16 hex digits of a SHA-256 over the Dockerfile, all files and `more`."""
        digest = hashlib.sha256(self.dockerfile.encode())
        for text in more:
            digest.update(b"\0" + text.encode())
        for member in sorted(self.members, key=lambda member: member.place):
            digest.update(f"\0{member.place}\0{member.mode:o}\0".encode())
            for block in _blocks(member):
                digest.update(block)
        return digest.hexdigest()[:16]

    def tar(self) -> Iterator[bytes]:
        """The context as the bytes of a tar archive; large files never lie in memory."""
        yield from _entry(Member("Dockerfile", text=self.dockerfile))
        for member in self.members:
            yield from _entry(member)
        yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _blocks(member: Member) -> Iterator[bytes]:
    if member.text is not None:
        yield member.text.encode()
        return
    with member.source.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _entry(member: Member) -> Iterator[bytes]:
    info = tarfile.TarInfo(member.place)
    info.mode = member.mode
    info.size = (
        len(member.text.encode()) if member.text is not None else member.source.stat().st_size
    )
    yield info.tobuf(tarfile.PAX_FORMAT)
    sent = 0
    for block in _blocks(member):
        sent += len(block)
        yield block
    if sent != info.size:
        raise OSError(f"{member.source} changed while it was read")
    yield b"\0" * (-sent % tarfile.BLOCKSIZE)
