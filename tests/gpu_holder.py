"""A process that takes GPUs, as a run does, and keeps them until its standard input ends."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from profiler.control import Control
from profiler.events import Event
from profiler.services.gpu_lock import reserved
from profiler.spec import Spec
from tests.service_kit import scored, spec_of


def spec_for(folder: Path, gpus: int) -> Spec:
    """A service that needs so many GPUs, on a target with two."""
    spec = spec_of(scored(folder / "service", gpu=gpus))
    return replace(spec, target=replace(spec.target, gpus=(0, 1)))


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def hear(event: Event) -> None:
    if "message" in event.data:
        say(event.data["message"])


def main(folder: str, gpus: str) -> None:
    control = Control(hear, lambda: False)
    with reserved(spec_for(Path(folder), int(gpus)), control, until=time.monotonic() + 60) as got:
        say("has", *(gpu.index for gpu in got))
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
