"""What a model was registered to need; here a profile says what it needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ResourceConfiguration:
    cpu: float | None = None
    memory_in_gb: float | None = None
    gpu: int | None = None
