"""What every page has: theme, content policy, icons, navigation, error pages, health."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import connection
from django.test import Client, RequestFactory
from django.views import defaults

from runs.templatetags.presentation import ICON_SPRITE
from runs.views import errors
from scripts import tabler_css
from scripts.icon_sprite import used_icons

ROOT = Path(settings.BASE_DIR)
#: A report is a file for itself, with all in it and a policy of its own.
REPORT = ROOT / "templates" / "report" / "base.html"
TEMPLATES = sorted(set((ROOT / "templates").rglob("*.html")) - {REPORT})
#: Attributes and elements that the content security policy forbids.
INLINE = re.compile(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:|hx-on")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_style_or_script(path) -> None:
    assert not INLINE.search(path.read_text())


def test_the_sprite_has_exactly_the_icons_in_use() -> None:
    sprite = (ROOT / "static" / ICON_SPRITE).read_text()
    assert re.findall(r'<symbol id="([^"]+)"', sprite) == used_icons()


def test_tabler_has_exactly_the_rules_in_use() -> None:
    whole = tabler_css.WHOLE.read_text()
    wanted = tabler_css.part(whole, tabler_css.used_classes())
    assert tabler_css.PART.read_text() == wanted, "run python scripts/tabler_css.py"


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (".btn,.row .unheard-of{color:red}", ".btn{color:red}"),
        (".btn:not(.unheard-of,.row){color:red}", ".btn:not(.unheard-of,.row){color:red}"),
        ("@media (width>9px){.unheard-of{top:0}}a{top:0}", "a{top:0}"),
        ("@media print{.btn{top:0}.unheard-of{top:0}}", "@media print{.btn{top:0}}"),
        (".badge-warning{top:0}.nav-warning{top:0}", ".badge-warning{top:0}"),
    ],
)
def test_a_rule_is_kept_for_elements_that_there_may_be(tmp_path, rule: str, kept: str) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "page.html").write_text('<a class="btn row badge-{{ tone }}"></a>')
    assert tabler_css.part(rule, tabler_css.used_classes(tmp_path)) == kept


def test_vendored_files_are_listed_with_their_version_and_licence() -> None:
    listed = (ROOT / "docs" / "THIRD_PARTY.md").read_text()
    for folder in (ROOT / "static" / "vendor").iterdir():
        name, _, version = folder.name.rpartition("-")
        assert f"`{name}-*/" in listed
        assert version in listed
        assert (folder / "LICENSE").is_file()


def test_plotly_is_the_version_that_the_python_package_carries() -> None:
    import plotly

    carried = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    version = re.search(r"plotly\.js v([\d.]+)", carried.read_text()[:300]).group(1)
    assert (ROOT / "static" / "vendor" / f"plotly-{version}").is_dir()


@pytest.mark.django_db
def test_pages_forbid_inline_code_and_load_the_theme_first(signed_in) -> None:
    page = signed_in.get("/runs/")
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    text = page.content.decode()
    assert text.index("js/theme.js") < text.index("stylesheet")


@pytest.mark.django_db
def test_the_navigation_marks_where_one_is(signed_in) -> None:
    text = signed_in.get("/targets/").content.decode()
    assert re.search(r'<a href="/targets/" aria-current="page">Targets</a>', text)
    assert text.count('aria-current="page">Targets') == text.count('<a href="/targets/"')


@pytest.mark.django_db
def test_only_staff_are_led_to_the_administration(client, alice, root) -> None:
    client.force_login(alice)
    assert "Administration" not in client.get("/runs/").content.decode()
    client.force_login(root)
    assert "Administration" in client.get("/runs/").content.decode()


@pytest.mark.django_db
def test_a_page_that_does_not_exist_says_so_in_the_sites_look(signed_in) -> None:
    page = signed_in.get("/nowhere/")
    assert page.status_code == 404
    assert "There is nothing at this address" in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/runs/a%00b/", "/runs/?q=%00", "/api/v1/runs/%00/"])
def test_no_address_has_a_nul(signed_in, address) -> None:
    page = signed_in.get(address)
    assert page.status_code == 400
    assert "There is a NUL in that address." in page.content.decode()


@pytest.mark.django_db
def test_what_is_missing_is_told_with_where_it_would_be(signed_in, make) -> None:
    missing = signed_in.get("/runs/nothing/").content.decode()
    assert "There is nothing at this address" in missing
    assert '<a class="btn" href="/runs/">' in missing
    unmeasured = signed_in.get(f"/runs/{make.run(name='fresh').name}/raw/csv/").content.decode()
    assert "There are no raw samples of this run." in unmeasured
    assert '<a class="btn" href="/runs/fresh/">' in unmeasured


def test_every_error_has_a_page() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    pages = {
        400: errors.bad_request(request, BadRequest()),
        403: defaults.permission_denied(request, PermissionDenied()),
        500: defaults.server_error(request),
    }
    for status, page in pages.items():
        assert page.status_code == status
        assert b"Model Profiler" in page.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [("http://testserver/runs/new/?clone=a", "http://testserver/runs/new/?clone=a"),
     ("https://example.com/", "/models/ridge/1/"), ("", "/models/ridge/1/")],
)  # fmt: skip
def test_a_form_that_is_too_old_leads_back_to_its_page(alice, came_from, leads_to) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    page = strict.post("/models/ridge/1/tags/", headers={"referer": came_from})
    assert page.status_code == 403
    text = page.content.decode()
    assert "Nothing was done." in text
    assert f'<a class="btn" href="{leads_to}">' in text


@pytest.mark.django_db
def test_an_address_that_only_takes_what_is_sent_leads_to_its_page(signed_in) -> None:
    page = signed_in.get("/runs/some/again/")
    assert (page.status_code, page["Allow"]) == (405, "POST")
    assert '<a class="btn" href="/runs/some/">' in page.content.decode()
    assert "To the runs" in signed_in.get("/lists/runs/bulk/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"name": "x" * (9 << 20)}, {str(n): "" for n in range(1001)}])
def test_a_form_that_is_too_large_is_said(signed_in, fields) -> None:
    page = signed_in.post("/runs/new/", fields)
    assert page.status_code == 413
    assert "nothing of it was kept" in page.content.decode()


def test_an_unknown_host_is_refused_as_strictly_as_any_page(client) -> None:
    page = client.get("/runs/", headers={"host": "elsewhere.example"})
    assert page.status_code == 400
    assert "default-src 'none'" in page["content-security-policy"]


@pytest.mark.django_db
def test_health_is_open_to_everyone_and_says_whether_the_database_answers(client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok"})


@pytest.mark.django_db
def test_health_fails_without_a_database(client, monkeypatch) -> None:
    from django.db import OperationalError

    def gone(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", gone)
    assert client.get("/healthz").status_code == 503
