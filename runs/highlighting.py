"""Source text as highlighted HTML. Colours come from static/css/registry.css by class names."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

#: More than this of a file is not shown.
SHOWN_BYTES = 200_000


def highlighted(text: str, filename: str) -> SafeString:
    """`text` with a class on each token; what no lexer knows is shown plain. Safe to include."""
    lexer = _lexer_for(filename)
    # The formatter escapes the text; nothing else is in what it returns.
    return mark_safe(highlight(text, lexer, HtmlFormatter(nowrap=True)))


def highlighted_as(text: str, language: str) -> SafeString:
    """`text` as `highlighted` shows it, by the name of its language rather than of its file."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    return mark_safe(highlight(text, lexer, HtmlFormatter(nowrap=True)))


def _lexer_for(filename: str):
    options = {"stripnl": False}
    try:
        if filename.rpartition("/")[2].lower().endswith("requirements.txt"):
            return get_lexer_by_name("ini", **options)
        return get_lexer_for_filename(filename, **options)
    except ClassNotFound:
        return TextLexer(**options)


def readable(content: bytes) -> str | None:
    """The text of a file's beginning, or None when it is not text."""
    if b"\0" in content[:SHOWN_BYTES]:
        return None
    try:
        return content[:SHOWN_BYTES].decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        cut_in_a_letter = len(content) > SHOWN_BYTES and error.start > SHOWN_BYTES - 4
        return content[: error.start].decode("utf-8-sig") if cut_in_a_letter else None
