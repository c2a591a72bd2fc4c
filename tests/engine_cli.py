"""Runs the engine as its users do: `python -m profiler` on a folder that holds a spec."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ECHO = """
    def init():
        pass

    def run(raw_data):
        return {"length": len(raw_data)}
"""


@dataclass
class Ended:
    status: int
    output: str
    result: dict | None

    @property
    def error(self) -> dict:
        assert self.result is not None, self.output
        assert self.result["error"] is not None, self.output
        return self.result["error"]


class Project:
    """A folder with a score.py, a dataset and a spec; tests change what they are about."""

    def __init__(self, folder: Path, kind: str = "docker") -> None:
        self.folder = folder
        self.raw: Path | None = None  # where the last run kept its raw data
        self.keeps_raw = False
        self.pid = 0  # of the last run, which names what it starts
        (folder / "service").mkdir()
        self.score(ECHO)
        self.rows([json.dumps({"text": "x" * (number % 7 + 1)}) for number in range(1, 31)])
        self.spec = {
            "models": [],
            "config": {
                "entry_script": "score.py",
                "source_directory": "service",
                "environment": {"pip": []},
            },
            "dataset": {"path": "requests.txt"},
            "target": {"kind": kind},
            "limits": {"memory_bytes": 512 << 20},
            "load": {"mode": "closed", "concurrency": 1},
            "objective": {"percentile": 95, "latency_ms": 250},
            "budget": {"duration_s": 90, "build_s": 300},
        }

    def score(self, source: str) -> None:
        (self.folder / "service" / "score.py").write_text(textwrap.dedent(source))

    def rows(self, bodies: list[str]) -> None:
        (self.folder / "requests.txt").write_text("".join(body + "\n" for body in bodies))

    def run(self, *, env: dict[str, str] | None = None, timeout_s: float = 280) -> Ended:
        process = self.start(env=env)
        self.pid = process.pid
        output, _ = process.communicate(timeout=timeout_s)
        return self.ended(process.returncode, output)

    def run_believed(self, **options: object) -> Ended:
        """Run it, and again where the engine says that this host was too noisy to be believed."""
        for _ in range(3):
            ended = self.run(**options)
            advice = (ended.result or {}).get("advice") or {}
            if not any("is invalid" in reason for reason in advice.get("reasons", ())):
                break
        return ended

    def start(self, *, env: dict[str, str] | None = None) -> subprocess.Popen:
        (self.folder / "spec.json").write_text(json.dumps(self.spec))
        options = []
        if self.keeps_raw:
            self.raw = Path(tempfile.mkdtemp(prefix="raw-", dir=self.folder))
            options = ["--raw", str(self.raw)]
        return subprocess.Popen(
            [sys.executable, "-m", "profiler", "run", str(self.folder / "spec.json"),
             "--out", str(self.folder / "result.json"), *options],
            cwd=ROOT, env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def ended(self, status: int, output: str) -> Ended:
        out = self.folder / "result.json"
        return Ended(status, output, json.loads(out.read_text()) if out.exists() else None)

    def check(self) -> Ended:
        (self.folder / "spec.json").write_text(json.dumps(self.spec))
        done = subprocess.run(
            [sys.executable, "-m", "profiler", "check", str(self.folder / "spec.json")],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout + done.stderr, None)
