"""What people write: Markdown made safe, and whom it mentions.

Raw HTML is shown as text, links lead to http, https, mailto or this site, and no image is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: Of some texts Markdown takes the square of their length to read.
MOST_CHARACTERS = 10_000
#: A name after an @ that begins a word; Django's user names may hold these characters.
MENTION = re.compile(r"(?<![\w@./+-])@([\w.@+-]+)")
SAFE_LINK = re.compile(r"(https?://|mailto:|/(?!/)|#)", re.IGNORECASE)
#: The pages around have headings of three levels.
LEVELS_ABOVE = 3


def rendered(text: str, mentioned: Collection[str] = ()) -> SafeString:
    """Markdown as HTML that holds nothing but what Markdown can say.

    `mentioned` are the names of people whose mentions are set apart.
    """
    # The renderer escapes all text, and `html` is off, so no element is a writer's own.
    return mark_safe(_markdown().render(text, {"known": set(mentioned)}))


def mentioned_names(text: str) -> set[str]:
    """The names after an @, but for those in code; a full stop or the like at their end belongs to
    the sentence.
    """
    env: dict = {}
    _markdown().parse(text, env)
    return env.get("said", set())


def mentioned_users(text: str) -> QuerySet[User]:
    return _people(mentioned_names(text))


def _people(names: Collection[str]) -> QuerySet[User]:
    return get_user_model().objects.filter(username__in=names, is_active=True)


def mentions_of_nobody(text: str) -> str:
    """Which of the names are nobody's, in a sentence; "" where there are none."""
    names = mentioned_names(text)
    known = _people(names).values_list("username", flat=True)
    missing = sorted(names.difference(known))
    if not missing:
        return ""
    return f"Nobody is called {' or '.join(f'@{name}' for name in missing)} here."


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True})
    markdown.disable("image")
    markdown.validateLink = lambda url: bool(SAFE_LINK.match(url))
    markdown.inline.ruler.push("mention", _mention)
    markdown.core.ruler.push("fit_in", _fit_in)
    return markdown


def _mention(state: StateInline, silent: bool) -> bool:
    """Notes each name in `said`, and sets those that are `known` apart."""
    found = MENTION.match(state.src, state.pos)
    name = found[1].rstrip(".+-@") if found else ""
    if not name:
        return False
    if not silent:
        state.env.setdefault("said", set()).add(name)
        is_known = name in state.env.get("known", ())
        if is_known:
            state.push("strong_open", "strong", 1).attrSet("class", "mention")
        state.push("text", "", 0).content = f"@{name}"
        if is_known:
            state.push("strong_close", "strong", -1)
    state.pos += 1 + len(name)
    return True


def _fit_in(state: StateCore) -> None:
    """Headings below those of the page; and cells without the style that its policy forbids."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + LEVELS_ABOVE, 6)}"
        elif style := token.attrs.pop("style", None):
            token.attrSet("class", f"is-{str(style).partition(':')[2]}")
