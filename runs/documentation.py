"""docs/*.md as pages of the site: the same files that are read in the repository, with their links.

Headings get the ids that GitHub gives them, so `docs/spec.md#load` leads to the same place in both.
Raw HTML is shown as text, but for an explicit anchor: `<a id="some-code"></a>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

from runs.highlighting import highlighted_as

INDEX = "index"
#: Pages whose file lies elsewhere.
ELSEWHERE = {"examples": "examples/README.md"}
IMAGES = (".png", ".svg", ".jpg", ".webp")
ANCHOR = re.compile(r'<a (?:id|name)="([\w-]+)"></a>')
HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


@dataclass(frozen=True)
class Section:
    """A heading within a page: `level` is 2 or 3."""

    level: int
    id: str
    title: str


@dataclass(frozen=True)
class Page:
    title: str
    body: SafeString
    sections: tuple[Section, ...]
    #: Every place within it that a link can name.
    anchors: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """A page as the index lists it."""

    name: str
    title: str


def folder() -> Path:
    return settings.BASE_DIR / "docs"


def page_names() -> list[str]:
    """All pages but the index."""
    found = sorted(path.stem for path in folder().glob("*.md") if path.stem != INDEX)
    return [*found, *ELSEWHERE]


def read(name: str) -> Page | None:
    """The page of that name, None when there is none."""
    if name != INDEX and name not in page_names():
        return None
    path = _file_of(name)
    return _rendered(path, path.stat().st_mtime_ns)


def entries() -> list[Entry]:
    """The pages in the order in which the index lists them."""
    links = re.findall(r"^\* \[([^\]]+)\]\(([^)#]+)\)", _file_of(INDEX).read_text(), re.MULTILINE)
    names = {_file_of(name).resolve(): name for name in page_names()}
    found = ((names.get((folder() / href).resolve()), title) for title, href in links)
    return [Entry(name, title) for name, title in found if name]


def image(name: str) -> Path | None:
    """The file of a picture under docs/images, None when there is none."""
    return next(
        (
            path
            for path in (folder() / "images").glob("*")
            if path.name == name and path.suffix in IMAGES
        ),
        None,
    )


def address(name: str, anchor: str = "") -> str:
    """Where a page is shown, at its `anchor`."""
    url = reverse("docs_index") if name == INDEX else reverse("docs_page", args=[name])
    return f"{url}#{anchor}" if anchor else url


def _file_of(name: str) -> Path:
    if name in ELSEWHERE:
        return settings.BASE_DIR / ELSEWHERE[name]
    return folder() / f"{name}.md"


@lru_cache(maxsize=64)
def _rendered(path: Path, _modified_ns: int) -> Page:
    markdown = _markdown()
    tokens = markdown.parse(path.read_text())
    title = _take_title(tokens)
    _lead_to_pages(tokens, path)
    return Page(
        title=title or path.stem,
        # The renderer escapes all text, and raw HTML is off.
        body=mark_safe(markdown.renderer.render(tokens, markdown.options, {})),
        sections=tuple(_sections(tokens)),
        anchors=frozenset(_anchors(tokens)),
    )


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "highlight": _code}).enable("table")
    markdown.use(anchors_plugin, min_level=2, max_level=4, permalink=True, permalinkSymbol="#")
    markdown.inline.ruler.before("html_inline", "anchor", _explicit_anchor)
    for kind, html in (
        ("table_open", '<div class="table-wrap"><table class="table">\n'),
        ("table_close", "</table></div>\n"),
    ):
        markdown.add_render_rule(kind, lambda *_, html=html: html)
    markdown.add_render_rule("code_block", _indented_code)
    return markdown


def _code(text: str, language: str, _attributes: str) -> str:
    """A fenced block; what begins with <pre is taken as it is."""
    classes = "code-block code-inset highlight"
    return (
        f'<pre class="{classes}" tabindex="0"><code>{highlighted_as(text, language)}</code></pre>'
    )


def _indented_code(
    _renderer: RendererHTML, tokens: Sequence[Token], index: int, *_others: object
) -> str:
    return _code(tokens[index].content, "", "")


def _explicit_anchor(state: StateInline, silent: bool) -> bool:
    found = ANCHOR.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.push("anchor_open", "span", 1).attrSet("id", found[1])
        state.push("anchor_close", "span", -1)
    state.pos = found.end()
    return True


def _take_title(tokens: list[Token]) -> str:
    """Removes the first heading: the page's head shows it."""
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h1":
            title = _text(tokens[index + 1])
            del tokens[index : index + 3]
            return title
    return ""


def _text(inline: Token) -> str:
    return "".join(t.content for t in inline.children or () if t.type in ("text", "code_inline"))


def _sections(tokens: list[Token]) -> list[Section]:
    return [
        Section(int(token.tag[1]), str(token.attrGet("id")), _text(tokens[index + 1]).strip())
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag in ("h2", "h3")
    ]


def _anchors(tokens: Sequence[Token]) -> list[str]:
    inner = [child for token in tokens for child in token.children or ()]
    return [str(token.attrs["id"]) for token in (*tokens, *inner) if "id" in token.attrs]


def _lead_to_pages(tokens: Sequence[Token], path: Path) -> None:
    """Links to files become links to their pages; what the site does not show is left as text."""
    for inline in tokens:
        children, open_links = [], []
        for token in inline.children or ():
            if token.type == "link_open":
                url = _url_of(str(token.attrGet("href")), path)
                open_links.append(url)
                token.attrSet("href", url or "")
            if token.type == "image":
                token.attrSet("src", _url_of(str(token.attrGet("src")), path) or "")
            shown = open_links[-1] if token.type.startswith("link_") else True
            if token.type == "link_close":
                open_links.pop()
            if shown:
                children.append(token)
        if inline.children is not None:
            inline.children = children


def _url_of(href: str, path: Path) -> str | None:
    """The address on this site of what `href`, written in the file `path`, leads to."""
    if href.startswith("#") or HAS_SCHEME.match(href):
        return href
    place, _, anchor = href.partition("#")
    wanted = (path.parent / place).resolve()
    for name in (INDEX, *page_names()):
        if _file_of(name).resolve() == wanted:
            return address(name, anchor)
    if wanted.parent == (folder() / "images").resolve() and image(wanted.name):
        return reverse("docs_image", args=[escape(wanted.name)])
    return None
