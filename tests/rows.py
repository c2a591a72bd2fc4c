"""Rows with sensible content, for tests that need some."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

from runs.models import (
    Dataset,
    InferenceConfig,
    Measurement,
    ProfileRun,
    RegisteredModel,
    StoredFiles,
    Target,
)

SCORE = """\
import json


def init():
    pass


def run(data):
    return json.loads(data)
"""
GIB = 1 << 30


class Rows:
    """Makes rows in one test; names count up, so that two never collide."""

    def __init__(self, owner) -> None:
        self.owner = owner
        self._numbers = itertools.count(1)

    def files(self, name: str = "model.txt", content: bytes = b"weights") -> StoredFiles:
        return StoredFiles.objects.store_upload([(name, io.BytesIO(content))], name=name)

    def model(self, name: str = "ridge", **fields: object) -> RegisteredModel:
        fields = {"files": self.files(), "created_by": self.owner, **fields}
        return RegisteredModel.objects.register(name=name, **fields)

    def dataset(self, name: str = "requests", lines: int = 20, **fields: object) -> Dataset:
        """JSON lines that differ, registered as the site does it."""
        from runs.registering import register_dataset

        content = b"".join(b'{"row": %d}\n' % number for number in range(lines))
        files = self.files("requests.jsonl", content)
        return register_dataset(name=name, files=files, created_by=self.owner, **fields)

    def config(
        self, name: str = "score", script: str = SCORE, pip: list[str] | None = None
    ) -> InferenceConfig:
        files = StoredFiles.objects.store_upload(
            [("score.py", io.BytesIO(script.encode()))], name="service", is_folder=True
        )
        return InferenceConfig.objects.register(
            name=name,
            kind=InferenceConfig.Kind.SCORED,
            definition={"entry_script": "score.py", "environment": {"pip": pip or []}},
            files=files,
            created_by=self.owner,
        )

    def target(self, kind: str = "process", **fields: object) -> Target:
        """This machine, as processes; its queue is its own, as the queue server is shared."""
        from profiler.circumstances import host_capacity

        capacity = host_capacity()
        name = fields.pop("name", f"target-{next(self._numbers)}")
        facts = {
            "queue": f"{name}-{self.files().created_at.timestamp():.6f}",
            "cores": sorted({*capacity.service_cores, *capacity.driver_cores}),
            "service_cores": list(capacity.service_cores),
            "memory_bytes": capacity.memory_bytes,
            "max_cpu_millicores": 1000 * len(capacity.service_cores),
            "max_memory_bytes": capacity.memory_bytes,
        }
        return Target.objects.create(name=name, kind=kind, **{**facts, **fields})

    def run(self, **fields: object) -> ProfileRun:
        """A queued run; rows that are not given are made."""
        fields = dict(fields)
        models = fields.pop("models", None)
        if models is None:
            models = [self.model()]
        config = fields.pop("config", None) or self.config()
        dataset = fields.pop("dataset", None) or self.dataset()
        target = fields.pop("target", None) or self.target()
        return ProfileRun.objects.submit(
            models=models,
            config=config,
            dataset=dataset,
            target=target,
            created_by=self.owner,
            **fields,
        )

    def finished_run(
        self, standing: str = "verified", valid: bool = True, **fields: object
    ) -> ProfileRun:
        """A run that ended with an advice resting on one measurement at its size."""
        run = self.run(**fields)
        token = run.begin(run.attempt)
        reasons = [] if standing == "verified" else [f"This advice is {standing} for a reason."]
        Measurement.objects.create(
            run=run,
            ordinal=1,
            phase="verifying",
            cpu_millicores=500,
            memory_bytes=GIB // 2,
            outcome="passed",
            valid=valid,
            requests=1000,
            data=measurement_data(valid),
        )
        run.complete(token, result(standing, reasons))
        run.refresh_from_db()
        return run


def measurement_data(valid: bool = True) -> dict:
    """The keys that pages and rules read of an engine's measurement."""
    return {
        "ordinal": 1,
        "phase": "verifying",
        "cpu_millicores": 500,
        "memory_bytes": GIB // 2,
        "outcome": "passed",
        "limits_enforced": True,
        "requests": 1000,
        "validity": {
            "valid": valid,
            "reasons": [] if valid else ["The driver was late by 9 ms at p99."],
        },
        "warnings": [],
    }


def result(standing: str, reasons: list[str]) -> dict:
    """A RESULT as the engine writes it."""
    advice = {
        "standing": standing,
        "reasons": reasons,
        "cpu_millicores": 500,
        "memory_bytes": GIB // 2,
        "explanation": "The smallest size that passed.",
    }
    return {
        "schema_version": 1,
        "state": "succeeded",
        "error": None,
        "advice": advice,
        "measurements": [],
        "azureml": {"state": "Succeeded"},
        "circumstances": {
            "host": "lab",
            "image": "model-profiler/run:abc",
            "image_id": "sha256:1f",
        },
        "phases": [{"phase": "verifying", "seconds": 3.0}],
    }


def example(name: str) -> Path:
    return Path(__file__).resolve().parent.parent / "examples" / name
