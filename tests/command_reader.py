"""What pages show as a command, in Python and for curl, taken from them and executed."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as Browser

from tests.live_site import Site, site_for

SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"

every_way = pytest.mark.parametrize("way", ["cli", "python", "curl"])


class Ways(HTMLParser):
    """The texts of a page by their ids, and where its forms ask for theirs."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.asked_at: list[str] = []
        self._id = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        if tag == "pre" and (given.get("id") or "").startswith("by-command-"):
            self._id = given["id"]
            self.texts[self._id] = ""
        if "by-command/" in (given.get("hx-post") or ""):
            self.asked_at.append(given["hx-post"])

    def handle_endtag(self, tag: str) -> None:
        self._id = "" if tag == "pre" else self._id

    def handle_data(self, data: str) -> None:
        if self._id:
            self.texts[self._id] += data


class Reader:
    """A signed-in person who copies from pages and pastes into a shell."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        place = urlsplit(site.url)
        self._as_live = {"SERVER_NAME": place.hostname, "SERVER_PORT": str(place.port)}

    def page(self, path: str) -> Ways:
        answer = self.browser.get(path, **self._as_live)
        assert answer.status_code == 200, (path, answer.status_code)
        return Ways(answer.content.decode())

    def texts(self, path: str) -> dict[str, str]:
        return self.page(path).texts

    def of_form(self, path: str, what: str, fields: dict) -> dict[str, str]:
        """The texts of a form that is filled in so, asked for as its page's script does."""
        [url] = [url for url in self.page(path).asked_at if f"by-command/{what}/" in url]
        return self.posted(url, fields).texts

    def posted(self, url: str, fields: dict) -> Ways:
        answer = self.browser.post(url, fields, **self._as_live)
        assert answer.status_code == 200, answer.content
        return Ways(answer.content.decode())

    def execute(self, texts: dict[str, str], title: str, way: str) -> str:
        text = texts[f"by-command-{title}-{way}"]
        assert self.site.token not in text
        command = [sys.executable, "-c", text] if way == "python" else ["bash", "-ec", text]
        done = self.site.execute(command)
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout


def reader_for(browser: Browser, user: User, url: str, folder: Path) -> Reader:
    """Somebody signed in, with files of all kinds in the folder where they type."""
    cache.clear()
    (folder / "service" / "tools").mkdir(parents=True)
    (folder / "model.pkl").write_bytes(b"weights")
    (folder / "requests.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (folder / "score.py").write_text(SCORE)
    (folder / "service" / "score.py").write_text(SCORE)
    (folder / "service" / "tools" / "empty.py").write_text("")
    return Reader(browser, site_for(user, url, folder))
