"""Registered models, and what Azure ML v1 was asked for: `Model.profile`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler_client.azureml.core.inference import InferenceConfig
from profiler_client.azureml.core.profile import ModelProfile
from profiler_client.errors import Invalid

if TYPE_CHECKING:
    from profiler_client.azureml.core.dataset import TabularDataset
    from profiler_client.azureml.core.resource_configuration import ResourceConfiguration
    from profiler_client.azureml.core.workspace import Workspace

__all__ = ["InferenceConfig", "Model", "ModelProfile"]
GIB = 2**30


class Model:
    """One version of a registered model."""

    class Framework:
        """Names of frameworks; any other text does as well."""

        CUSTOM, MULTI = "Custom", "Multi"
        ONNX, PYTORCH, TENSORFLOW = "Onnx", "PyTorch", "TensorFlow"
        SCIKITLEARN = "ScikitLearn"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        version: int | None = None,
    ) -> None:
        """By `id` (`name:version`), or by name, the latest version if none is given."""
        if not (id or name):
            raise Invalid("Which model?", "Give its name or its id.")
        ref = id or (f"{name}:{version}" if version else str(name))
        self._of(workspace, workspace.client.model(ref))

    def _of(self, workspace: Workspace, known: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self.name, self.version, self.id = known["name"], known["version"], known["ref"]
        self.tags, self.properties = dict(known["tags"]), dict(known["properties"])
        self.description = known["description"]

    @classmethod
    def register(
        cls,
        workspace: Workspace,
        model_path: str,
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        sample_input_dataset: TabularDataset | None = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """The next version of a name, of a file or a folder.

        Which dataset and what resources are the profile's to say: both are taken and not kept.
        """
        made = workspace.client.register_model(
            model_name, model_path, tags=tags, properties=properties,
            description=description or "", framework=model_framework or "",
            framework_version=model_framework_version or "",
        )  # fmt: skip
        return cls(workspace, id=made["ref"])

    @classmethod
    def list(cls, workspace: Workspace, name: str = "", latest: bool = False) -> list[Model]:
        """The latest version of each, or all versions of a name."""
        found = [cls(workspace, id=known["ref"]) for known in workspace.client.models(name=name)]
        return found[:1] if latest and name else found

    def add_tags(self, tags: Mapping[str, object]) -> None:
        """Whatever a value is, a tag is a text; one that is there is replaced."""
        self._change(tags={key: str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Iterable[str]) -> None:
        self._change(remove_tags=tags)

    def add_properties(self, properties: Mapping[str, object]) -> None:
        """They cannot be changed any more."""
        self._change(properties={key: str(value) for key, value in properties.items()})

    def _change(self, **changes: Any) -> None:
        self._of(self.workspace, self.workspace.client.update_model(self.id, **changes))

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: Iterable[Model],
        inference_config: InferenceConfig,
        input_dataset: TabularDataset,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
    ) -> ModelProfile:
        """Start a run; `cpu` (cores) and `memory_in_gb` (2^30 bytes) are the largest size it tries.

        As there, requests are sent one after another; the site's pages, and `Client.start_run`,
        take a rate and an objective.
        """
        limits = {}
        if cpu is not None:
            limits["cpu_millicores"] = round(cpu * 1000)
        if memory_in_gb is not None:
            limits["memory_bytes"] = round(memory_in_gb * GIB)
        profiled = list(models)
        config_name = profiled[0].name if profiled else Path(inference_config.entry_script).stem
        run = workspace.client.start_run(
            name=profile_name,
            models=[model.id for model in profiled],
            dataset=input_dataset.ref,
            config=inference_config.registered(workspace.client, config_name),
            limits=limits or None,
        )
        return ModelProfile(workspace.client, run, description or "")
