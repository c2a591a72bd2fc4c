"""The filled site: its database made once and kept, its web server as `make run` starts it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.kit.report import say
from bench.kit.script import ROOT
from tests.e2e.installation import free_port

WEB_TIMEOUT_S = 30
#: Changes whenever what is filled in does: an older database is made anew.
EDITION = 2


@contextmanager
def filled_site(runs: int) -> Iterator[str]:
    """The address of a web server over a database of so many runs; stopped in the end."""
    data_dir = ROOT / "var" / "bench" / f"pages-{runs}-{EDITION}"
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "profiler_site.settings",
        "PROFILER_DATA_DIR": str(data_dir),
        "PORT": str(free_port()),
        # The originals wait for a queue server that there is not, as all runs then do.
        "LOG_LEVEL": "ERROR",
    }
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    _prepare(data_dir, runs)
    from runs.serving.children import Children
    from runs.serving.supervisor import address, web_command, web_status

    children = Children()
    children.start("web server", web_command(), dict(os.environ))
    try:
        _wait_for(web_status)
        yield address()
    finally:
        children.stop(patience_s=5)


def _prepare(data_dir: Path, runs: int) -> None:
    from django.core.management import call_command

    from runs.serving import static_files

    call_command("migrate", interactive=False, verbosity=0)
    call_command("ensure_admin", stdout=sys.stderr)
    static_files.gather()
    stamp = data_dir / "filled"
    if not stamp.exists():
        from bench.site.filling import fill

        began = time.monotonic()
        fill(runs)
        stamp.touch()
        say(f"  filled with {runs:,} runs in {time.monotonic() - began:.0f} s")


def _wait_for(status) -> None:
    end = time.monotonic() + WEB_TIMEOUT_S
    while status() != requests.codes.ok:
        if time.monotonic() > end:
            raise TimeoutError(f"The web server did not answer within {WEB_TIMEOUT_S} s.")
        time.sleep(0.1)


def session_cookie() -> str:
    """Of a session in which the administrator is signed in."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.filter(is_superuser=True).first())
    return client.cookies[settings.SESSION_COOKIE_NAME].value
