"""Taking in what a browser sends, without letting it fill the disk."""

from __future__ import annotations

import io

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class UploadLimit(FileUploadHandler):
    """Drops what a request holds beyond PROFILER_MAX_UPLOAD_BYTES, before it reaches the disk.

    First of FILE_UPLOAD_HANDLERS. A file that was cut off arrives empty, with the size it had, so
    that the form can say how much too large it is.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._received = 0

    @property
    def _is_over(self) -> bool:
        return self._received > settings.PROFILER_MAX_UPLOAD_BYTES

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._received += len(raw_data)
        return None if self._is_over else raw_data

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        if not self._is_over:
            return None
        return InMemoryUploadedFile(
            io.BytesIO(),
            self.field_name,
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )
