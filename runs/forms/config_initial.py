"""The form of a config filled in as another was registered, for its next version."""

from __future__ import annotations

from runs.forms.config_fields import CONDA, DOCKERFILE, PIP
from runs.models import InferenceConfig

#: What the form and a definition call alike.
SAME = ("entry_script", "workers", "image", "port", "health_path", "score_path", "method",
        "headers", "env", "gpu", "egress")  # fmt: skip


def initial_of(config: InferenceConfig) -> dict:
    """Files of its environment are among its sources, and found there."""
    definition, environment = config.definition, config.definition.get("environment", {})
    packages = environment.get(PIP)
    return {
        **{key: definition[key] for key in SAME if key in definition},
        "name": config.name,
        "kind": config.kind,
        "environment_kind": next(
            (kind for kind in (CONDA, DOCKERFILE) if kind in environment), PIP
        ),
        "requirements": "\n".join(packages) if isinstance(packages, list) else "",
        "base_image": environment.get("base_image", ""),
        "python": environment.get("python", ""),
        "sources_of": config.ref if config.files else "",
    }
