"""Datasets with columns of text: .csv and .tsv, the first row the header."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence

from profiler.dataset.lines import not_utf8
from profiler.dataset.rows import Sheet
from profiler.spec_fields import shown

LABEL = "label"


def read_csv(sheet: Sheet) -> None:
    _read_delimited(sheet, ",")


def read_tsv(sheet: Sheet) -> None:
    _read_delimited(sheet, "\t")


def body_and_label(names: Sequence[str]) -> tuple[int, int | None] | str:
    """Which column holds the bodies and which the labels, or what is wrong with these columns."""
    folded = [name.strip().lower() for name in names]
    labels = [index for index, name in enumerate(folded) if name == LABEL]
    bodies = [index for index, name in enumerate(folded) if name != LABEL]
    if len(labels) > 1:
        return f'has {len(labels)} columns named "{LABEL}"; keep one'
    if not bodies:
        return 'has only labels; add a column "body" with what to send'
    if len(bodies) > 1:
        listed = ", ".join(shown(names[index]) for index in bodies)
        return (
            f"has {len(bodies)} columns of bodies ({listed}); keep one, and optionally one named"
            f' "{LABEL}". For several values in one request, write each body as JSON in .jsonl'
        )
    return bodies[0], labels[0] if labels else None


def _read_delimited(sheet: Sheet, delimiter: str) -> None:
    text = _decoded(sheet, delimiter)
    # The module's own limit is 128 KiB and global; ours is the limit of a body.
    csv.field_size_limit(max(csv.field_size_limit(), sheet.limits.body_bytes))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        _read_records(sheet, reader)
    except csv.Error as error:
        raise sheet.stop(
            f"row {sheet.next_number} (line {reader.line_num}): {error}; put values that hold"
            " delimiters, quotes or line breaks in double quotes, and double the quotes in them"
        ) from error


def _decoded(sheet: Sheet, delimiter: str) -> str:
    content = sheet.files.path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise sheet.stop("is encoded as UTF-16; save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        row = _row_at(content[: error.start].decode(), delimiter)
        where = f"row {row}" if row else "the header"
        raise sheet.stop(f"{where}: {not_utf8(error, ' of the file')}") from error


def _row_at(text_before: str, delimiter: str) -> int:
    """The row (0 is the header) in which the next character after `text_before` stands."""
    records = csv.reader(io.StringIO(text_before + "x", newline=""), delimiter=delimiter)
    return sum(1 for _ in records) - 1


def _read_records(sheet: Sheet, reader) -> None:
    header = next(reader, None)
    if header is None:
        return
    if not header:
        raise sheet.stop("the first line must be the header, but is empty; remove that line")
    if len(header) == 1 and header[0].lstrip().startswith(("{", "[")):
        raise sheet.stop(
            'the first line must be a header, but looks like a body; put a line "body" above it,'
            " or rename the file to .txt, which has none"
        )
    columns = body_and_label(header)
    if isinstance(columns, str):
        raise sheet.stop(columns)
    body, label = columns
    blank = 0
    for record in reader:
        if not record:
            blank += 1
            continue
        for _ in range(blank):
            sheet.skip('is an empty line; remove it, or write "" for an empty body')
        blank = 0
        if len(record) != len(header):
            sheet.skip(_wrong_width(record, header, reader.line_num))
        else:
            sheet.add(record[body].encode(), label=None if label is None else record[label])


def _wrong_width(record: list[str], header: list[str], line: int) -> str:
    return (
        f"has {_counted(record, 'value')} for {_counted(header, 'column')} (line {line}); put"
        " values that hold the delimiter in double quotes, and double the quotes in them"
    )


def _counted(things: list[str], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"
