"""Whether an answer is right: the check that a spec asks for, and a guess where there is none."""

from __future__ import annotations

import json
import math
import re

import regex
from jsonpath_rfc9535 import JSONPathError, JSONPathQuery
from jsonpath_rfc9535 import compile as compile_path

from profiler.spec import AnswerCheck
from profiler.texts import readable

#: As much of an answer's text as a pattern is searched in, and how long a search may take: patterns
#: can be written that take for ever.
SEARCHED_CHARACTERS = 65_536
SEARCH_S = 0.005
#: As much of a text as is shown of it.
SHOWN_CHARACTERS = 200

TRACEBACK = "Traceback (most recent call last):"
#: How the text of an exception begins that `f"{type(e)}: {e}"` or `repr(e)` has made.
NAMED = r"(\w{1,60}\.){0,9}\w{1,60}(Error|Exception)[:(\s]|(Exception|[Ee]rror)[:(]"
#: How it begins where `str(e)` has left the name out: what Python and the libraries that models are
#: made with say most often.
SAID = (
    r"'\w+' object (is|has|does|cannot) ",
    r"'\w+'$",  # a KeyError
    r"\w{1,9} ind(ex|ices) (out of range|must be)",
    r"index -?\d+ is out of bounds",
    r"could not convert string to ",
    r"invalid literal for \w+\(\)",
    r"unsupported operand type",
    r"name '\w+' is not defined",
    r"No module named '",
    r"[\w.<>]{1,90}\(\) (missing|got|takes) ",
    r"(not enough|too many) values to unpack",
    r"(Expecting [\w ',]{1,60}|Extra data|Unterminated string starting at): line \d+ column",
    r"(float |integer )?(division( or modulo)?|modulo) by zero",
    r"\[Errno \d+\]",
    r"cannot reshape array",
    r"shapes .*not aligned",
    r"operands could not be broadcast",
    r"matmul: Input operand",
    r"Expected \dD array",
    r"Found (array|input variables) with",
    r"Input (X )?contains ",
    r"X has \d+ features",
    r"mat1 and mat2",
    r"Expected all tensors",
    r"CUDA (error|out of memory)",
    r"\[ONNXRuntimeError\]",
)
EXCEPTION_TEXT = re.compile(rf"""["\s]{{0,9}}('?({NAMED})|{"|".join(SAID)})""")
ERROR_KEYS = {
    "error", "errors", "error_code", "error_message", "exception", "stack_trace", "traceback",
}  # fmt: skip
#: As many values of an answer are looked at.
LOOKED_AT = 10


def looks_like_error(body: str) -> bool:
    """Whether the text of a successful answer reads like an exception's.

    Several published scoring scripts catch every exception and answer HTTP 200 with its text. This
    finds a traceback, a JSON object with a filled error key, and a text, by itself or as one of the
    first values in a JSON answer, that begins as an exception's does.
    """
    if TRACEBACK in body:
        return True
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = body
    if isinstance(value, dict):
        if any(value[key] for key in value if key.lower() in ERROR_KEYS):
            return True
        value = list(value.values())
    values = value[:LOOKED_AT] if isinstance(value, list) else [value]
    return any(isinstance(one, str) and EXCEPTION_TEXT.match(one) for one in values)


class NotTold(Exception):
    """Whether an answer is right could not be found out in bounded time."""


class Checker:
    """An AnswerCheck, ready to be asked of many answers. Raises ValueError for one that is none."""

    def __init__(self, check: AnswerCheck) -> None:
        self._check = check
        self._path = read_path(check.json_path) if check.json_path else None
        self._pattern = read_pattern(check.pattern) if check.pattern else None

    def wrong(self, body: bytes) -> str:
        """Why an answer is wrong by itself, or nothing. NotTold where that takes too long."""
        why = self._wrong_value(body) if self._path else ""
        return why or (self._wrong_text(body) if self._pattern else "")

    def differs(self, body: bytes, reference: bytes) -> str:
        """How an answer differs from what it must be the same as, or nothing.

        The same bytes, or the same JSON but for the tolerance of its numbers.
        """
        if body == reference:
            return ""
        try:
            same = same_json(json.loads(body), json.loads(reference), self._check.tolerance)
        except (ValueError, RecursionError):
            same = False
        if same:
            return ""
        return f"it is {_start(body)}, where the largest size answered {_start(reference)}"

    def _wrong_value(self, body: bytes) -> str:
        check = self._check
        try:
            found = self._path.find(json.loads(body)).values()
        except (ValueError, RecursionError):
            return f"it is not JSON: {_start(body)}"
        except JSONPathError as error:  # nested deeper than the query may follow
            return f"{check.json_path} cannot be asked of it: {error}"
        if not found:
            return f"there is nothing at {check.json_path}"
        if check.equals is None:
            return ""
        for value in found:
            if not same_json(value, check.equals, check.tolerance):
                expected = _short(check.equals)
                return f"{check.json_path} is {_short(value)}, where {expected} was expected"
        return ""

    def _wrong_text(self, body: bytes) -> str:
        text = body[: 4 * SEARCHED_CHARACTERS].decode(errors="replace")[:SEARCHED_CHARACTERS]
        try:
            found = self._pattern.search(text, timeout=SEARCH_S)
        except TimeoutError as error:
            raise NotTold from error
        return "" if found else f"the pattern {_short(self._check.pattern)} is not found in it"


def read_path(text: str) -> JSONPathQuery:
    """A JSONPath query; ValueError says what is wrong with it."""
    try:
        return compile_path(text)
    except JSONPathError as error:
        raise ValueError(str(error)) from error


def read_pattern(text: str) -> regex.Pattern:
    """A regular expression; ValueError says what is wrong with it."""
    try:
        return regex.compile(text)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def same_json(one: object, other: object, tolerance: float) -> bool:
    """Whether two JSON values are equal, numbers by math.isclose with `tolerance` as both its
    relative and its absolute tolerance. Objects need the same keys, lists the same length; true is
    no number, NaN equals NaN, and what is nested too deeply to compare is not equal.
    """
    try:
        return _same(one, other, tolerance)
    except RecursionError:
        return False


def _same(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(value, other[key], tolerance) for key, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _same(*pair, tolerance) for pair in zip(one, other, strict=True)
        )
    if _is_number(one) and _is_number(other):
        return one == other or _are_close(one, other, tolerance)
    return type(one) is type(other) and one == other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_close(one: float, other: float, tolerance: float) -> bool:
    if one != one or other != other:
        return one != one and other != other
    try:
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # whole numbers beyond any float
        return False


def _short(value: object) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _start(body: bytes) -> str:
    return _cut(readable(body[: 4 * SHOWN_CHARACTERS]).strip())


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
