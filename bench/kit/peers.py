"""Other load testers, on the driver's core, and what each says of a server."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.kit.cores import CAPACITY
from bench.kit.report import Report
from bench.kit.script import ROOT
from bench.kit.truth import percentile

SCRIPTS = Path(__file__).with_name("peer_scripts")
REQUIREMENTS = ROOT / "bench" / "peers-requirements.txt"
ENVIRONMENT = ROOT / "var" / "bench" / "peers"
#: hey's own default.
HEY_WORKERS = 50


@dataclass(frozen=True)
class Told:
    """A peer's own figures; a latency that it does not give is None."""

    requests: int
    seconds: float
    cpu_s: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None

    @property
    def rps(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu_s / self.requests * 1000


def has(name: str, report: Report) -> bool:
    """Whether a program is here; a note says how to get it where it is not."""
    if shutil.which(name):
        return True
    report.note(f"{name} is not here to compare with; on Debian: apt-get install {name}")
    return False


def wrk(url: str, connections: int, seconds: float, *, body: bytes | None = None) -> Told:
    """wrk, closed loop, with GET, or with POST of a JSON body.

    Its latencies count from sending, without connecting; since version 4 it adds values that it did
    not measure where an answer took long (stats_correct in its source).
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s"]
    variables = {"BENCH_BODY": body.decode()} if body else {}
    output, cpu_s = _run([*command, "-s", str(SCRIPTS / "wrk.lua"), url], **variables)
    return Told(cpu_s=cpu_s, **_last_json(output))


def hey(url: str, connections: int, seconds: float, *, closes: bool = False) -> Told:
    """hey as fast as it can, closed loop."""
    habits = ["-disable-keepalive"] if closes else []
    output, cpu_s = _run([*_hey(connections, seconds), *habits, url])
    answered = sum(int(count) for count in re.findall(r"\[200\]\s+(\d+) responses", output))
    took_s = float(re.search(r"Total:\s+([\d.]+) secs", output)[1])
    return Told(answered, took_s, cpu_s)


def hey_at(url: str, rate_rps: float, seconds: float) -> Told:
    """hey at a rate: each of its workers keeps a part of it, and waits for its answers."""
    each = ["-q", f"{rate_rps / HEY_WORKERS:g}", "-o", "csv"]
    output, cpu_s = _run([*_hey(HEY_WORKERS, seconds), *each, url])
    rows = csv.DictReader(io.StringIO(output))
    took_ms = np.array([float(row["response-time"]) for row in rows]) * 1000
    p50, p99, p999 = (percentile(took_ms, percent) for percent in (50, 99, 99.9))
    return Told(len(took_ms), seconds, cpu_s, p50, p99, p999)


def _hey(workers: int, seconds: float) -> list[str]:
    return ["hey", "-z", f"{seconds:g}s", "-c", str(workers), "-cpus", "1"]


def locust(python: Path, url: str, users: int, seconds: float) -> Told:
    """Locust's fast client: as many users as connections, none of whom waits."""
    command = [str(python), "-m", "locust", "-f", str(SCRIPTS / "locustfile.py"), "--headless"]
    options = ["-u", str(users), "-r", str(users), "--seconds", f"{seconds:g}", "--only-summary"]
    output, _ = _run([*command, *options, "--host", url.rstrip("/"), "--loglevel", "ERROR"])
    return Told(**_last_json(output))


def threads(python: Path, url: str, count: int, seconds: float) -> Told:
    """The requests library in threads."""
    script = str(SCRIPTS / "threads.py")
    output, _ = _run([str(python), script, url, str(count), f"{seconds:g}"])
    return Told(**_last_json(output))


def environment(report: Report) -> Path | None:
    """The Python with Locust and requests, made once; None, with a note, where it cannot be."""
    python = ENVIRONMENT / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    pip = [str(uv), "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
    try:
        if not python.exists():
            subprocess.run([str(uv), "venv", "-q", str(ENVIRONMENT)], check=True, timeout=300)
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        report.note(f"Locust and requests are not here to compare with: {error}")
        return None
    return python


def _run(command: list[str], **variables: str) -> tuple[str, float]:
    """What it printed, and its CPU-seconds; RuntimeError with its last words where it fails."""
    cores = CAPACITY.driver_cores
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=complaints,
            env={**os.environ, **variables},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        if process.returncode:
            words = complaints.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{command[0]} ended with status {process.returncode}: {words}")
        return output.read().decode(errors="replace"), usage.ru_utime + usage.ru_stime


def _last_json(output: str) -> dict:
    return json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
