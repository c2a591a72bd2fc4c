"""Loads and objectives under a name, to begin from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runs.models import ProfileRun
from runs.run_words import sentence

#: What a preset sets; what it does not name becomes empty, and so the policy's or the engine's.
FIELDS = (
    "question", "load_mode", "concurrency", "rate_rps", "arrivals", "stages", "objective_kind",
    "percentile", "latency_ms", "latency_ratio", "throughput_share", "max_error_rate", "confidence",
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    key: str
    name: str
    load: dict
    objective: dict
    question: str = ProfileRun.Question.SIZE

    @property
    def words(self) -> str:
        return sentence(
            ProfileRun(load=self.load, objective=self.objective, question=self.question)
        )

    @property
    def fields(self) -> dict:
        """All of FIELDS, as the form takes them."""
        load = {key: value for key, value in self.load.items() if key != "mode"}
        kind = "bound" if "latency_ms" in self.objective else "relative"
        given = {"load_mode": self.load["mode"], "objective_kind": kind, "question": self.question}
        return {**dict.fromkeys(FIELDS), **given, **load, **self.objective}

    @property
    def as_json(self) -> str:
        return json.dumps(self.fields)


def _open(rate_rps: float) -> dict:
    return {"mode": "open", "rate_rps": rate_rps, "arrivals": "poisson"}


PRESETS = (
    Preset("nearly", "No bound is known", {"mode": "closed", "concurrency": 1}, {}),
    Preset("interactive", "People wait for it", _open(20), {"percentile": 99, "latency_ms": 80}),
    Preset("busy", "A busy service", _open(100), {"percentile": 95, "latency_ms": 200}),
    Preset("batch", "Batch work", {"mode": "closed", "concurrency": 8}, {}),
    Preset(
        "capacity",
        "How much a size takes",
        _open(20),
        {"percentile": 99, "latency_ms": 80},
        ProfileRun.Question.RATE,
    ),
)


def preset_fields(key: str) -> dict:
    """Those of the preset of that key; empty when there is none."""
    return next((preset.fields for preset in PRESETS if preset.key == key), {})
