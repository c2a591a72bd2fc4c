"""A workspace is a site: the one that MODEL_PROFILER_URL names, with MODEL_PROFILER_TOKEN."""

from __future__ import annotations

from profiler_client.azureml.core.datastore import Datastore
from profiler_client.client import Client


class Workspace:
    """What says in which subscription, group or region a workspace is has no meaning here."""

    def __init__(
        self,
        subscription_id: str = "",
        resource_group: str = "",
        workspace_name: str = "",
        **_elsewhere: object,
    ) -> None:
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.name = workspace_name or "model-profiler"
        self.client = Client()
        self._datastore = Datastore()

    @classmethod
    def from_config(cls, path: str | None = None, **_elsewhere: object) -> Workspace:
        """The site; a config.json, which names an Azure workspace, is not read."""
        return cls()

    @classmethod
    def get(cls, name: str = "", **elsewhere: object) -> Workspace:
        return cls(workspace_name=name, **elsewhere)  # type: ignore[arg-type]

    def get_default_datastore(self) -> Datastore:
        return self._datastore
