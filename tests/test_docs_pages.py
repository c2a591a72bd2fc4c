"""The documentation as the site shows it: every page, every link, and nothing outside of it."""

from __future__ import annotations

import os
import re

import pytest
from django.template import Context, Template
from django.urls import reverse

from runs import documentation
from runs.documentation import INDEX, page_names

pytestmark = pytest.mark.django_db

PAGES = [INDEX, *page_names()]


@pytest.fixture
def written(settings, tmp_path):
    """Writes docs/<name>.md of an installation of its own; the page it becomes."""
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "README.md").write_text("# Examples\n\n## One\n")
    (tmp_path / "docs" / "index.md").write_text("# Documentation\n\n* [Sizes](sizes.md): all\n")

    def write(text: str, name: str = "sizes") -> documentation.Page:
        (tmp_path / "docs" / f"{name}.md").write_text(text)
        return documentation.read(name)

    return write


def test_the_documentation_is_for_those_signed_in_and_in_the_navigation(client, alice) -> None:
    assert client.get("/docs/").status_code == 302
    client.force_login(alice)
    text = client.get("/docs/spec/").content.decode()
    assert 'href="/docs/" aria-current="page">Docs' in text
    assert "On this page" in text


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_page_and_a_place_that_exist(signed_in, name) -> None:
    pages = {documentation.address(other): documentation.read(other) for other in PAGES}
    page = documentation.read(name)
    for href in re.findall(r'(?:href|src)="([^"]*)"', page.body):
        if href.startswith("http"):
            continue
        place, _, anchor = href.partition("#")
        if place.startswith(reverse("docs_image", args=["x"])[:-1]):
            assert signed_in.get(place).status_code == 200, href
            continue
        target = pages[place] if place else page
        assert not anchor or anchor in target.anchors, f"{name}: {href}"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_served_and_the_index_leads_to_it(signed_in, name) -> None:
    page = signed_in.get(documentation.address(name))
    assert page.status_code == 200
    assert documentation.read(name).title in page.content.decode()
    assert name == INDEX or name in [entry.name for entry in documentation.entries()]


@pytest.mark.parametrize("address", [
    "/docs/unheard-of/", "/docs/images/unheard-of.png", "/docs/images/..%2Findex.md",
    "/docs/..%2FREADME/", "/docs/images/../index.md",
])  # fmt: skip
def test_what_is_no_page_is_not_found(signed_in, address) -> None:
    assert signed_in.get(address).status_code == 404


def test_headings_have_the_ids_that_github_gives_them(written) -> None:
    page = written("# Sizes\n\n## CPU & `memory`, in short\n\n### CPU\n\n### CPU\n\n#### How?\n")
    assert page.title == "Sizes"
    assert [section.id for section in page.sections] == ["cpu--memory-in-short", "cpu", "cpu-1"]
    assert page.sections[0].title == "CPU & memory, in short"
    assert page.anchors == {"cpu--memory-in-short", "cpu", "cpu-1", "how"}


def test_an_explicit_anchor_can_be_linked_to_and_other_html_is_text(written) -> None:
    page = written('# Sizes\n\n<a id="driver-late"></a>\nText <b onclick="x()">bold</b>.\n')
    assert "driver-late" in page.anchors
    assert "&lt;b onclick=" in page.body
    assert "<b " not in page.body


def test_links_between_files_become_links_between_pages(written) -> None:
    page = written(
        "[a](index.md) [b](sizes.md#cpu) [c](../examples/README.md#one) [d](#cpu) "
        "[e](https://example.org/x.md) [the **licence**](../LICENSE) [g](javascript:alert(1))\n"
        "\n## CPU\n"
    )
    found = re.findall(r'<a href="([^"]*)"', page.body)
    assert found == [
        "/docs/", "/docs/sizes/#cpu", "/docs/examples/#one", "#cpu", "https://example.org/x.md",
    ]  # fmt: skip
    assert "the <strong>licence</strong>" in page.body


def test_code_is_highlighted_and_escaped(written) -> None:
    page = written('# Sizes\n\n```json\n{"cpu": "<1>"}\n```\n\n    plain <b>\n')
    assert '<span class="nt">"cpu"</span>' in page.body
    assert "&lt;1&gt;" in page.body
    assert "plain &lt;b&gt;" in page.body


def test_a_changed_file_is_shown_as_it_is_now(written, tmp_path) -> None:
    assert written("# Before\n").title == "Before"
    os.utime(tmp_path / "docs" / "sizes.md", ns=(1, 1))
    assert written("# After\n").title == "After"


def test_pictures_of_the_documentation_are_served(signed_in) -> None:
    answer = signed_in.get("/docs/images/run.png")
    assert answer["Content-Type"] == "image/png"
    assert b"".join(answer.streaming_content).startswith(b"\x89PNG")


def test_templates_link_to_a_place_in_the_documentation() -> None:
    template = Template('{% load presentation %}{% docs_link "spec" "load" %}')
    assert template.render(Context()) == "/docs/spec/#load"
