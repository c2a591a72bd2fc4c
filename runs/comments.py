"""What people write: Markdown made safe, and whom it mentions.

Raw HTML is shown as text, links lead to http, https, mailto or this site, and no image is loaded.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: A name after an @ that begins a word; Django's user names may hold these characters.
MENTION = re.compile(r"(?<![\w@./+-])@([\w.@+-]+)")
SAFE_LINK = re.compile(r"(https?://|mailto:|/(?!/)|#)", re.IGNORECASE)


def rendered(text: str) -> SafeString:
    """Markdown as HTML that holds nothing but what Markdown can say."""
    # The renderer escapes all text, and `html` is off, so no element is a writer's own.
    return mark_safe(_markdown().render(text))


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True})
    markdown.disable("image")
    markdown.validateLink = lambda url: bool(SAFE_LINK.match(url))
    return markdown


def mentioned_names(text: str) -> set[str]:
    """The names after an @; a full stop or the like at their end belongs to the sentence."""
    return {found.rstrip(".+-@") for found in MENTION.findall(text)} - {""}


def mentioned_users(text: str) -> QuerySet[User]:
    return get_user_model().objects.filter(username__in=mentioned_names(text), is_active=True)
