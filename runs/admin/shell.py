"""Commands of manage.py, as the pages of the administration show them."""

from __future__ import annotations

import shlex


def shell_line(*words: str) -> str:
    return shlex.join([".venv/bin/python", "manage.py", *words])
