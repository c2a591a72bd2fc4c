"""Writes the part of Tabler's style sheet that our pages use: a fifth, which browsers read sooner.

    python scripts/tabler_css.py

The whole, from the npm package @tabler/core, lies beside this script. A rule is kept when each
class in its selector is a word of a template, a Python module or a script of ours; too many words
are no harm. A class put together from parts is known by its beginning, as in `badge-{{ tone }}`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import tinycss2
from tinycss2.ast import AtRule, Node, QualifiedRule

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import page_sources

WHOLE = page_sources.ROOT / "scripts/vendor/tabler-1.6.1/tabler.min.css"
PART = page_sources.ROOT / "static/vendor/tabler-1.6.1/tabler.min.css"
WORD = re.compile(r"[A-Za-z][\w-]*")
BEGINNING = re.compile(r"([A-Za-z][\w-]*-)\$?\{")


def used_classes(root: Path = page_sources.ROOT) -> re.Pattern[str]:
    """What the name of a class that may be on a page looks like."""
    texts = list(page_sources.texts(root))
    words = {word for text in texts for word in WORD.findall(text)}
    beginnings = {begin for text in texts for begin in BEGINNING.findall(text)}
    known = [*map(re.escape, words), *(f"{re.escape(begin)}.*" for begin in beginnings)]
    return re.compile("|".join(sorted(known)))


def part(css: str, used: re.Pattern[str]) -> str:
    """The rules of a style sheet that apply to elements with these classes, in their order."""
    return "".join(_kept(tinycss2.parse_stylesheet(css, skip_whitespace=True), used))


def _kept(rules: Iterable[Node], used: re.Pattern[str]) -> Iterator[str]:
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            selectors = [one for one in _selectors(rule) if all(map(used.fullmatch, _classes(one)))]
            if selectors:
                listed = ",".join(map(tinycss2.serialize, selectors))
                yield f"{listed}{{{tinycss2.serialize(rule.content)}}}"
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in {"media", "supports"}:
            inner = tinycss2.parse_rule_list(rule.content, skip_whitespace=True)
            if kept := "".join(_kept(inner, used)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{kept}}}"
        else:
            yield tinycss2.serialize([rule])


def _selectors(rule: QualifiedRule) -> list[list[Node]]:
    """A rule's selectors; a comma inside brackets is not between two of them."""
    found: list[list[Node]] = [[]]
    for node in rule.prelude:
        if node == ",":
            found.append([])
        else:
            found[-1].append(node)
    return found


def _classes(selector: list[Node]) -> list[str]:
    """The classes that an element must have; of those in `:not()` or `:is()` nothing is asked."""
    return [
        after.value for dot, after in pairwise(selector) if dot == "." and after.type == "ident"
    ]


def main() -> None:
    PART.write_text(part(WHOLE.read_text(), used_classes()))


if __name__ == "__main__":
    main()
