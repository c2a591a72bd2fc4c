"""Datasets with a row to a line: .txt, .jsonl and .requests.jsonl. All are UTF-8."""

from __future__ import annotations

import base64
import binascii
import codecs
import json
from collections.abc import Iterator

from profiler import request_fields
from profiler.dataset.rows import Sheet
from profiler.spec_fields import did_you_mean, shown

ENVELOPE_KEYS = ("body", "body_base64", "label", "content_type", "method", "path", "headers")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


# One for all lines: json.loads would make another for each, at four times the cost.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_text(sheet: Sheet) -> None:
    """.txt: each line is a body as it stands, an empty line an empty body."""
    for line in _lines(sheet):
        if _is_utf8(sheet, line):
            sheet.add(line)


def read_json_lines(sheet: Sheet) -> None:
    """.jsonl: each line is a body as it stands, and must be JSON."""
    for line in _lines(sheet):
        if _is_utf8(sheet, line):
            _, wrong = parse_json(line.decode())
            if wrong:
                sheet.skip(wrong)
            else:
                sheet.add(line)


def read_envelopes(sheet: Sheet) -> None:
    """.requests.jsonl: each line is an object that says what to send."""
    for line in _lines(sheet):
        if not _is_utf8(sheet, line):
            continue
        envelope, wrong = parse_json(line.decode())
        if not wrong and not isinstance(envelope, dict):
            wrong = f'must be an object such as {{"body": ...}}, not {shown(envelope)}'
        if wrong:
            sheet.skip(wrong)
        else:
            _add_envelope(sheet, envelope)


def _lines(sheet: Sheet) -> Iterator[bytes]:
    """Lines without their ends (LF or CR LF); those after the last body are not rows."""
    content = sheet.files.path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise sheet.stop("is encoded as UTF-16; save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip(b"\r\n"):
        return
    for line in content.removesuffix(b"\n").split(b"\n"):
        yield line.removesuffix(b"\r")


def _is_utf8(sheet: Sheet, line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        sheet.skip(not_utf8(error))
        return False
    return True


def not_utf8(error: UnicodeDecodeError, within: str = "") -> str:
    """What to say of a byte, counted from 1 in its line or `within` what is said here."""
    byte = error.object[error.start]
    return f"byte {error.start + 1}{within} (0x{byte:02x}) is not UTF-8; save the file as UTF-8"


def parse_json(text: str) -> tuple[object, str | None]:
    """The value and None, or None and what is wrong with it; columns count from 1."""
    if not text.strip():
        return None, "is empty; remove the line"
    try:
        return _DECODER.decode(text), None
    except json.JSONDecodeError as error:
        return None, f"column {error.pos + 1}: is not JSON ({error.msg}); correct it"
    except RecursionError:
        return None, "is nested too deeply; simplify it"
    except ValueError as error:
        return None, f"is not JSON ({error}); correct it"


def _add_envelope(sheet: Sheet, envelope: dict) -> None:
    wrong = list(_wrong_fields(envelope))
    body = _body(envelope)
    if isinstance(body, str):
        wrong.append(body)
    if wrong or isinstance(body, str):
        sheet.skip("; ".join(wrong))
        return
    label = envelope.get("label")
    sheet.add(
        body,
        label=None if label is None else str(label),
        content_type=envelope.get("content_type"),
        method=envelope.get("method"),
        path=envelope.get("path"),
        headers=envelope.get("headers"),
    )


def _wrong_fields(envelope: dict) -> Iterator[str]:
    for key in envelope:
        if key not in ENVELOPE_KEYS:
            hint = did_you_mean(key, ENVELOPE_KEYS) or f"; the keys are {', '.join(ENVELOPE_KEYS)}"
            yield f'column "{key}": unknown{hint}'
    checks = {
        "label": _wrong_label,
        "content_type": request_fields.wrong_content_type,
        "method": request_fields.wrong_method,
        "path": request_fields.wrong_path,
    }
    for key, check in checks.items():
        value = envelope.get(key)
        if value is not None and (wrong := check(value)):
            yield f'column "{key}": {wrong}, not {shown(value)}'
    yield from _wrong_headers(envelope.get("headers"))


def _wrong_label(value: object) -> str | None:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return None
    return "must be a string or a whole number"


def _wrong_headers(headers: object) -> Iterator[str]:
    if headers is None:
        return
    if not isinstance(headers, dict):
        yield f'column "headers": must be an object of strings, not {shown(headers)}'
        return
    for name, value in headers.items():
        if wrong := request_fields.wrong_header(name, value):
            yield f'column "headers": "{name}" {wrong}'


def _body(envelope: dict) -> bytes | str:
    """The bytes to send, or what is wrong."""
    has_text, has_base64 = (envelope.get(key) is not None for key in ("body", "body_base64"))
    if has_text == has_base64:
        return (
            'has both "body" and "body_base64"; keep one'
            if has_text
            else 'column "body": missing; give "body" or "body_base64" ("" for an empty body)'
        )
    return _text_body(envelope["body"]) if has_text else _base64_body(envelope["body_base64"])


def _text_body(value: object) -> bytes | str:
    if isinstance(value, dict | list):
        try:
            value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except (ValueError, RecursionError):
            return 'column "body": cannot be written as JSON again; give it as a string'
    if not isinstance(value, str):
        return f'column "body": must be a string, an object or a list, not {shown(value)}'
    try:
        return value.encode()
    except UnicodeEncodeError:
        return 'column "body": has half a surrogate pair (\\ud800 to \\udfff); correct it'


def _base64_body(value: object) -> bytes | str:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return f'column "body_base64": must be base64 text, not {shown(value)}'
