"""As `azureml.core`."""

from profiler_client.azureml.core.dataset import Dataset
from profiler_client.azureml.core.datastore import Datastore
from profiler_client.azureml.core.environment import Environment
from profiler_client.azureml.core.model import Model
from profiler_client.azureml.core.workspace import Workspace
from profiler_client.version import VERSION

__all__ = ["VERSION", "Dataset", "Datastore", "Environment", "Model", "Workspace"]
