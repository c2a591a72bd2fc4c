"""Static files are gathered when they changed, so that a second start does not wait for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

STAMP = "static.stamp"


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Our scripts, too, import each other by names with a hash: browsers keep them for good.

    Not those of packages: django_htmx has some whose imports lead nowhere.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((r'(?P<matched>from "(?P<url>\./.*?)")', 'from "%(url)s"'),)),
    )


def gather() -> None:
    """Run collectstatic unless the same files were gathered before."""
    stamp = settings.PROFILER_DATA_DIR / STAMP
    now = fingerprint()
    if stamp.exists() and stamp.read_text() == now and Path(settings.STATIC_ROOT).is_dir():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(now)


def fingerprint() -> str:
    """Changes with any static file's path, size or time."""
    digest = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
