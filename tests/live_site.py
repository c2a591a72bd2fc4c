"""A live server with a token for it, and the client's command as one types it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runs.models import ApiToken

ROOT = Path(__file__).resolve().parent.parent
COMMAND = f"""\
#!/bin/sh
PYTHONPATH={ROOT} exec {sys.executable} -m profiler_client "$@"
"""


@dataclass(frozen=True)
class Site:
    """`folder` is where commands run; a `model-profiler` is on their path."""

    url: str
    token: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"MODEL_PROFILER_TOKEN": self.token, "PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, **own, "PATH": path}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`model-profiler` with these arguments, in a process of its own."""
        own = {"MODEL_PROFILER_URL": self.url, **environment}
        return self.execute([str(self.folder / "bin/model-profiler"), *arguments], **own)

    def execute(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env={**self.environment, **environment},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip


def site_for(user, url: str, folder: Path, scope: str = "write") -> Site:
    _, token = ApiToken.objects.make(user=user, name="tests", scope=scope)
    program = folder / "bin" / "model-profiler"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(COMMAND)
    program.chmod(0o755)
    return Site(url, token, folder)
