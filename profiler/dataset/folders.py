"""Datasets with a file to a body: a folder, or a .zip of one."""

from __future__ import annotations

import mimetypes
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from profiler.dataset.rows import Sheet

UNKNOWN_CONTENT = "application/octet-stream"
#: Left by operating systems in folders and archives; never meant as bodies.
LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}

# Not the machine's own table (/etc/mime.types): the same dataset must mean the same everywhere.
_TYPES = mimetypes.MimeTypes()


def read_folder(sheet: Sheet) -> None:
    """Each file below the folder is a body, in order of their paths."""
    root = sheet.files.path
    names = sorted(_walk(sheet, root))
    sheet.check_size(sum((root / name).stat().st_size for name in names))
    for name, label in _labelled(names):
        path = root / name
        if path.stat().st_size > sheet.limits.body_bytes:
            sheet.skip(_too_long(name, path.stat().st_size, sheet))
        else:
            sheet.add(path.read_bytes(), label=label, content_type=_content_type(sheet, name))


def _walk(sheet: Sheet, root: Path) -> Iterable[str]:
    for folder, subfolders, files in os.walk(root, onerror=_raise):
        for name in [*files, *subfolders]:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if _is_litter(relative):
                continue
            if path.is_symlink():
                sheet.problem(f'"{relative}" is a symbolic link; put the file itself there')
            elif path.is_file():
                yield relative
            elif not path.is_dir():
                sheet.problem(f'"{relative}" is not a file; remove it')


def _raise(error: OSError) -> None:
    """os.walk leaves out what it cannot list unless it is told to raise."""
    raise error


def read_zip(sheet: Sheet) -> None:
    """Each file in the archive is a body, in order of their paths. Nothing is unpacked to disk."""
    try:
        with zipfile.ZipFile(sheet.files.path) as archive:
            _read_members(sheet, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise sheet.stop(f"is not a readable zip archive ({error}); make it again") from error


def _read_members(sheet: Sheet, archive: zipfile.ZipFile) -> None:
    members = {}
    for member in archive.infolist():
        if member.is_dir() or _is_litter(member.filename):
            continue
        if wrong := _wrong_member(member, members):
            sheet.problem(f'"{member.filename}" {wrong}')
        else:
            members[member.filename] = member
    # What the archive declares is refused here; what it holds is counted again while reading.
    sheet.check_size(sum(member.file_size for member in members.values()))
    for name, label in _labelled(sorted(members)):
        body = _read_member(archive, members[name], sheet.limits.body_bytes)
        if len(body) > sheet.limits.body_bytes:
            sheet.skip(_too_long(name, members[name].file_size, sheet))
        else:
            sheet.add(body, label=label, content_type=_content_type(sheet, name))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    with archive.open(member) as content:
        return content.read(limit + 1)


def _wrong_member(member: zipfile.ZipInfo, others: Iterable[str]) -> str | None:
    name = member.filename
    if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "leads out of the archive; make it again with paths inside the folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link; put the file itself there"
    if member.flag_bits & 1:
        return "is encrypted; make the archive again without a password"
    return "is in the archive twice; keep one" if name in others else None


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(
        (part.startswith(".") and not part.startswith("..")) or part in LITTER for part in parts
    )


def _labelled(names: list[str]) -> Iterable[tuple[str, str | None]]:
    """Each name with the folder it lies in; a single folder around everything is no label."""
    tops = {PurePosixPath(name).parts[0] for name in names}
    has_outer = len(tops) == 1 and all("/" in name for name in names)
    for name in names:
        folders = PurePosixPath(name).parts[1 if has_outer else 0 : -1]
        yield name, folders[-1] if folders else None


def _content_type(sheet: Sheet, name: str) -> str:
    if sheet.files.content_type:
        return sheet.files.content_type
    return _TYPES.guess_type(name, strict=False)[0] or UNKNOWN_CONTENT


def _too_long(name: str, size: int, sheet: Sheet) -> str:
    limit = sheet.limits.body_bytes
    return f'"{name}" has {size} bytes, more than the {limit} allowed; shorten or remove it'
