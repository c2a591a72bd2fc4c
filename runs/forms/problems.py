"""The engine's problems at the fields of a form that they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django import forms

from profiler.errors import Problem

ITEM = re.compile(r"\[\d+\]")
#: Code of an error that a form says in its own words, in place of the engine's.
OURS = "ours"


def add_problem(form: forms.Form, problem: Problem, fields: Mapping[str, str]) -> None:
    """Put a problem at its field: `fields` names those of places in the spec.

    The longest place that fits counts; what is left of the problem's place is said with it.
    """
    fitting = [place for place in fields if _is_within(problem.place, place)]
    if not fitting:
        form.add_error(None, str(problem))
        return
    place = max(fitting, key=len)
    if not form.has_error(fields[place], OURS):
        form.add_error(fields[place], _sentence(problem.place.removeprefix(place), problem.message))


def _sentence(rest: str, message: str) -> str:
    """What is said of a field's part with the part's name; an item of a list is quoted in it."""
    within = "" if ITEM.fullmatch(rest) else rest.strip(".")
    if within:
        return f"{within}: {message}"
    is_plain_word = message.partition(" ")[0].isalpha()
    return message[:1].upper() + message[1:] if is_plain_word else message


def _is_within(place: str, outer: str) -> bool:
    return place == outer or place.startswith((f"{outer}.", f"{outer}["))
