"""Datasets in .parquet: one column of strings or bytes, and optionally one named `label`."""

from __future__ import annotations

from profiler.dataset.rows import Sheet
from profiler.dataset.tables import body_and_label

#: Rows decoded at a time.
BATCH_ROWS = 1024


def read_parquet(sheet: Sheet) -> None:
    """Needs the optional extra `parquet` (pyarrow)."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise sheet.stop(
            'reading .parquet needs the extra "parquet": install it with'
            " `pip install model-profiler[parquet]` (or `pip install pyarrow`), or save the dataset"
            " as .csv or .jsonl"
        ) from error
    try:
        with parquet.ParquetFile(sheet.files.path) as file:
            names = file.schema_arrow.names
            columns = body_and_label(names)
            if isinstance(columns, str):
                raise sheet.stop(columns)
            body, label = columns
            _check_types(sheet, file.schema_arrow, names)
        # Dictionary-encoded values stay shared, so that a small file cannot unfold into a huge one.
        with parquet.ParquetFile(sheet.files.path, read_dictionary=names) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                _add_rows(sheet, batch, body, label, names)
    except pyarrow.ArrowException as error:
        raise sheet.stop(f"is not a readable parquet file ({error}); write it again") from error


def _check_types(sheet: Sheet, schema, names: list[str]) -> None:
    from pyarrow import types

    for name in names:
        kind = schema.field(name).type
        value = kind.value_type if types.is_dictionary(kind) else kind
        is_text = types.is_string(value) or types.is_large_string(value)
        if not (is_text or types.is_binary(value) or types.is_large_binary(value)):
            raise sheet.stop(f'column "{name}" holds {kind}, not strings or bytes; convert it')


def _add_rows(sheet: Sheet, batch, body: int, label: int | None, names: list[str]) -> None:
    labels = batch.column(label) if label is not None else None
    for index, cell in enumerate(batch.column(body)):
        value = cell.as_py()
        if value is None:
            sheet.skip(f'column "{names[body]}": is null; give a body or remove the row')
            continue
        text = labels[index].as_py() if labels is not None else None
        sheet.add(
            value if isinstance(value, bytes) else value.encode(),
            label=text.decode(errors="replace") if isinstance(text, bytes) else text,
        )
