"""Reading a JSON object key by key, noting every problem with its place instead of stopping."""

from __future__ import annotations

import difflib
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from profiler.errors import InvalidSpec, Problem

#: How much of a wrong value is repeated in a message.
SHOWN_CHARACTERS = 60


def problem_of(place: str, message: str) -> Problem:
    """A problem whose text can be stored and printed anywhere, whatever it repeats of the input."""
    return Problem(_storable(place), _storable(message))


def _storable(text: str) -> str:
    """Without NUL and half surrogate pairs, which databases and terminals refuse."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


class Problems:
    """Everything found wrong so far, in the order it was met."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def add(self, place: str, message: str) -> None:
        self._found.append(problem_of(place, message))

    def extend(self, problems: Iterable[Problem]) -> None:
        self._found.extend(problems)

    def raise_if_any(self) -> None:
        """Raise InvalidSpec with all of them."""
        if self._found:
            raise InvalidSpec(self._found)


def shown(value: object) -> str:
    """A value as JSON, short enough for a message.

    No more of it is written than is shown: YAML's aliases make huge values out of small files.
    """
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += part[: SHOWN_CHARACTERS + 1]
            if len(text) > SHOWN_CHARACTERS:
                return text[:SHOWN_CHARACTERS] + "..."
    except (TypeError, ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def in_words(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last


@dataclass(frozen=True)
class Folder:
    """What relative paths of a spec are relative to.

    `confined` refuses every path that leaves the folder, symbolic links followed: for specs whose
    author is not the owner of this machine's files.
    """

    base: Path
    confined: bool = False
    called: str = "the folder of the spec"

    def find(self, text: str, kind: str) -> Path | str:
        """The absolute path of an existing `file`, `folder` or `file or folder`, or why not."""
        try:
            path = Path(os.path.normpath(self.base / text))
            if self.confined and not path.resolve().is_relative_to(self.base.resolve()):
                return f"{shown(text)} leads out of {self.called}; use a path inside it"
            return self._existing(path, text, kind)
        except (OSError, ValueError, RuntimeError) as error:
            return f"{shown(text)} cannot be read: {error}; use another path"

    def _existing(self, path: Path, text: str, kind: str) -> Path | str:
        if not path.exists():
            return f"there is no {kind} {shown(text)} in {self.called}{_sibling(path)}"
        if kind == "file" and not path.is_file():
            return f"{shown(text)} is not a file; name a file"
        if kind == "folder" and not path.is_dir():
            return f"{shown(text)} is not a folder; name a folder"
        if kind == "file or folder" and not (path.is_file() or path.is_dir()):
            return f"{shown(text)} is neither a file nor a folder; name one"
        if not os.access(path, os.R_OK):
            return f"{shown(text)} cannot be read; change its permissions"
        return path.absolute()


def _sibling(path: Path) -> str:
    if not path.parent.is_dir():
        return "; correct the path or add it"
    hint = did_you_mean(path.name, (entry.name for entry in path.parent.iterdir()))
    return hint or "; correct the path or add it"


class Table:
    """One object of a spec. Each method reads one key, checks it and returns its value.

    A problem is noted and the default (None where there is none) returned, so that reading goes on.
    An optional key whose value is null counts as not given.
    """

    def __init__(self, data: dict, place: str, problems: Problems, known: Iterable[str]) -> None:
        self.place = place
        self.problems = problems
        self._data = data
        self._known = tuple(known)
        for key in data:
            if key not in self._known:
                self._refuse_unknown(str(key))

    @classmethod
    def of(cls, data: object, place: str, problems: Problems, known: Iterable[str]) -> Table | None:
        """The table of `data`, or None (noted) when it is no object."""
        if isinstance(data, dict):
            return cls(data, place, problems, known)
        problems.add(place, f"must be an object in braces, not {shown(data)}")
        return None

    def _refuse_unknown(self, key: str) -> None:
        hint = did_you_mean(key, self._known)
        keys = f"; the keys here are {', '.join(self._known)}" if not hint else ""
        self.add(key, f"unknown key{hint or keys}")

    def at(self, key: str) -> str:
        """The dotted place of a key of this table."""
        return f"{self.place}.{key}" if self.place else key

    def add(self, key: str, message: str) -> None:
        self.problems.add(self.at(key), message)

    def has(self, key: str) -> bool:
        return self._data.get(key) is not None

    def given(self, *keys: str) -> list[str]:
        """Those of `keys` that have a value."""
        return [key for key in keys if self.has(key)]

    def raw(self, key: str, missing: str | None = None) -> object | None:
        """The unchecked value; when there is none, `missing` (what to give) is noted."""
        value = self._data.get(key)
        if value is None and missing is not None:
            self.add(key, f"missing; {missing}")
        return value

    def table(self, key: str, known: Iterable[str], missing: str | None = None) -> Table | None:
        value = self.raw(key, missing)
        if value is None:
            return None
        return Table.of(value, self.at(key), self.problems, known)

    def rows(self, key: str, missing: str | None = None) -> list:
        """The items of a list; empty when it is not one."""
        value = self.raw(key, missing)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.add(key, f"must be a list in square brackets, not {shown(value)}")
            return []
        return list(value)

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        missing: str | None = None,
        pattern: re.Pattern | None = None,
        advice: str = "",
    ) -> str | None:
        """A string that is not empty and matches `pattern` as a whole; `advice` says what does."""
        value = self.raw(key, missing)
        if value is None:
            return default
        if not isinstance(value, str):
            self.add(key, f"must be a string in quotes, not {shown(value)}")
        elif not value.strip():
            self.add(key, f"must not be empty; {missing or advice or 'give a value or leave it'}")
        elif pattern is not None and not pattern.fullmatch(value):
            self.add(key, f"{shown(value)} is not valid; {advice}")
        else:
            return value
        return default

    def choice(
        self, key: str, choices: Iterable[str], default: str | None = None, *, missing=None
    ) -> str | None:
        value = self.raw(key, missing)
        choices = tuple(choices)
        if value is None or (isinstance(value, str) and value in choices):
            return default if value is None else value
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        words = in_words(f'"{choice}"' for choice in choices)
        self.add(key, f"must be {words}, not {shown(value)}{hint}")
        return default

    def checked(
        self, key: str, wrong: Callable[[object], str | None], default: str | None = None
    ) -> str | None:
        """A string that `wrong` (which says what it must be) finds nothing wrong with."""
        value = self.raw(key)
        if value is None:
            return default
        if message := wrong(value):
            self.add(key, f"{message}, not {shown(value)}")
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.add(key, f"must be true or false, not {shown(value)}")
        return default

    def integer(
        self,
        key: str,
        low: int,
        high: int,
        default: int | None = None,
        *,
        missing: str | None = None,
        high_is: str = "",
    ) -> int | None:
        """A whole number from `low` to `high`; `high_is` says why it ends there."""
        value = self.raw(key, missing)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(key, f"must be a whole number from {low} to {high}, not {shown(value)}")
        elif not low <= value <= high:
            why = f" ({high_is})" if high_is and value > high else ""
            self.add(key, f"must be from {low} to {high}{why}, not {shown(value)}")
        else:
            return value
        return default

    def integers(self, key: str, low: int, high: int, most: int) -> tuple[int, ...]:
        """A whole number from `low` to `high`, or a list of up to `most` different ones.

        Empty when there is none.
        """
        value = self.raw(key)
        if value is None:
            return ()
        numbers = value if isinstance(value, list | tuple) else (value,)
        for number in numbers:
            whole = isinstance(number, int) and not isinstance(number, bool)
            if not whole or not low <= number <= high:
                asked = f"a whole number from {low} to {high}, or a list of such"
                self.add(key, f"must be {asked}, not {shown(value)}")
                return ()
        if not 1 <= len(numbers) <= most or len(set(numbers)) < len(numbers):
            self.add(key, f"must list 1 to {most} different numbers, not {shown(value)}")
            return ()
        return tuple(numbers)

    def number(
        self,
        key: str,
        low: float,
        high: float,
        default: float | None = None,
        *,
        missing: str | None = None,
        advice: str = "",
    ) -> float | None:
        """A finite number from `low` to `high`."""
        value = self.raw(key, missing)
        if value is None:
            return default
        bounds = f"from {low:g} to {high:g}"
        advice = f"; {advice}" if advice else ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(key, f"must be a number {bounds}, not {shown(value)}{advice}")
        elif isinstance(value, float) and not math.isfinite(value):
            self.add(key, f"must be a finite number {bounds}, not {value}{advice}")
        elif not low <= value <= high:
            self.add(key, f"must be {bounds}, not {shown(value)}{advice}")
        else:
            return float(value)
        return default

    def path(
        self,
        key: str,
        folder: Folder,
        kind: str,
        default: str | None = None,
        *,
        missing: str | None = None,
    ) -> Path | None:
        """An existing `file`, `folder` or `file or folder`, made absolute."""
        text = self.text(key, default, missing=missing)
        if text is None:
            return None
        found = folder.find(text, kind)
        if isinstance(found, str):
            self.add(key, found)
            return None
        return found
