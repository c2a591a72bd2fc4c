"""Uploads and query counts, for tests of pages."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext


def upload(name: str, content: bytes | str = b"weights") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def folder(files: dict[str, bytes | str]) -> dict:
    """The fields of a form into which a folder was chosen in a browser with scripts."""
    return {
        "folder": [upload(path.rpartition("/")[2], content) for path, content in files.items()],
        "folder_paths": json.dumps(list(files)),
    }


def zip_of(files: dict[str, bytes | str], name: str = "files.zip") -> SimpleUploadedFile:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return upload(name, packed.getvalue())


def queries_of(get: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        get()
    return len(captured)
