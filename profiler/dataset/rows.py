"""A row, and the sheet that rows are gathered on: within limits, with every problem noted."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.errors import InvalidSpec, Problem
from profiler.request_fields import DEFAULT_CONTENT_TYPE, merged_headers
from profiler.spec import DatasetFiles
from profiler.spec_fields import problem_of
from profiler.units import MIB

PLACE = "dataset"
#: Problems told in full; a wrong delimiter alone can make one in every row.
PROBLEMS_TOLD = 20
LABEL_CHARACTERS = 1000


@dataclass(frozen=True)
class DatasetLimits:
    """The largest dataset that is read, in bytes uncompressed and in rows."""

    body_bytes: int = 64 * MIB
    total_bytes: int = 2048 * MIB
    rows: int = 1_000_000


LIMITS = DatasetLimits()


@dataclass(frozen=True, slots=True)
class Row:
    """One request. `number` counts from 1; `label` is what the answer is expected to mean."""

    number: int
    body: bytes
    label: str | None
    content_type: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]


def _wrong_label(label: str) -> str | None:
    """Why a label cannot be stored and shown, or None."""
    if len(label) > LABEL_CHARACTERS:
        return f"has {len(label)} characters, {LABEL_CHARACTERS} at most; shorten it"
    if "\0" in label or (not label.isascii() and _has_surrogates(label)):
        return "holds characters that are no text; correct it"
    return None


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


class Sheet:
    """Gathers the rows of one dataset. What a row does not say comes from the dataset."""

    def __init__(self, files: DatasetFiles, limits: DatasetLimits) -> None:
        self.files = files
        self.limits = limits
        self.rows: list[Row] = []
        self._count = 0
        self._bytes = 0
        self._problems: list[Problem] = []
        self._untold = 0
        self._default_headers = merged_headers(files.headers.items())

    @property
    def next_number(self) -> int:
        """The number of the row that is read now."""
        return self._count + 1

    def problem(self, message: str) -> None:
        """Note something wrong with the file as a whole."""
        if len(self._problems) < PROBLEMS_TOLD:
            self._problems.append(problem_of(PLACE, f"{self.files.path.name}: {message}"))
        else:
            self._untold += 1

    def stop(self, message: str) -> InvalidSpec:
        """The exception to raise when reading cannot go on."""
        self.problem(message)
        return self._refusal()

    def skip(self, message: str) -> None:
        """Note something wrong with the row that is read now, and count it."""
        self.problem(f"row {self.next_number}: {message}")
        self._count += 1

    def add(
        self,
        body: bytes,
        *,
        label: str | None = None,
        content_type: str | None = None,
        method: str | None = None,
        path: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """The next row; raises InvalidSpec when the dataset has grown over its limits."""
        if len(body) > self.limits.body_bytes:
            self.skip(
                f"its body has {len(body)} bytes, more than the {self.limits.body_bytes} that"
                " are allowed; shorten or remove it"
            )
            return
        if label is not None and (wrong := _wrong_label(label)):
            self.skip(f"its label {wrong}")
            return
        self._bytes += len(body)
        if self._bytes > self.limits.total_bytes:
            raise self.stop(self._too_large("all bodies together have"))
        if self._count >= self.limits.rows:
            raise self.stop(f"more than {self.limits.rows} rows; keep a sample of them")
        own_headers = headers.items() if headers else ()
        self.rows.append(
            Row(
                number=self.next_number,
                body=body,
                label=label,
                content_type=content_type or self.files.content_type or DEFAULT_CONTENT_TYPE,
                method=method or self.files.method,
                path=path or self.files.request_path,
                headers=merged_headers(self._default_headers, own_headers)
                if own_headers
                else self._default_headers,
            )
        )
        self._count += 1

    def finish(self) -> list[Row]:
        """All rows; raises InvalidSpec with every problem, or when there is no row."""
        if not self._count and not self._problems:
            self.problem("has no rows; add at least one")
        if self._problems:
            raise self._refusal()
        return self.rows

    def check_size(self, size_bytes: int) -> None:
        """Refuse a file before it is read into memory."""
        if size_bytes > self.limits.total_bytes:
            raise self.stop(self._too_large(f"has {size_bytes} bytes,"))

    def _too_large(self, what: str) -> str:
        return f"{what} more than the {self.limits.total_bytes} bytes allowed; keep a sample of it"

    def _refusal(self) -> InvalidSpec:
        more = [Problem(PLACE, f"and {self._untold} more like these")] if self._untold else []
        return InvalidSpec([*self._problems, *more])
